"""The values of named bands that become 0 and 1: by the range of their source, or of its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lulcseg.augment.stretch import Limits, unit_range
from lulcseg.errors import LulcsegError
from lulcseg.scene.band_table import Band, optical_bands
from lulcseg.settings.scaling import ScalingSettings


class BandUnits(nn.Module):
    """Maps raw values of named bands to 0…1, each by its own ends.

    Args:
        bands: The bands.
        chosen: Values of 0 and 1 (``scaling.range``) of optical bands whose source states none.

    Examples:
        >>> units = BandUnits([Band("rgb.1", "uint8", True), Band("dsm.1", "float32", range=(600.0, 800.0))])
        >>> units(torch.tensor([51.0, 650.0]).view(1, 2, 1, 1)).flatten().tolist()
        [0.20000000298023224, 0.25]
    """

    low: Tensor
    span: Tensor
    is_cut: Tensor

    def __init__(self, bands: Sequence[Band], chosen: Sequence[float] | None = None) -> None:
        super().__init__()
        self.places = optical_bands(bands)
        stated = [band.range or (chosen if band.optical else None) for band in bands]
        self.ends = [unit_range(band.dtype, own) for band, own in zip(bands, stated, strict=True)]
        low, high = (torch.tensor(part, dtype=torch.float32).view(1, -1, 1, 1) for part in zip(*self.ends, strict=True))
        cut = torch.tensor([own is not None for own in stated]).view(1, -1, 1, 1)
        for name, tensor in (("low", low), ("span", high - low), ("is_cut", cut)):
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, C, H, W) raw values of any type to 0…1, float32; those of a stated range are clipped to it."""
        unit = (image.float() - self.low) / self.span
        return torch.where(self.is_cut, unit.clamp(0.0, 1.0), unit)

    @property
    def optical_ends(self) -> tuple[Any, Any]:
        """The raw values of 0 and 1 of optical bands: two numbers if all share them, else two (n,) float64."""
        found = [self.ends[place] for place in self.places]
        if len(set(found)) == 1:
            return found[0]
        low, high = torch.tensor(found, dtype=torch.float64).T
        return low, high

    def of_optical(self, statistics: Mapping[str, Any]) -> dict[str, Any]:
        """Return a mosaic's statistics with those of optical bands alone."""
        bands = {key: [values[place] for place in self.places] for key, values in statistics["bands"].items()}
        return {**statistics, "bands": bands}

    def clipped(self, limits: Limits) -> Limits:
        """Return limits of optical bands, clipped to 0…1 where their values are."""
        cut = self.is_cut[:, self.places]
        cut = cut if limits.offset.shape[1] > 1 else cut.all(dim=1, keepdim=True)
        ends = [torch.where(cut, end.clamp(0.0, 1.0), end) for end in (limits.offset, limits.offset + limits.span)]
        return Limits(ends[0], ends[1] - ends[0])


def check_scaling(bands: Sequence[Band], scaling: ScalingSettings) -> None:
    """Check that it is known what brings named bands to 0…1.

    Raises:
        LulcsegError: The range of a source isn't known, bands of different ranges would be stretched as one, or a range
            would cut what mean and deviation are taken of.
    """
    unknown = [band for band in bands if not band.optical and not band.has_known_values]
    if unknown:
        first = unknown[0]
        raise LulcsegError(
            f"it isn't known which of the {first.dtype} values of {first.name} become 0 and 1",
            where="imagery",
            remedy=f"give range: [low, high] of its source, {first.source}, in the scene file",
        )
    if scaling.method == "none":
        return
    optical = [band for band in bands if band.optical]
    ends = {unit_range(band.dtype, band.range or scaling.range) for band in optical}
    if len(ends) > 1 and not scaling.per_band:
        raise LulcsegError(
            f"scaling.method={scaling.method} stretches all optical bands as one, and their values of 0 and 1 differ",
            where="configuration",
            remedy="set scaling.per_band=true",
        )
    of_whole = {"mosaic", "training"} & {scaling.at_prediction if scaling.over == "batch" else scaling.over}
    if scaling.method == "standardise" and of_whole and any(band.range for band in optical):
        raise LulcsegError(
            "the range of an optical source doesn't go with mean and deviation of whole mosaics, of its raw values",
            where="configuration",
            remedy="leave out its range, or set scaling.method=percentile",
        )
