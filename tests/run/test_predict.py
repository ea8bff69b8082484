"""What a prediction says of its models' calibrations before it maps."""

from __future__ import annotations

from pathlib import Path

import pytest

from lulcseg.files import sha256_of
from lulcseg.run.predict import _loaded
from lulcseg.settings.config import PredictConfig
from lulcseg.training.calibration import TEMPERATURE, Calibration, CalibrationFile, calibration_beside
from lulcseg.training.task import SegmentationTask
from tests.support.models import record, save


def test_lines_say_what_is_not_calibrated_and_what_a_calibration_was_not_fitted_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [save(SegmentationTask(record(seed=n)), tmp_path / f"{n}.ckpt") for n in range(2)]
    names = record().to_legend().names

    def said(adapt: str) -> str:
        _loaded(PredictConfig(checkpoint=[str(path) for path in paths], adapt=adapt, accelerator="cpu"), paths)
        return capsys.readouterr().out

    assert said("histogram") == ""
    fit = Calibration.of_temperature(2.0, len(names))
    for path in paths:
        file = CalibrationFile(sha256_of(path), tuple(names), TEMPERATURE, {TEMPERATURE: fit})
        file.save(calibration_beside(path))
        expected = "1 of 2 models are calibrated; the others' probabilities are as they are.\n"
        assert (expected in said("none")) == (path == paths[0])
    assert "fitted without" not in said("none")
    assert said("histogram").count("The calibration was fitted without adapt=histogram") == 1
