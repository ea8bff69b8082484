"""``lulcseg calibrate``: fit a calibration on held-out ground and keep it beside the checkpoint."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lulcseg.assessment.point_design import PointDesign
from lulcseg.assessment.reliability import measure_reliability
from lulcseg.assessment.scaling_fit import (
    ScalingFit,
    fit_temperature,
    fit_vector,
    log_losses,
    mean_over_patches,
    precision_curves,
    softmax,
)
from lulcseg.errors import LulcsegError
from lulcseg.files import sha256_of
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.run.device_checks import check_device
from lulcseg.run.held_out import HeldOutPixels, collect_held_out
from lulcseg.run.open_scenes import cache_folder, check_fits, of_model
from lulcseg.run.resume import training_plans
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.sole_writer import sole_writer
from lulcseg.scene.scene import Scene
from lulcseg.seeds import generator
from lulcseg.settings.calibrate import CalibrateSettings
from lulcseg.training.calibration import TEMPERATURE, VECTOR, Calibration, CalibrationFile, calibration_beside
from lulcseg.training.task import SegmentationTask

_LEAST_PATCHES, _LEAST_PIXELS, _LEAST_OF_CLASS = 8, 1000, 50

FEW_PATCHES = 40
"""Below this many patches standard errors are themselves uncertain."""


@dataclass(frozen=True)
class MethodResult:
    """A calibration, and how it does on patches that it was not fitted to.

    Attributes:
        calibration: The calibration.
        error: Standard error of the temperature; NaN for a vector.
        before: Log loss (nats), calibration error and Brier score of the probabilities as the network gives them.
        after: The same, calibrated.
        gain: How much the log loss falls, and its standard error over patches.
    """

    calibration: Calibration
    error: float
    before: dict[str, float]
    after: dict[str, float]
    gain: tuple[float, float]

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON form of all but the calibration."""
        error = None if math.isnan(self.error) else self.error
        gain, gain_error = self.gain
        plain = {"before": self.before, "after": self.after, "nll_gain": gain, "nll_gain_error": gain_error}
        return {"temperature_error": error, **plain}


@dataclass(frozen=True)
class FittedCalibration:
    """What a command ``lulcseg calibrate`` found.

    Attributes:
        path: The file written.
        file: Its content.
        results: Each method's result; the last is the one that predictions use.
    """

    path: Path
    file: CalibrationFile
    results: list[MethodResult]


def fit_calibration(checkpoint: Path, settings: CalibrateSettings) -> FittedCalibration:
    """Fit a calibration and write it.

    Half of the patches are fitted to; the scores before and after, and the precision above each confidence, are those
    of the other half.

    Args:
        checkpoint: The model's file.
        settings: Scene, method, and how many pixels.

    Raises:
        LulcsegError: The model doesn't fit the scene, there is too little held-out ground, no scaling fits best, or
            another process writes to the run's folder.
    """
    if settings.scene is None:
        raise LulcsegError("scene is missing", where="command line", remedy="write scene=…")
    check_device(settings.accelerator)
    checkpoint = checkpoint.expanduser().resolve()
    out = calibration_beside(checkpoint) if settings.out is None else Path(settings.out).expanduser()
    if out.suffix != ".json":
        raise LulcsegError("a calibration is a JSON file", where=out, remedy="give it a name that ends in .json")
    run = RunFolder.of_checkpoint(checkpoint)
    within = run.has_record and out.resolve().is_relative_to(run.path)
    with sole_writer(run, "out") if within else nullcontext():
        return _fit(checkpoint, out, settings)


def _fit(checkpoint: Path, out: Path, settings: CalibrateSettings) -> FittedCalibration:
    """Fit a calibration and write it: see :func:`fit_calibration`."""
    assert settings.scene is not None
    task = SegmentationTask.load_from_checkpoint(checkpoint, trust_target=settings.trust_target)
    scene = of_model(Scene.open(settings.scene, cache_folder(settings.cache)), task.record)
    check_fits(task.record, scene)
    if scene.spec.labels is None:
        raise LulcsegError("it has no labels to calibrate on", where=scene.file.path, remedy="give a labelled scene")
    model = TrainedModel(task, checkpoint, settings.precision, Devices(settings.accelerator))
    wanted = {"pixels": settings.pixels, "patches": settings.patches, "seed": settings.seed}
    pixels = collect_held_out(model, scene, next(iter(training_plans([checkpoint])), None), **wanted)
    names = task.record.to_legend().names
    fitted, tested = _halves(pixels, settings.seed, scene)
    methods = [TEMPERATURE] if settings.method == TEMPERATURE else [TEMPERATURE, VECTOR]
    if VECTOR in methods:
        _check_classes(fitted, names, scene)
    results = [_result(method, fitted, tested, settings.seed) for method in methods]
    file = CalibrationFile(
        checkpoint=sha256_of(checkpoint),
        legend=tuple(names),
        method=settings.method,
        fits={each.calibration.method: each.calibration for each in results},
        fitted_on={
            "ground": pixels.ground,
            "scene": scene.name,
            "date": scene.date,
            "seed": settings.seed,
            "patches": len(np.unique(fitted.patch)),
            "pixels": len(fitted.labels),
            "test_patches": len(np.unique(tested.patch)),
            "test_pixels": len(tested.labels),
            "pixels_of_class": dict(zip(names, np.bincount(fitted.labels, minlength=len(names)).tolist(), strict=True)),
        },
        scores={each.calibration.method: each.to_plain() for each in results},
    )
    file.save(out)
    return FittedCalibration(out, file, results)


def _halves(pixels: HeldOutPixels, seed: int, scene: Scene) -> tuple[HeldOutPixels, HeldOutPixels]:
    """Split pixels by patch into those to fit to and those to test on."""
    patches = np.unique(pixels.patch)
    if len(patches) < _LEAST_PATCHES or len(pixels.labels) < _LEAST_PIXELS:
        raise LulcsegError(
            f"its held-out ground has {len(pixels.labels):,} labelled pixels in {len(patches)} patches, and a "
            f"calibration needs {_LEAST_PIXELS:,} in {_LEAST_PATCHES}",
            where=scene.file.path,
            remedy="hold out more ground (validation.fraction), or give a larger labelled scene",
        )
    order = generator(seed, "halves of the held-out patches").permutation(patches)
    half = len(order) // 2
    return pixels.in_patches(order[:half]), pixels.in_patches(order[half:])


def _check_classes(pixels: HeldOutPixels, names: list[str], scene: Scene) -> None:
    """Refuse vector scaling if a class is hardly there: its factor and offset would be of nothing."""
    counts = np.bincount(pixels.labels, minlength=len(names))
    of_class = [len(np.unique(pixels.patch[pixels.labels == k])) for k in range(len(names))]
    few = [
        f"{name} ({count:,} in {patches})"
        for name, count, patches in zip(names, counts.tolist(), of_class, strict=True)
        if count < _LEAST_OF_CLASS or patches < 2
    ]
    if few:
        raise LulcsegError(
            f"its held-out ground has too few pixels of some classes for a factor of their own: {', '.join(few)} "
            "patches",
            where=scene.file.path,
            remedy="use method=temperature, or more ground",
        )


def _result(method: str, fitted: HeldOutPixels, tested: HeldOutPixels, seed: int) -> MethodResult:
    fitting = fit_temperature if method == TEMPERATURE else fit_vector
    found: ScalingFit = fitting(fitted.logits, fitted.labels, fitted.patch, seed=seed)
    scaled = tested.logits * found.factor + found.offset
    curves = precision_curves(softmax(scaled), tested.labels)
    calibration = Calibration(method, tuple(found.factor.tolist()), tuple(found.offset.tolist()))
    calibration = replace(calibration, precision=tuple(tuple(curve) for curve in curves))
    saved = log_losses(tested.logits, tested.labels) - log_losses(scaled, tested.labels)
    return MethodResult(
        calibration,
        found.temperature_error,
        _scores(tested.logits, tested),
        _scores(scaled, tested),
        mean_over_patches(saved, tested.patch),
    )


def _scores(logits: np.ndarray, pixels: HeldOutPixels) -> dict[str, float]:
    p = softmax(logits)
    found = measure_reliability(
        p, pixels.labels, p.argmax(axis=1), PointDesign.unknown(len(p)), named="held-out pixels"
    )
    return {
        "nll": float(log_losses(logits, pixels.labels).mean()),
        "ece": found.ece.value,
        "brier": found.brier.value,
    }
