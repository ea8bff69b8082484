"""The model that is exported, with what is known of its run and fixed of a mosaic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lulcseg.augment.band_matching import QUANTILES
from lulcseg.augment.scaler import MOSAIC
from lulcseg.errors import LulcsegError
from lulcseg.export.exported_model import ExportedModel
from lulcseg.files import sha256_of
from lulcseg.mosaic.adaptation import check_adaptable
from lulcseg.mosaic.norm_sample import statistics_of_mosaic
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.settings.adapt import ADAPTATIONS, BY_BATCH_NORM, BY_HISTOGRAM
from lulcseg.settings.export import ExportSettings
from lulcseg.training.predictor import PatchPredictor

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class ExportSource:
    """What a file is made from.

    Attributes:
        model: The trained model.
        predictor: Its predictor, on the CPU in float32, with what is fixed of a mosaic.
        exported: What the file says of itself.
        tolerance: Largest difference of a probability at which a file is kept.
        licence: Licence of the trained weights; None: not stated.
    """

    model: TrainedModel
    predictor: PatchPredictor
    exported: ExportedModel
    tolerance: float = 1e-5
    licence: str | None = None

    @property
    def parameters(self) -> int:
        """Number of the network's parameters."""
        return sum(parameter.numel() for parameter in self.model.task.network.parameters())

    @property
    def architecture(self) -> str:
        """Name of the network's architecture, with its encoder."""
        settings = self.model.record.model
        if settings.target is not None:
            return settings.target
        return "U-Net" if settings.name == "unet" else f"{settings.architecture} ({settings.encoder})"


def _holds(kind: np.dtype[Any], value: float) -> bool:
    """Whether a type of whole numbers has a value."""
    limits = np.iinfo(kind)
    return float(value).is_integer() and limits.min <= value <= limits.max


def export_source(model: TrainedModel, settings: ExportSettings, scene: Scene | None = None) -> ExportSource:
    """Settle what is fixed in the files.

    Args:
        model: The trained model, on the CPU in float32.
        settings: Of the export.
        scene: The scene that the files are for; None: any.

    Raises:
        LulcsegError: Something would have to be fixed of a scene that isn't named, a scene is named of which nothing is
            needed, or the model can't be adapted to it.
    """
    by_mosaic = model.scaled_over == MOSAIC
    kind = np.dtype(model.record.dtype)
    if settings.nodata is not None and kind.kind in "iu" and not _holds(kind, settings.nodata):
        raise LulcsegError(
            f"--nodata {settings.nodata:g} is no value of the model's imagery, {kind.name}", remedy="leave it out"
        )
    _check_scene(model, settings, scene, by_mosaic=by_mosaic)
    statistics: Mapping[str, Any] | None = None
    quantiles = batch_norm = None
    if scene is not None:
        if by_mosaic:
            statistics = mosaic_statistics(scene.imagery, scene.cache).summary(model.record.scaling.percentiles)
        if settings.adapt in BY_HISTOGRAM:
            quantiles = mosaic_statistics(scene.imagery, scene.cache).quantiles(QUANTILES)
        if settings.adapt in BY_BATCH_NORM:
            batch_norm = statistics_of_mosaic(model, scene, _CPU, statistics, quantiles)
    described = ExportedModel(
        record=model.record,
        checkpoint=sha256_of(model.checkpoint),
        patch_size=settings.patch_size or model.record.patch_size,
        scaled_over=model.scaled_over,
        scene=None if scene is None else scene.name,
        adapted=None if scene is None else ADAPTATIONS[settings.adapt],
        calibration=model.calibration,
        nodata=settings.nodata,
    )
    predictor = model.predictor(_CPU, statistics, quantiles, batch_norm)
    return ExportSource(model, predictor, described, settings.tolerance, settings.licence)


def check_needs_scene(model: TrainedModel, settings: ExportSettings, scene: str) -> None:
    """Check that something of a scene would be fixed in the files, before it is opened.

    Args:
        model: The trained model.
        settings: Of the export.
        scene: The scene, for the error.

    Raises:
        LulcsegError: Nothing would.
    """
    if settings.adapt == "none" and model.scaled_over != MOSAIC:
        raise LulcsegError(
            f"nothing of scene {scene} would be fixed in the files: they are for any mosaic",
            where="export",
            remedy="leave --scene out, or set --adapt",
        )


def _check_scene(model: TrainedModel, settings: ExportSettings, scene: Scene | None, *, by_mosaic: bool) -> None:
    """Check that a scene is named if, and only if, something of it is fixed in the files.

    Raises:
        LulcsegError: It isn't so, or the model can't be adapted to the scene.
    """
    if scene is None:
        if by_mosaic:
            of_batch = model.record.scaling.over == "batch"
            other = ", or export it with --at-prediction training or patch" if of_batch else ""
            raise LulcsegError(
                "it scales values by the mosaic that is mapped, whose statistics a file for any mosaic can't hold",
                where=model.checkpoint,
                remedy=f"name the scene that the files are for (--scene){other}",
            )
        if settings.adapt != "none":
            raise LulcsegError(
                f"--adapt {settings.adapt} adapts the model to one mosaic, and no scene is named",
                where="export",
                remedy="name the scene that the files are for (--scene)",
            )
        return
    check_needs_scene(model, settings, scene.name)
    if settings.adapt != "none":
        if scene.name in model.record.scenes:
            raise LulcsegError(
                f"the model was trained on scene {scene.name}, to which it isn't adapted",
                where="export",
                remedy="leave --adapt out",
            )
        model.check_adaptable(settings.adapt)
        check_adaptable(scene, settings.adapt, [(model.record.patch_size, model.record.seed)])
