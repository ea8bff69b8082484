"""Matching of a mosaic's values to those that a model was trained on, band by band.

Another date or sensor shifts, stretches and bends the values of each band. Where the ground is much the same, its
distribution of values is too, and the monotone map from one mosaic's quantiles to the other's undoes the bend
(histogram matching: Gonzalez & Woods, "Digital image processing", section 3.3). It needs no labels; where the ground
is not the same, it carries the difference in land cover into the colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lulcseg.errors import LulcsegError

QUANTILES = 257
"""Quantiles of each band that describe a distribution of values: 0, 1/256 … 1."""

LEAST_PIXELS = 4 * QUANTILES
"""Pixels with imagery that the quantiles of a mosaic may rest on."""

Quantiles = Sequence[Sequence[float]]
"""For each band, its quantiles from the least value to the greatest, as raw values."""


class BandMatching(nn.Module):
    """Maps raw values of one mosaic to the distribution of others.

    Values between quantiles are interpolated linearly; values beyond the least and the greatest become those. Of the
    training mosaics' quantiles that one value of the mosaic stands for (a peak), it becomes the mean.

    Args:
        mosaic: Quantiles of the mosaic to be matched.
        training: Quantiles of the training mosaics, in the same number of bands.
        where: The mosaic's file, for errors.
        remedy: What to do about a band of a single value.

    Raises:
        LulcsegError: A band of the mosaic has a single value.

    Examples:
        >>> matched = BandMatching([[0, 10, 20]], [[100, 150, 200]])
        >>> matched(torch.tensor([0, 5, 20, 30], dtype=torch.uint8).view(1, 1, 1, 4)).flatten().tolist()
        [100.0, 125.0, 200.0, 200.0]
    """

    knots: Tensor
    values: Tensor
    of_bytes: Tensor

    def __init__(
        self,
        mosaic: Quantiles,
        training: Quantiles,
        *,
        where: str | Path = "adapt",
        remedy: str = "set adapt=none",
    ) -> None:
        super().__init__()
        if len(mosaic) != len(training):
            raise ValueError(f"quantiles of {len(mosaic)} bands and of {len(training)}")
        pairs = enumerate(zip(mosaic, training, strict=True), start=1)
        knots, values = zip(*(_knots(*pair, band, where, remedy) for band, pair in pairs), strict=True)
        most = max(map(len, knots))
        self.register_buffer("knots", _padded(knots, most), persistent=False)
        self.register_buffer("values", _padded(values, most), persistent=False)
        every = torch.arange(256.0).expand(len(mosaic), -1)
        self.register_buffer("of_bytes", interpolated(every, self.knots, self.values), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Return matched values: (B, C, H, W) any type → (B, C, H, W) float32, in the training mosaics' raw units."""
        by_band = image.transpose(0, 1).flatten(1)  # (C, B · H · W)
        matched = match_rows(by_band, self.knots, self.values, self.of_bytes)
        return matched.view(image.shape[1], image.shape[0], *image.shape[2:]).transpose(0, 1)


def match_rows(values: Tensor, knots: Tensor, targets: Tensor, of_bytes: Tensor) -> Tensor:
    """Map values as :func:`interpolated` does; bytes are looked up rather than searched for.

    Args:
        values: (R, n) any type.
        knots: (R, k), as for :func:`interpolated`.
        targets: (R, k), likewise.
        of_bytes: (R, 256), what the values 0 to 255 become.

    Returns:
        (R, n) float32.
    """
    if values.dtype == torch.uint8:
        return of_bytes.gather(1, values.long())
    return interpolated(values.float(), knots, targets)


def interpolated(values: Tensor, knots: Tensor, targets: Tensor) -> Tensor:
    """Map values by piecewise linear functions, one a row; values beyond the outer knots become their targets.

    Args:
        values: (R, n) float32.
        knots: (R, k) ascending; a row of fewer is continued by its last.
        targets: (R, k), what the knots become.

    Returns:
        (R, n) float32.
    """
    upper = torch.searchsorted(knots, values.contiguous()).clamp(1, knots.shape[1] - 1)
    x0, x1 = (knots.gather(1, at) for at in (upper - 1, upper))
    y0, y1 = (targets.gather(1, at) for at in (upper - 1, upper))
    share = (values - x0) / (x1 - x0)  # not a number between equal knots, the padding beyond the last
    share = share.nan_to_num(0.0).clamp(0.0, 1.0)
    return torch.lerp(y0, y1, share)


def _knots(
    mosaic: Sequence[float], training: Sequence[float], band: int, where: str | Path, remedy: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mosaic's distinct quantiles, and the training mosaics' value for each.

    Raises:
        LulcsegError: There is only one.
    """
    x, y = (np.asarray(values, np.float64) for values in (mosaic, training))
    distinct, group = np.unique(x, return_inverse=True)
    if distinct.size < 2:
        raise LulcsegError(
            f"band {band} of the mosaic has the single value {distinct[0]:g}, which can't be matched to others",
            where=where,
            remedy=remedy,
        )
    return distinct, np.bincount(group, y) / np.bincount(group)


def _padded(rows: Sequence[NDArray[np.float64]], length: int) -> Tensor:
    """Stack rows of different lengths as (C, length) float32, each continued by its last value."""
    return torch.tensor(
        np.stack([np.pad(row, (0, length - len(row)), mode="edge") for row in rows]), dtype=torch.float32
    )
