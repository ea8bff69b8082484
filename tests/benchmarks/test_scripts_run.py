"""Every benchmark runs at its smallest size: a script that the docs tell people to run must not die on an import."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[2] / "benchmarks"
SMALLEST = {
    "feed": "--size 1024 --seconds 0.1 --polygons 20 --tiles raw --workers 0 --out OUT",
    "mosaic": "--filters 4 --patch 64 --sizes 128 --plans single --rounds 1 --threads 1 --out OUT",
    "check": "--side 300 --rounds 1",
    "imports": "--module lulcseg.legend --rounds 1",
    "plan": "--totals exact --repeat 1 --corners 4",
    "step": "--patch 32 --batch 2 --filters 4",
    "growth": "--together --first 1 --most-seconds 60 --out OUT",
    "trials": "--runs 4 --points 100",
    "study_arms": "--rounds 1 --seconds 0 --groups loss passes --out OUT",
    "ensemble": "--size 128 --models 2 --plan single --filters 4 --patch 64 --rounds 1 --threads 1",
    "augment": "--rounds 1 --seconds 0.05 --step-batch 0 --threads 1 --only multiply --out OUT",
}
ELSEWHERE = {
    "gpu": "test_gpu.py",
    "passes": "test_passes.py",
    "shares": "test_shares.py",
    "sensor_shifts": "test_sensor_shifts.py",
    "terratorch_peer": "needs TerraTorch's own environment",
}
"""Scripts that other tests run, or that can't run here."""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, benchmark_module: object):
    """Return a function that runs a benchmark in this process, as its command line would."""
    monkeypatch.setenv("GDAL_CACHEMAX", "16")  # feed.py sets it, and it goes back with this
    threads = torch.get_num_threads()

    def run(name: str, words: str) -> Path:
        out = tmp_path / "out"
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *words.replace("OUT", str(out)).split()])
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        return out

    yield run
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_it_runs(name: str, script, capsys: pytest.CaptureFixture[str]) -> None:
    out = script(name, SMALLEST[name])
    assert capsys.readouterr().out.strip(), "nothing is printed"
    if "OUT" in SMALLEST[name]:
        assert json.loads((out / f"{name}.json").read_text())
        assert (out / f"{name}.png").stat().st_size > 1000


def test_no_script_is_left_out() -> None:
    started = {
        path.stem for path in FOLDER.glob("*.py") if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }
    others = {"imgaug_chain", "augment_show", "gpu_show"}  # started by another Python, or show what others measured
    assert started - others == {*SMALLEST, *ELSEWHERE}
