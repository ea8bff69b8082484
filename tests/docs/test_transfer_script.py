"""docs/transfer.py: the share of the gap to an oracle."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.support.checkout import ROOT

SCRIPT = ROOT / "docs" / "transfer.py"


@pytest.fixture(scope="module")
def closed() -> Any:
    return runpy.run_path(str(SCRIPT))["closed"]


def runs(*kappa: float, first: int = 0) -> dict[str, dict[str, float]]:
    return {f"seed{first + number}": {"kappa": value} for number, value in enumerate(kappa)}


def test_runs_of_the_same_seeds_are_paired(closed: Any) -> None:
    source, oracle, adapted = [0.1, 0.0, 0.2], [0.9, 0.5, 1.0], [0.5, 0.4, 0.6]
    shares = [(a - s) / (o - s) for a, s, o in zip(adapted, source, oracle, strict=True)]
    half = stats.t.ppf(0.975, 2) * np.std(shares, ddof=1) / 3**0.5
    found = closed(runs(*adapted), runs(*source), runs(*oracle))
    assert found == f"{100 * np.mean(shares):.0f} ± {100 * half:.0f} %"


def test_runs_of_other_seeds_are_not(closed: Any) -> None:
    found = closed(runs(0.5, 0.5), runs(0.1, 0.1), runs(0.9, 0.9, first=7))
    assert found == "50 ± 0 %"
    assert closed(runs(0.5), runs(0.1), runs(0.9)) == "50 %"


@pytest.mark.parametrize("first", [0, 7])
def test_an_oracle_that_is_no_better_leaves_no_gap(closed: Any, first: int) -> None:
    assert closed(runs(0.5, 0.6), runs(0.4, 0.5), runs(0.4, 0.5, first=first)) == "no gap"


def test_a_folder_without_runs_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["transfer.py", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert left.value.code == 2
    assert "none holds no runs" in capsys.readouterr().err
