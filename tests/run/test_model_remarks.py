"""What is printed of models before they predict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lulcseg.run.model_remarks import model_remarks
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.training.calibration import Calibration

COLD = Calibration.of_temperature(0.201, 3)


@dataclass
class Member:
    checkpoint: Path
    calibration: Calibration | None = None


def remarks(*members: Member, adapts: bool = False, scale: float = 1.0) -> list[str]:
    ensemble: Any = type("Models", (), {"members": members, "adapt": "histogram"})
    return list(model_remarks(ensemble, adapts=adapts, scale=scale))


def test_calibrations_are_told_by_model(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name / "best.ckpt" for name in ("a", "b", "c"))
    assert remarks(Member(first)) == remarks(Member(first), Member(second)) == []
    assert remarks(Member(first, COLD)) == ["Probabilities are calibrated: temperature 0.201."]
    assert remarks(Member(first), Member(second, COLD)) == [
        "Probabilities are calibrated: b/best.ckpt by temperature 0.201; a/best.ckpt is not calibrated."
    ]
    assert remarks(Member(first), Member(second, COLD), Member(third))[0].endswith(
        "a/best.ckpt, c/best.ckpt are not calibrated."
    )


def test_a_calibration_was_fitted_without_adapting(tmp_path: Path) -> None:
    first = tmp_path / "best.ckpt"
    assert remarks(Member(first), adapts=True) == []
    (_, said) = remarks(Member(first, COLD), adapts=True)
    assert said.startswith("The calibration was fitted without adapt=histogram")
    assert remarks(Member(first), scale=2.0) == []
    (_, said) = remarks(Member(first, COLD), scale=2.0)
    assert said.startswith("The calibration was fitted without mosaic.scale=2:")


def test_several_models_of_one_run_are_told(tmp_path: Path) -> None:
    one, other = RunFolder(tmp_path / "v0"), RunFolder(tmp_path / "v1")
    models = [Member(path) for path in (one.best, other.best, one.last)]
    assert remarks(*models) == [], "there are no runs"
    RunRecord.of(state="finished").save(one)
    RunRecord.of(state="finished").save(other)
    assert remarks(*models) == [
        f"2 of 3 models are of one training run, {one.path} (v0/checkpoints/best.ckpt, v0/checkpoints/last.ckpt): "
        "that run counts 2 times in the mean."
    ]
    assert remarks(*models[:2]) == []
