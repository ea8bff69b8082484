"""A model's scaling: which pixels' statistics stretch its patches, in training and at prediction.

A map must not depend on which patches happen to share a batch. So statistics of the batch are for
training alone, and at prediction others are used in their place: the patch's, the mosaic's or those of
all training mosaics (decision 2). Values end in 0…1 where the paper (section 2.5.4) has 0…255, a constant
factor that batch norm takes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lulcseg.augment.band_units import BandUnits
from lulcseg.augment.optical_bands import OpticalBands
from lulcseg.augment.stretch import Limits, batch_limits, limits_from, patch_limits, stretch, to_unit, unit_range
from lulcseg.errors import LulcsegError
from lulcseg.scene.band_table import Band
from lulcseg.settings.scaling import ScalingSettings

BATCH, PATCH, MOSAIC, TRAINING = "batch", "patch", "mosaic", "training"
"""Pixels that statistics are taken of."""


def source_at_prediction(settings: ScalingSettings, chosen: str | None = None) -> str:
    """Return the pixels that statistics are taken of at prediction: ``patch``, ``mosaic`` or ``training``.

    Args:
        settings: Of the scaling.
        chosen: Used in place of the batch instead of ``settings.at_prediction``.

    Raises:
        LulcsegError: A choice for a scaling that is not over the batch.

    Examples:
        >>> source_at_prediction(ScalingSettings(method="min_max"))
        'mosaic'
        >>> source_at_prediction(ScalingSettings(method="min_max", over="patch"))
        'patch'
    """
    replaced = settings.method != "none" and settings.over == BATCH
    if chosen is not None and not replaced:
        kind = "no scaling" if settings.method == "none" else f"scaling.over={settings.over}"
        raise LulcsegError(
            f"a model trained with {kind} has no statistics of the batch to replace",
            where="at_prediction",
            remedy="leave it out",
        )
    return (chosen or settings.at_prediction) if replaced else settings.over


class Scaler(nn.Module):
    """Maps raw values to the network's input: to 0…1, and from there by statistics.

    Of named bands each goes to 0…1 by the range of its source, and statistics stretch the optical ones alone. It has no
    parameters; a checkpoint holds it as part of the model's record alone.

    Args:
        settings: Of the scaling.
        dtype: NumPy name of the imagery's type.
        training: Statistics of all training mosaics, as :func:`lulcseg.augment.stretch.limits_from` takes
            them; needed for ``training``.
        scenes: Statistics of each training mosaic; needed to train with ``mosaic``.
        at_prediction: Statistics used at prediction in place of the batch's; None: as in the settings.
        bands: The bands of named sources; None: bands have no names, and all are optical.

    Attributes:
        method: As in the settings.
        over: Pixels that statistics are taken of in training.
        at_prediction: The same at prediction.
        optical: The bands that are stretched.

    Raises:
        LulcsegError: ``at_prediction`` for a scaling that isn't over the batch.
    """

    scene_offset: Tensor | None
    scene_span: Tensor | None
    training_offset: Tensor | None
    training_span: Tensor | None

    def __init__(
        self,
        settings: ScalingSettings,
        dtype: str,
        training: Mapping[str, Any] | None = None,
        *,
        scenes: Sequence[Mapping[str, Any]] = (),
        at_prediction: str | None = None,
        bands: Sequence[Band] | None = None,
    ) -> None:
        super().__init__()
        self.units = None if bands is None else BandUnits(bands, settings.range)
        self.optical = (
            OpticalBands(None, 0) if self.units is None else OpticalBands(self.units.places, len(bands or ()))
        )
        self.method, self.over = settings.method, settings.over
        self.at_prediction = source_at_prediction(settings, at_prediction)
        self.per_band, self.percentiles = settings.per_band, tuple(settings.percentiles)
        self.is_cut = settings.range is not None
        self.range = unit_range(dtype, settings.range)
        stretched = self.method != "none"
        self._keep("training", self.limits_of(training) if stretched and training is not None else None)
        each = [self.limits_of(statistics) for statistics in scenes] if stretched else []
        self._keep("scene", Limits(*(torch.cat(parts) for parts in zip(*each, strict=True))) if each else None)

    def limits_of(self, statistics: Mapping[str, Any]) -> Limits:
        """Return the limits of optical bands from a mosaic's statistics, on the CPU: (1, C or 1, 1, 1)."""
        if self.units is not None:
            own, unit = self.units.of_optical(statistics), self.units.optical_ends
            limits = limits_from(own, self.method, per_band=self.per_band, unit=unit)
            return limits if self.method == "standardise" else self.units.clipped(limits)
        limits = limits_from(statistics, self.method, per_band=self.per_band, unit=self.range)
        if not self.is_cut or self.method == "standardise":
            return limits
        ends = [end.clamp(0.0, 1.0) for end in (limits.offset, limits.offset + limits.span)]  # as the values are
        return Limits(ends[0], ends[1] - ends[0])

    def of_scenes(self, numbers: Tensor) -> Limits:
        """Return the limits of patches' own mosaics, (B, C or 1, 1, 1), by the mosaics' numbers (B,) int64."""
        if self.scene_offset is None or self.scene_span is None:
            raise ValueError("statistics of the training mosaics are missing")
        return Limits(self.scene_offset[numbers], self.scene_span[numbers])

    def to_unit(self, image: Tensor, valid: Tensor) -> Tensor:
        """Map raw values to 0…1 by the type's range, or by ``scaling.range`` or the source's, and clipped to it.

        Args:
            image: (B, C, H, W) in the imagery's own type.
            valid: (B, H, W) bool.

        Returns:
            (B, C, H, W) float32; 0 where there is no imagery.
        """
        if self.units is not None:
            unit = self.units(image)
        else:
            unit = to_unit(image, self.range)
            unit = unit.clamp(0.0, 1.0) if self.is_cut else unit
        return torch.where(valid.unsqueeze(1), unit, 0.0)

    def forward(self, image: Tensor, valid: Tensor, over: str, mosaic: Limits | None = None) -> Tensor:
        """Stretch optical bands by statistics.

        Args:
            image: (B, C, H, W) float32, from :meth:`to_unit`.
            valid: (B, H, W) bool.
            over: Pixels that the statistics are taken of: ``batch``, ``patch``, ``mosaic`` or ``training``.
            mosaic: Limits of the mosaic that each patch is of; needed for ``mosaic``.

        Returns:
            (B, C, H, W) float32: in 0…1 except for ``standardise``; 0 where there is no imagery, and where
            all values are equal.

        Raises:
            ValueError: Statistics that are needed are missing.
        """
        if self.method == "none":
            return torch.where(valid.unsqueeze(1), image, 0.0)
        stretched = self._stretched(self.optical.of(image), valid, over, mosaic)
        if self.optical.are_all:
            return stretched
        return torch.where(valid.unsqueeze(1), self.optical.put_back(image, stretched), 0.0)

    def _stretched(self, image: Tensor, valid: Tensor, over: str, mosaic: Limits | None) -> Tensor:
        if over in {BATCH, PATCH}:
            take = batch_limits if over == BATCH else patch_limits
            limits = take(image, valid, self.method, per_band=self.per_band, percentiles=self.percentiles)
            return stretch(image, valid, limits, clip=self.method != "standardise")
        known = mosaic if over == MOSAIC else self._training
        if known is None:
            raise ValueError(f"statistics of the {over} are missing")
        return stretch(image, valid, known, clip=self.method != "standardise")

    @property
    def _training(self) -> Limits | None:
        if self.training_offset is None or self.training_span is None:
            return None
        return Limits(self.training_offset, self.training_span)

    def _keep(self, name: str, limits: Limits | None) -> None:
        self.register_buffer(f"{name}_offset", None if limits is None else limits.offset, persistent=False)
        self.register_buffer(f"{name}_span", None if limits is None else limits.span, persistent=False)
