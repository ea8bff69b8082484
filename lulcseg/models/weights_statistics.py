"""From the statistics of pretrained weights to the mean and deviation of scaled values, 0…1, of the imagery's bands."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from lulcseg.augment.stretch import unit_range
from lulcseg.errors import LulcsegError
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.models.weights_source import WeightsSource, find_weights
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.scaling import ScalingSettings

_BYTE = 255.0


def pretrained_weights(
    settings: ModelSettings, scaling: ScalingSettings, bands: int, dtype: str
) -> PretrainedWeights | None:
    """Return what is recorded of the weights that the settings name, for imagery of some bands and type.

    Args:
        settings: Of the network.
        scaling: Of the imagery's values.
        bands: Bands of the imagery.
        dtype: NumPy name of its type.

    Returns:
        None for random weights, and for networks that are not of segmentation-models-pytorch.

    Raises:
        LulcsegError: No such weights, a scaling that contradicts them, or statistics that can't be brought to 0…1.
    """
    if settings.encoder_weights is None and settings.encoder_mean is not None:
        raise LulcsegError(
            "model.encoder_mean belongs to pretrained weights", where="configuration",
            remedy="set model.encoder_weights, or leave it out",
        )  # fmt: skip
    if settings.encoder_weights is None:
        return None
    if settings.target is not None or settings.name != "smp":
        raise LulcsegError(
            f"{settings.target or settings.name} has no encoder to give weights to",
            where="model.encoder_weights",
            remedy="set model=smp, or leave it out",
        )
    if scaling.method == "standardise":
        raise LulcsegError(
            "scaling.method=standardise takes out mean and deviation, and pretrained weights expect their own",
            where="configuration",
            remedy="set scaling=none, or model.encoder_weights=null",
        )
    source = find_weights(settings)
    assert source is not None
    mean, deviation, notes = _statistics(source, settings, scaling, dtype)
    if source.bands != bands:
        notes.append(_bands_note(source.bands, bands, len(mean)))
    if scaling.method != "none":
        notes.append(f"Values are stretched (scaling.method={scaling.method}), then normalised as the weights expect.")
    return PretrainedWeights(
        source.name,
        source.licence,
        _for_bands(mean, bands, source),
        _for_bands(deviation, bands, source),
        source.bands,
        source.sha256,
        notes,
    )


def _statistics(
    source: WeightsSource, settings: ModelSettings, scaling: ScalingSettings, dtype: str
) -> tuple[list[float], list[float], list[str]]:
    """Return mean and deviation on the scale 0…1, and notes."""
    if settings.encoder_mean is not None and settings.encoder_deviation is not None:
        return list(settings.encoder_mean), list(settings.encoder_deviation), []
    notes = [f"Mean and deviation {source.note}."] if source.note else []
    low, span = 0.0, source.scale
    if source.scale > _BYTE and scaling.method == "none":
        low, high = unit_range(dtype, scaling.range)
        span = high - low
        if high <= _BYTE:  # bytes, or floats of 0…1, are no such values
            raise LulcsegError(
                f"these weights expect raw values up to about {source.scale:,.0f}, the imagery has {low:g} to {high:g}",
                where="model.encoder_weights",
                remedy=f"set scaling.range=[0,{source.scale:.0f}] for such imagery; else state model.encoder_mean and "
                "model.encoder_deviation on the scale 0 to 1",
            )
    elif source.scale == _BYTE and dtype != "uint8":
        notes.append("The weights were trained on bytes: here 0 to 1 stand for their 0 to 255.")
    return [(value - low) / span for value in source.mean], [value / span for value in source.deviation], notes


def _for_bands(values: Sequence[float], bands: int, source: WeightsSource) -> list[float]:
    """Return a value of each band of the imagery.

    Raises:
        LulcsegError: The values are neither one, nor as many as the bands of imagery or weights.
    """
    if len(values) == bands:
        return list(values)
    if len(values) == 1:
        return list(values) * bands
    if len(values) != source.bands:
        raise LulcsegError(
            f"model.encoder_mean and model.encoder_deviation have {len(values)} values, the imagery {bands} bands",
            where="configuration",
            remedy="give one for all bands, or one for each",
        )
    known = [fmean(values)] if bands == 1 else list(values[:bands])
    return known + [fmean(values)] * (bands - len(known))


def _bands_note(known: int, bands: int, statistics: int) -> str:
    how = "summed" if bands == 1 else f"repeated over the bands, times {known}/{bands}"
    further = f"; mean and deviation of further bands are the average of the weights' {known}" if bands > known else ""
    further = "; mean and deviation are averaged" if bands == 1 else further
    return (
        f"The weights are of {known} bands, the imagery has {bands}: those of the first convolution are {how}"
        f"{further if statistics == known else ''}."
    )
