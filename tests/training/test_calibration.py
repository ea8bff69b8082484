"""A calibration and its file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.files import sha256_of
from lulcseg.training.calibration import (
    TEMPERATURE,
    VECTOR,
    Calibration,
    CalibrationFile,
    calibration_beside,
    find_calibration,
)
from lulcseg.training.predictor import PatchPredictor
from lulcseg.training.task import SegmentationTask
from tests.support.models import record

NAMES = ("Bare", "Trees")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "best.ckpt"
    path.write_bytes(b"weights")
    return path


def content(checkpoint: Path) -> CalibrationFile:
    fits = {
        TEMPERATURE: Calibration.of_temperature(2.0, 2),
        VECTOR: Calibration(VECTOR, (0.5, 0.7), (0.1, -0.1), (((0.4, 0.7), (0.9, 0.95)), ())),
    }
    return CalibrationFile(sha256_of(checkpoint), NAMES, TEMPERATURE, fits, {"scene": "farm"}, {})


def test_logits_are_scaled_before_the_softmax() -> None:
    image, valid = torch.randint(0, 255, (2, 3, 32, 32), dtype=torch.uint8), torch.ones(2, 32, 32, dtype=torch.bool)
    torch.manual_seed(0)
    task = SegmentationTask(record()).eval()
    classes = len(record().legend)
    plain = PatchPredictor(task, accelerator="cpu", precision="32-true")(image, valid)

    def scaled(calibration: Calibration) -> torch.Tensor:
        return PatchPredictor(task, accelerator="cpu", precision="32-true", calibration=calibration)(image, valid)

    assert torch.equal(scaled(Calibration.of_temperature(1.0, classes)), plain), "T = 1 changes a bit"
    torch.testing.assert_close(scaled(Calibration.of_temperature(2.0, classes)), plain / 2)
    factor, offset = torch.linspace(0.5, 2, classes), torch.linspace(-1, 1, classes)
    vector = scaled(Calibration(VECTOR, tuple(factor.tolist()), tuple(offset.tolist())))
    torch.testing.assert_close(vector, plain * factor[None, :, None, None] + offset[None, :, None, None])


def test_the_file_is_read_as_it_was_written(checkpoint: Path) -> None:
    path, written = calibration_beside(checkpoint), content(checkpoint)
    written.save(path)
    assert CalibrationFile.load(path) == written
    assert find_calibration(checkpoint, "auto", NAMES) == written.fits[TEMPERATURE]
    assert find_calibration(checkpoint, "vector", NAMES) == written.fits[VECTOR]
    assert find_calibration(checkpoint, str(path)) == written.fits[TEMPERATURE]
    assert find_calibration(checkpoint, "none", NAMES) is None


def test_without_a_file_auto_is_none_and_a_method_is_refused(checkpoint: Path) -> None:
    assert find_calibration(checkpoint, "auto", NAMES) is None
    with pytest.raises(LulcsegError, match="no such calibration"):
        find_calibration(checkpoint, "temperature", NAMES)


def test_a_calibration_of_other_weights_is_refused(checkpoint: Path) -> None:
    content(checkpoint).save(calibration_beside(checkpoint))
    checkpoint.write_bytes(b"trained again")
    with pytest.raises(LulcsegError, match=r"belongs to another checkpoint.*calibration=none"):
        find_calibration(checkpoint, "auto", NAMES)


def test_what_does_not_fit_or_is_damaged_is_refused(checkpoint: Path) -> None:
    path, sound = calibration_beside(checkpoint), content(checkpoint)
    replace(sound, legend=("Bare", "Water")).save(path)
    with pytest.raises(LulcsegError, match="Bare, Water"):
        find_calibration(checkpoint, "auto", NAMES)
    replace(sound, fits={TEMPERATURE: sound.fits[TEMPERATURE]}).save(path)
    with pytest.raises(LulcsegError, match=r"holds no vector scaling.*method=vector"):
        find_calibration(checkpoint, "vector", NAMES)
    plain = json.loads(path.read_text())
    for spoilt in (
        {**plain, "fits": {TEMPERATURE: {"method": TEMPERATURE, "factor": [0, 1], "offset": [0, 0]}}},
        {**plain, "fits": {TEMPERATURE: {"method": TEMPERATURE, "factor": [1, "x"], "offset": [0, 0]}}},
        {**plain, "format": 9},
        {**plain, "fits": None},
    ):
        path.write_text(json.dumps(spoilt))
        with pytest.raises(LulcsegError, match="not a calibration"):
            find_calibration(checkpoint, "auto", NAMES)
    fit = {"method": TEMPERATURE, "factor": [1, 1], "offset": [0, 0]}
    for changed, words in (
        ({"precision": [[0.5], []]}, r"\(precision must be pairs of a confidence and a share\)"),
        ({"precision": [[[0.5]], []]}, r"\(precision must be pairs of a confidence and a share\)"),
        ({"precision": 3}, r"\(precision must be pairs of a confidence and a share\)"),
        ({"precision": [[[0.5, 7]], []]}, r"\(confidences and shares in precision must be 0 to 1\)"),
        ({"offset": "ab"}, r"\(factors and offsets must be numbers\)"),
    ):
        path.write_text(json.dumps({**plain, "fits": {TEMPERATURE: fit | changed}}))
        with pytest.raises(LulcsegError, match=words):
            find_calibration(checkpoint, "auto", NAMES)
    path.write_text(json.dumps({key: value for key, value in plain.items() if key != "legend"}))
    with pytest.raises(LulcsegError, match=r"damaged \(it lacks 'legend'\)"):
        find_calibration(checkpoint, "auto", NAMES)
    path.write_text("{")
    with pytest.raises(LulcsegError, match="not a calibration"):
        find_calibration(checkpoint, "auto", NAMES)


def test_a_misspelt_choice_is_told_the_choices(checkpoint: Path) -> None:
    words = r"^calibration=foo: there is no such file; use auto, none, temperature, vector, or the path"
    with pytest.raises(LulcsegError, match=words):
        find_calibration(checkpoint, "foo", NAMES)


def test_the_threshold_is_where_precision_is_reached_for_good() -> None:
    curve = ((0.0, 0.5), (0.2, 0.91), (0.4, 0.85), (0.6, 0.92), (0.8, 0.97))
    calibration = replace(Calibration.of_temperature(1.0, 2), precision=(curve, ()))
    assert calibration.threshold(0, 0.9) == 0.6
    assert calibration.threshold(0, 0.5) == 0.0
    assert calibration.threshold(0, 0.99) == math.inf
    assert calibration.threshold(1, 0.1) == math.inf, "a class that was hardly mapped"
