"""Placing patches centred on random points inside the features (Clark, Phinn & Scarth, section 2.5.2.2).

The number of patches of each feature comes from :mod:`lulcseg.sampling.allocation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Grid
from lulcseg.sampling.patch_extents import centred
from lulcseg.sampling.random_points import uniform_points

type ValidShare = Callable[[NDArray[np.int64], NDArray[np.int64], int], NDArray[np.float64]]
"""``(rows, cols, patch)`` → share of valid pixels in each patch, (n,), 0…1."""

MAX_REDRAWS = 50
"""Rounds in which patches with too few valid pixels are redrawn."""


@dataclass(frozen=True, slots=True)
class DrawnPatches:
    """Patches drawn in one scene, grouped by feature.

    Attributes:
        row: First rows, (n,) int64, pixels.
        col: First columns, (n,) int64, pixels.
        feature: Index into the given polygons, (n,) int64.
        shifted: Whether the patch was shifted to stay inside the grid, (n,) bool.
        valid: Share of valid pixels, (n,) float64; NaN if not computed.
        thrown: Number of discarded draws with too few valid pixels before each, (n,) int64.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    feature: NDArray[np.int64]
    shifted: NDArray[np.bool_]
    valid: NDArray[np.float64]
    thrown: NDArray[np.int64]

    @property
    def redrawn(self) -> int:
        """Number of draws discarded for too few valid pixels."""
        return int(self.thrown.sum())

    def where(self, keep: NDArray[np.bool_]) -> DrawnPatches:
        """Return the patches selected by a mask, (n,) bool."""
        return DrawnPatches(*(getattr(self, f.name)[keep] for f in fields(self)))


def try_patches(
    polygons: NDArray[np.object_],
    counts: NDArray[np.int64],
    grid: Grid,
    patch: int,
    rng: np.random.Generator,
    *,
    min_valid: float = 0.0,
    valid_share: ValidShare | None = None,
) -> DrawnPatches:
    """Draw patches centred on uniform random points inside polygons.

    A patch with too few valid pixels is redrawn in the same polygon, at most :data:`MAX_REDRAWS`
    times; if it still has too few, it is returned as it is.

    Args:
        polygons: Valid Polygons or MultiPolygons in the grid's CRS, (m,).
        counts: Number of patches in each, (m,) int64.
        grid: The scene's grid, at least a patch high and wide.
        patch: Side of a patch, pixels.
        rng: Source of randomness.
        min_valid: Least share of valid pixels in a patch, 0…1; 0 accepts any, and reads no pixel.
        valid_share: Computes that share; needed if ``min_valid`` is above 0.

    Returns:
        The patches, in the order of the polygons.

    Raises:
        ValueError: ``min_valid`` is above 0 and ``valid_share`` was not given.
    """
    feature = np.repeat(np.arange(counts.size, dtype=np.int64), counts)
    row, col, shifted = centred(grid, *uniform_points(polygons, feature, rng), patch)
    valid = np.full(feature.size, np.nan)
    thrown = np.zeros(feature.size, dtype=np.int64)
    if min_valid > 0:  # otherwise no pixel is read
        if valid_share is None:
            raise ValueError("min_valid needs valid_share")
        valid[:] = valid_share(row, col, patch)
        low = np.flatnonzero(valid < min_valid)
        for _ in range(MAX_REDRAWS):
            if low.size == 0:
                break
            thrown[low] += 1
            row[low], col[low], shifted[low] = centred(grid, *uniform_points(polygons, feature[low], rng), patch)
            valid[low] = valid_share(row[low], col[low], patch)
            low = low[valid[low] < min_valid]
    return DrawnPatches(row, col, feature, shifted, valid, thrown)
