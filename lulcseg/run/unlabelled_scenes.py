"""What training takes from unlabelled scenes: the exchange of their look, and the patches of self-training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from lulcseg.augment.band_matching import LEAST_PIXELS, QUANTILES, BandMatching, Quantiles
from lulcseg.augment.exchange import Exchange
from lulcseg.augment.low_frequencies import highest_frequency, low_amplitudes
from lulcseg.augment.optical_bands import OpticalBands
from lulcseg.augment.scaler import MOSAIC, Scaler
from lulcseg.augment.stretch import Limits
from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.processes import is_rank_zero, print_line
from lulcseg.run.model_setup import measure_scenes, training_margin
from lulcseg.run.open_scenes import check_imagery
from lulcseg.sampling.patches_anywhere import draw_anywhere
from lulcseg.scene.file_names import RemoteFile
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import BandStatistics, mosaic_statistics
from lulcseg.seeds import generator
from lulcseg.settings.adapt import BY_BATCH_NORM
from lulcseg.settings.config import TrainConfig
from lulcseg.settings.self_training import OWN
from lulcseg.training.mean_teacher import Unlabelled
from lulcseg.training.model_record import ModelRecord

_LEAVE_OUT = "leave it out of scenes.unlabelled"
_POOL = 256
"""Patches of each unlabelled mosaic that amplitudes are taken of, or that self-training draws from."""


def check_unlabelled(
    config: TrainConfig, scenes: Sequence[Scene], unlabelled: Sequence[Scene], record: ModelRecord
) -> None:
    """Check that unlabelled scenes are mosaics of others' ground or time that training can take looks from.

    Raises:
        LulcsegError: One has other bands, another type or resolution than the training scenes, is one of them, has a
            band of a single value, or too little imagery.
    """
    mosaics = {_same_files(scene): scene for scene in scenes}
    trained = {}
    if unlabelled and config.uses_unlabelled:
        measured = zip(scenes, measure_scenes(scenes), strict=True)
        trained = {scene.name: record.of_optical(each.quantiles(QUANTILES)) for scene, each in measured}
        if config.exchange.share:
            _check_exchange(config, scenes, trained, _side(config, record))
    for scene in unlabelled:
        check_imagery(record, scene, remedy=_LEAVE_OUT)
        if (own := mosaics.get(_same_files(scene))) is not None:
            raise LulcsegError(
                f"its mosaic is that of the training scene {own.name}",
                where=scene.file.path,
                remedy=_LEAVE_OUT,
            )
        if config.uses_unlabelled:
            statistics = mosaic_statistics(scene.imagery, scene.cache)
            if statistics.bands[0].count < LEAST_PIXELS:
                raise LulcsegError(
                    f"its mosaic has imagery in {statistics.bands[0].count:,.0f} pixels, of at least {LEAST_PIXELS:,}",
                    where=scene.file.path,
                    remedy=_LEAVE_OUT,
                )
            quantiles = record.of_optical(statistics.quantiles(QUANTILES))
            if same := [name for name, values in trained.items() if values == quantiles]:
                raise LulcsegError(
                    f"its values are those of the training scene {same[0]}, so that nothing would change",
                    where=scene.file.path,
                    remedy=_LEAVE_OUT,
                )
            BandMatching(quantiles, quantiles, where=scene.file.path, remedy=_LEAVE_OUT)
            if config.exchange.kind == "fourier" or config.self_training.weight:
                _draw_pool(scene, _side(config, record), config.seed)
    taught = config.self_training
    if taught.weight and taught.batch_norm == OWN and config.adapt not in BY_BATCH_NORM and is_rank_zero():
        print_line(
            "self_training.batch_norm=own: the model keeps batch norm's statistics of labelled patches alone; map "
            f"unlabelled mosaics with adapt=batch_norm or both (adapt is {config.adapt})."
        )


def _check_exchange(config: TrainConfig, scenes: Sequence[Scene], trained: Mapping[str, Quantiles], side: int) -> None:
    """Check that training mosaics' values can be exchanged.

    Args:
        config: The run's settings.
        scenes: The training scenes.
        trained: Quantiles of each one's optical bands, by its name.
        side: Side of a training patch as it is read, in pixels.

    Raises:
        LulcsegError: A band has a single value, or no frequency is low enough to be exchanged.
    """
    for scene in scenes:
        values, remedy = trained[scene.name], "leave the band out with imagery.bands, or set exchange.p=0"
        BandMatching(values, values, where=scene.file.path, remedy=remedy)
    settings = config.exchange
    if settings.kind == "fourier" and settings.beta and not highest_frequency(side, settings.beta):
        raise LulcsegError(
            f"of patches of {side} pixels {settings.beta:g} is less than a single cycle",
            where="exchange.beta",
            remedy=f"set it to {math.ceil(1000 / side) / 1000:g} or more, or to 0, which exchanges each band's mean",
        )


def build_exchange(
    config: TrainConfig, scenes: Sequence[Scene], unlabelled: Sequence[Scene], record: ModelRecord
) -> Exchange | None:
    """Build the exchange that the settings describe; None if no patch is changed.

    Args:
        config: The run's settings.
        scenes: The training scenes, in the order of their numbers in a batch.
        unlabelled: The unlabelled scenes.
        record: What travels with the model.
    """
    settings = config.exchange
    if not settings.share or not unlabelled:
        return None
    trained, others = (measure_scenes(group) for group in (scenes, unlabelled))
    limits = _limits(record, others) if record.scaling.over == MOSAIC else None
    pools, shown = None, OpticalBands(record.optical, record.bands)
    if settings.kind == "fourier":
        side = _side(config, record)
        highest = highest_frequency(side, settings.beta)
        pools = [_pool(scene, _draw_pool(scene, side, config.seed), highest, shown) for scene in unlabelled]
    return Exchange(
        settings.share,
        settings.least,
        [record.of_optical(each.quantiles(QUANTILES)) for each in trained],
        [record.of_optical(each.quantiles(QUANTILES)) for each in others],
        amplitudes=pools,
        limits=limits,
        optical=shown,
    )


def unlabelled_patches(config: TrainConfig, unlabelled: Sequence[Scene], record: ModelRecord) -> Unlabelled | None:
    """Return the patches that self-training draws from, up to 256 of each mosaic; None without self-training.

    Args:
        config: The run's settings.
        unlabelled: The unlabelled scenes.
        record: What travels with the model.
    """
    if not config.self_training.weight:
        return None
    side = _side(config, record)
    windows = [_draw_pool(scene, side, config.seed) for scene in unlabelled]
    read = [scene.imagery.read(w) for scene, own in zip(unlabelled, windows, strict=True) for w in own]
    image, valid = (torch.from_numpy(np.stack(part)) for part in zip(*read, strict=True))
    limits = None
    if MOSAIC in (record.scaling.over, record.scaling.at_prediction):
        each = _limits(record, measure_scenes(unlabelled))
        repeated = None if each is None else [torch.cat([getattr(o, p) for o in each]) for p in Limits._fields]
        limits = None if repeated is None else Limits(*(part.repeat_interleave(_POOL, 0) for part in repeated))
    return Unlabelled(image, valid, limits)


def _limits(record: ModelRecord, measured: Sequence[BandStatistics]) -> list[Limits] | None:
    """Return the limits that scaling stretches mosaics by; None if it doesn't scale."""
    if record.scaling.method == "none":
        return None
    scaler = Scaler(record.scaling, record.dtype, bands=record.named_bands)
    return [scaler.limits_of(each.summary(record.scaling.percentiles)) for each in measured]


def _same_files(scene: Scene) -> tuple[str, ...]:
    paths = [file.path for file in scene.image_files]
    return tuple(path.gdal_name if isinstance(path, RemoteFile) else str(path.resolve()) for path in paths)


def _side(config: TrainConfig, record: ModelRecord) -> int:
    """Return the side of a training patch as it is read, in pixels."""
    return record.patch_size + 2 * training_margin(config, record)


def _draw_pool(scene: Scene, side: int, seed: int) -> list[Window]:
    """Draw patches anywhere on a mosaic, wherever there is enough imagery.

    Raises:
        LulcsegError: There is not a single one.
    """
    rng = generator(seed, f"patches of the unlabelled {scene.name}")
    found = list(islice(draw_anywhere(scene, side, _POOL, rng), _POOL))
    if not found:
        raise LulcsegError(
            f"its mosaic has no patch of {side} pixels of which half is imagery",
            where=scene.file.path,
            remedy="set exchange.kind=histogram, or leave it out of scenes.unlabelled",
        )
    return [found[k % len(found)] for k in range(_POOL)]


def _pool(scene: Scene, windows: Sequence[Window], highest: int, shown: OpticalBands) -> Tensor:
    """Return low frequencies' amplitudes of patches' optical bands, (N, C, 2 b + 1, b + 1) float32."""
    found = []
    for window in windows:
        image, valid = (torch.from_numpy(each)[None] for each in scene.imagery.read(window))
        found.append(low_amplitudes(shown.of(image).float(), valid, highest))
    return torch.cat(found)
