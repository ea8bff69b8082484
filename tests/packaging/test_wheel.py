"""The wheel, outside the checkout: it trains, sweeps and predicts with the configuration that it holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import scene_maker
from tests.support.checkout import ROOT
from tests.support.small_runs import QUICK

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder that only the wheel was unpacked to; what it depends on is this environment's."""
    folder = wheel.parent / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def lulcseg(installed: Path, cwd: Path, *words: str) -> str:
    """Run ``lulcseg`` by the wheel's files, in a folder without a checkout."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    env |= {"PYTHONPATH": str(installed), "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "lulcseg", *words], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_holds_all_that_the_checkout_has(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "sweeps"):
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.yaml")}
        assert {f"lulcseg/shipped/{file}" for file in files} <= names
    needed = [path for path in (ROOT / "lulcseg").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.relative_to(ROOT).as_posix() for path in needed} <= names
    assert not [name for name in names if name.startswith(("tests/", "conf/", "docs/"))]


def test_it_trains_sweeps_and_predicts(installed: Path, tmp_path: Path) -> None:
    scene_maker(tmp_path)("ground")
    common = ["scene=ground/scene.yaml", "cache=cache"]
    lulcseg(installed, tmp_path, "train", *common, *QUICK, "run_dir=run")
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["state"] == "finished"
    assert record["git"] is None
    assert record["command"].startswith("python -m lulcseg train scene=ground/scene.yaml")
    lulcseg(installed, tmp_path, "predict", "checkpoint=run/checkpoints/best.ckpt", *common, "output=maps")
    assert list((tmp_path / "maps").rglob("*.tif"))
    swept = ["-m", "+sweeps=batch_size", "+experiment=batch10", "seed=0"]
    lulcseg(installed, tmp_path, "train", *swept, *common, *QUICK)
    states = [json.loads(path.read_text())["state"] for path in tmp_path.glob("runs/batch_size/*/*/record.json")]
    assert states == ["finished"]


def test_it_says_what_to_do_next(installed: Path, tmp_path: Path) -> None:
    said = lulcseg(installed, tmp_path)
    assert "lulcseg init my_project" in said
    assert "lulcseg train +experiment=demo " in said
