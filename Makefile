# Two commands do everything on a fresh machine: `make demo` and `make test`.
# They need Python 3.12 or newer, pip and make; everything else goes into .venv.

PYTHON ?= $(shell for p in python3 python3.12 python3.13 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
DEMO ?= demo
EXPERIMENT ?= demo
SCENE ?= synthetic2018

.DEFAULT_GOAL := help
.PHONY: help env demo test test-slow torture lint lock clean study docs

help:
	@echo "make demo    environment, synthetic landscape, training, maps of both dates, report"
	@echo "make test    environment, then the tests"
	@echo "make test-slow   those of many processes: sweeps, jobs of a cluster, killed maps, the wheel, benchmarks"
	@echo "make torture the tests of hostile input, a hundred times as many cases"
	@echo "make docs    the documentation site, in build/site"
	@echo "make study   every trial of the study, on two CPU cores: an estimated 9 hours"
	@echo "make lint    style, types and import order"
	@echo "make lock    pin the dependencies anew"
	@echo "make clean   remove the demo, caches and the environment"

.venv/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "lulcseg needs Python 3.12 or newer; name it with PYTHON=…" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --progress-bar off -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

env: .venv/.installed

demo: .venv/.installed
	rm -rf $(DEMO)/run
	$(BIN)/python train.py +experiment=$(EXPERIMENT) cache=$(DEMO)/cache run_dir=$(DEMO)/run
	$(BIN)/python predict.py checkpoint=$(DEMO)/run/checkpoints/best.ckpt scene=$(SCENE) mosaic=single cache=$(DEMO)/cache
	@echo "Open $(DEMO)/run/report.html in a browser"

test: .venv/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

test-slow: .venv/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile -m slow

torture: .venv/.installed
	LULCSEG_TORTURE=100 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/reliability

study: .venv/.installed
	sh docs/study/mini.sh

docs: .venv/.installed
	$(BIN)/python docs/site/build.py

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: .venv/.installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --extra dev --python-version 3.12 pyproject.toml -o requirements.lock

clean:
	rm -rf .venv $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
