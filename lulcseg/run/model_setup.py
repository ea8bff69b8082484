"""From a run's settings and scenes to what its model is made of: record, statistics of mosaics, margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lulcseg.augment.band_matching import QUANTILES
from lulcseg.augment.band_units import check_scaling
from lulcseg.errors import LulcsegError
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.models.weights_statistics import pretrained_weights
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import BandStatistics, merge, mosaic_statistics
from lulcseg.settings.config import TrainConfig
from lulcseg.training.augmenting import margin_of
from lulcseg.training.model_record import ModelRecord


def model_record(
    config: TrainConfig,
    scenes: Sequence[Scene],
    plan: Plan | None = None,
    measured: Sequence[BandStatistics] = (),
    class_shares: Sequence[float] | None = None,
) -> ModelRecord:
    """Return what will travel with the model trained on these scenes by this plan.

    Args:
        config: The run's settings.
        scenes: The scenes; the first describes the imagery.
        plan: The patches.
        measured: Statistics of the scenes' mosaics, from :func:`measure_scenes`; none for a model that isn't trained.
        class_shares: Each class's share of the labelled training pixels, if they were counted.

    Raises:
        LulcsegError: Pretrained weights that aren't there, or a scaling that contradicts them or the sources' ranges.
    """
    first, table = scenes[0], scenes[0].band_table
    if table is not None:
        check_scaling(table, config.scaling)
    together = merge(measured) if measured else None
    return ModelRecord(
        legend=first.legend.to_plain(),
        bands=first.bands,
        dtype=first.dtype.name,
        resolution=[first.grid.xres, first.grid.yres],
        patch_size=config.sampling.patch_size,
        model=config.model,
        scaling=config.scaling,
        statistics=together.summary(config.scaling.percentiles) if together and needs_statistics(config) else None,
        quantiles=None if together is None else together.quantiles(QUANTILES),
        class_shares=None if class_shares is None else list(class_shares),
        scenes=[s.name for s in scenes],
        mosaics=[each.digest() for each in measured] or None,
        name=config.name,
        seed=config.seed,
        plan="" if plan is None else plan.digest(),
        weights=_weights(config, first),
        band_table=None if table is None else [band.to_plain() for band in table],
    )


def _weights(config: TrainConfig, scene: Scene) -> PretrainedWeights | None:
    """Return what is recorded of pretrained weights, which expect the values of optical bands."""
    scaling, dtype = config.scaling, scene.dtype.name
    if scene.band_table is not None:
        band = next(band for band in scene.band_table if band.optical)
        scaling = scaling if band.range is None else replace(scaling, range=list(band.range))
        dtype = band.dtype
    return pretrained_weights(config.model, scaling, scene.bands, dtype)


def measure_scenes(scenes: Sequence[Scene]) -> list[BandStatistics]:
    """Return statistics of each scene's mosaic: for scaling, and for mosaics that are to be matched to these."""
    return [mosaic_statistics(scene.imagery, scene.cache) for scene in scenes]


def needs_statistics(config: TrainConfig) -> bool:
    """Whether scaling needs statistics of mosaics.

    Scaling over the batch does in any case, so that either may replace the batch at prediction.
    """
    return config.scaling.method != "none" and config.scaling.over != "patch"


def training_margin(config: TrainConfig, record: ModelRecord) -> int:
    """Return how many pixels are read around each training patch.

    Raises:
        LulcsegError: Augmentation that the imagery excludes, or a margin that may reach into held-out ground.
    """
    margin = margin_of(config.augment, record)
    if margin and config.validation.fraction:
        raise LulcsegError(
            f"augment.margin={margin} reads around training patches, where ground may be held out for validation",
            where="configuration",
            remedy="set augment.margin=0, or validation.fraction=0",
        )
    return margin
