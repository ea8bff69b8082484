"""The benchmark of jobs that share a map: its simulation, and a run at its smallest size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def shares(benchmark_module):
    return benchmark_module("shares")


def test_equal_jobs_take_equal_parts_of_the_time(shares):
    assert shares.simulated(1, 64, 2.0, 0.5) == pytest.approx(64 * 2.0 + 0.5)
    assert shares.simulated(4, 64, 2.0, 0.5) == pytest.approx(16 * 2.0 + 0.5)
    assert shares.simulated(64, 64, 2.0, 0.5) == pytest.approx(2.5)
    assert shares.simulated(100, 64, 2.0, 0.5) == pytest.approx(2.5)


@pytest.mark.slow
def test_it_runs():
    small = ["--size", "128", "--strip", "32", "--patch", "32", "--filters", "4", "--rounds", "1", "--strips", "8"]
    done = subprocess.run(
        [sys.executable, str(FOLDER / "shares.py"), *small], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("|---") >= 2
