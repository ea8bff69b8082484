"""Checks of a model's record before a network is built by it: a checkpoint may come from anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
import torch

from lulcseg.errors import LulcsegError
from lulcseg.models.networks import build_network
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.settings.schema import check_bounds
from lulcseg.settings.value_types import check_types
from lulcseg.training.model_record import ModelRecord

_MOST_BANDS = 10_000
_LONGEST_NAME = 200
_TYPES = {"uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "float32", "float64"}
_LARGEST_PATCH = 65_536
_MOST_SEED = 2**63 - 1
_LIMITS = ("min", "max", "mean", "std", "low", "high")


def read_section[T: (ModelSettings, ScalingSettings, PretrainedWeights)](
    schema: type[T], plain: Any, where: str, name: str
) -> T:
    """Return a section of a record, checked as settings are.

    Args:
        schema: Its dataclass.
        plain: Its plain form.
        where: The file, for errors.
        name: Its key in the record.

    Raises:
        LulcsegError: An unknown key, a value of another type, one beyond its bounds, or values that make no sense
            together.
    """
    check_types(schema, plain, where, f"{name}.")
    try:
        section = schema(**plain)
    except LulcsegError as error:
        raise LulcsegError(error.what, where=where, remedy=error.remedy) from error
    check_bounds(section, where, f"{name}.")
    return section


def check_content(checkpoint: Mapping[str, Any], where: str, settings: str) -> None:
    """Check the parts of a checkpoint that are read beside its record.

    Args:
        checkpoint: Its content.
        where: The file, for errors.
        settings: Key of the settings that it was trained with.

    Raises:
        LulcsegError: The weights are not tensors by name, or the epoch or the settings are not what they should be.
    """
    weights, epoch = checkpoint.get("state_dict"), checkpoint.get("epoch", 0)
    if not isinstance(weights, Mapping) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in weights.items()
    ):
        raise LulcsegError("its weights are not tensors by name", where=where, remedy="use another file")
    if type(epoch) is not int or not -1 <= epoch < _MOST_SEED:
        raise LulcsegError("its epoch is not a number of epochs", where=where, remedy="use another file")
    if not isinstance(checkpoint.get(settings, {}), Mapping):
        raise LulcsegError("the settings of its training are not a mapping", where=where, remedy="use another file")


def check_shapes(record: ModelRecord, weights: Mapping[str, torch.Tensor], where: str) -> None:
    """Check that weights have the shapes of a U-Net's before memory is taken for it.

    Networks of libraries are left to be compared once they are built.

    Raises:
        LulcsegError: They are of another network than the record's.
    """
    if record.model.target is not None or record.model.name != "unet":
        return
    with torch.device("meta"):
        expected = build_network(record.model, record.bands, len(record.legend)).state_dict()
    if {key: value.shape for key, value in expected.items()} != {key: value.shape for key, value in weights.items()}:
        raise LulcsegError("its weights don't fit its record", where=where, remedy="train it again")


def check_record(record: ModelRecord, where: str) -> None:
    """Check a record's values, whose types are right.

    Raises:
        LulcsegError: One that no model has, or that doesn't go with the others.
    """
    try:
        classes = len(record.to_legend())
    except (LulcsegError, ValueError) as error:
        reason = error.what if isinstance(error, LulcsegError) else "codes are whole numbers"
        raise _impossible(f"its legend: {reason}", where) from error
    if not 1 <= record.bands <= _MOST_BANDS:
        raise _impossible(f"it has {record.bands} bands", where)
    if record.dtype not in _TYPES:
        raise _impossible(f"its imagery is '{record.dtype[:40]}'", where)
    if len(record.resolution) != 2 or not all(_finite(r) and r > 0 for r in record.resolution):
        raise _impossible("its resolution isn't two numbers above 0", where)
    if not 1 <= record.patch_size <= _LARGEST_PATCH:
        raise _impossible(f"its patches have {record.patch_size} pixels a side", where)
    if not 0 <= record.seed <= _MOST_SEED:
        raise _impossible("its seed isn't from 0 to 2⁶³ − 1", where)
    shares, quantiles = record.class_shares, record.quantiles
    if shares is not None and (len(shares) != classes or not all(0 <= share <= 1 for share in shares)):
        raise _impossible(f"its class shares aren't {classes} numbers from 0 to 1", where)
    if quantiles is not None and (len(quantiles) != record.bands or not all(_ascending(band) for band in quantiles)):
        raise _impossible(f"its quantiles aren't ascending values of {record.bands} bands", where)
    if record.statistics is not None and not _are_statistics(record.statistics, record.bands):
        raise _impossible("its statistics aren't those of its bands", where)
    if record.band_table is not None and not _are_bands(record.band_table, record.bands):
        raise _impossible("its band table isn't that of its bands", where)
    if record.weights is not None and not _normalises(record.weights, record.bands):
        raise _impossible(f"its weights' mean and deviation aren't those of {record.bands} bands", where)


def _impossible(what: str, where: str) -> LulcsegError:
    return LulcsegError(f"its record is damaged: {what}", where=where, remedy="use another file, or train it again")


def _finite(value: float) -> bool:
    """Whether a number is finite as a double."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _ascending(values: Sequence[float]) -> bool:
    return len(values) > 1 and all(map(_finite, values)) and bool((np.diff(values) >= 0).all())


def _are_statistics(statistics: Mapping[str, Any], bands: int) -> bool:
    """Whether they are as :meth:`lulcseg.scene.statistics.BandStatistics.summary` returns them."""
    for part, length in (("bands", bands), ("joint", 1)):
        known = statistics.get(part)
        if not isinstance(known, Mapping):
            return False
        for name in _LIMITS:
            values = known.get(name)
            if not isinstance(values, list) or len(values) != length:
                return False
            if not all(type(value) in {int, float} and _finite(value) for value in values):
                return False
    return True


def _are_bands(table: Sequence[Mapping[str, Any]], bands: int) -> bool:
    """Whether they are as :meth:`lulcseg.scene.band_table.Band.to_plain` returns them, with a name of its own each."""
    for band in table:
        if set(band) != {"name", "dtype", "optical", "range", "fill"} or band["dtype"] not in _TYPES:
            return False
        name, ends = band["name"], band["range"]
        if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
            return False
        if not isinstance(band["optical"], bool):
            return False
        if band["fill"] is not None and not (type(band["fill"]) in {int, float} and _finite(band["fill"])):
            return False
        if ends is not None and not (
            isinstance(ends, list | tuple)
            and len(ends) == 2
            and all(type(end) in {int, float} and _finite(end) for end in ends)
            and ends[0] < ends[1]
        ):
            return False
    names = {band["name"] for band in table}
    return len(table) == len(names) == bands and any(band["optical"] for band in table)


def _normalises(weights: PretrainedWeights, bands: int) -> bool:
    lengths = {len(weights.mean), len(weights.deviation)}
    finite = all(map(_finite, [*weights.mean, *weights.deviation]))
    return lengths <= {1, bands} and finite and all(value > 0 for value in weights.deviation)
