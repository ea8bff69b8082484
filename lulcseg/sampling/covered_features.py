"""Class totals ``covered``: a feature that lies inside another's patch needs no patch of its own.

Eq. 2 rounds every quota up, so that every feature gets a patch. Where patches are large and
features small, many of those patches duplicate others. Here the features of all classes are
visited from the largest to the smallest (ties: in their order), and a feature with a single
patch is passed over if it lies wholly inside the extent of a patch drawn before that has no
nodata. In the end every feature has a patch or lies inside one.

This does not reproduce Table 3. With Table 7's areas and numbers of features, made-up places and
the grid's totals for N_p, it gives about 156,000 patches at 128² (154,514 are published), 40,500 at
256² (38,533), 11,500 to 12,050 at 512² (9,635) and 3,700 to 5,350 at 1024² (2,412), fewer the closer
together the features lie: small patches contain few features, and isolated features still need a patch
each, however large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.grid import Grid
from lulcseg.sampling.centred_patches import DrawnPatches
from lulcseg.sampling.patch_extents import boxes

_SLACK = 1e-3
"""Pixels by which a feature may extend over a patch's edge and still count as inside."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Patches of one scene to choose from, for any counts up to those that they were drawn with.

    With smaller counts, each feature keeps the first of its patches: different N_p's are nested sets of
    patches, and need no new draw.

    Attributes:
        drawn: The patches.
        nth: Number of patches of the same feature before each, (n,) int64.
        inside: Features that lie inside a patch of a feature visited before, (k,) int64, in the order of
            visiting.
        patch: That patch, (k,) int64.
    """

    drawn: DrawnPatches
    nth: NDArray[np.int64]
    inside: NDArray[np.int64]
    patch: NDArray[np.int64]

    def covered(self, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which features need no patch of their own.

        Args:
            counts: Patches of each feature by Eq. 2, (m,), not more than were drawn.

        Returns:
            (m,) bool.
        """
        covered = np.zeros(counts.size, dtype=np.bool_)
        owner = self.drawn.feature[self.patch]
        counts_here = (counts[self.inside] == 1) & (self.nth[self.patch] < counts[owner])
        several = counts_here & (counts[owner] > 1)  # their owners are never passed over
        covered[self.inside[several]] = True
        rest = counts_here & ~covered[self.inside] & ~covered[owner]
        for feature, before in zip(self.inside[rest].tolist(), owner[rest].tolist(), strict=True):
            if not covered[before]:
                covered[feature] = True
        return covered

    def kept(self, counts: NDArray[np.int64], covered: NDArray[np.bool_]) -> DrawnPatches:
        """Return the patches of the features that are not covered.

        Args:
            counts: Patches of each feature, (m,).
            covered: Features without patches of their own, (m,) bool.
        """
        own = np.where(covered, 0, counts)
        return self.drawn.where(self.nth < own[self.drawn.feature])


def candidates(
    drawn: DrawnPatches, polygons: NDArray[np.object_], areas: NDArray[np.float64], grid: Grid, patch: int
) -> Candidates:
    """Find which features lie inside which patches of features visited before.

    A patch with nodata covers nothing: the feature may lie in the nodata. A patch whose share of valid pixels
    is unknown (NaN) counts as fully valid.

    Args:
        drawn: Patches by Eq. 2, grouped by feature.
        polygons: The features, (m,).
        areas: Their areas, (m,), in any one unit.
        grid: The scene's grid.
        patch: Side of a patch, pixels.
    """
    visit = np.empty(areas.size, dtype=np.int64)
    visit[np.argsort(-areas, kind="stable")] = np.arange(areas.size)
    feature, found = lying_in(polygons, grid, drawn.row, drawn.col, patch)
    usable = ~(drawn.valid[found] < 1) & (visit[drawn.feature[found]] < visit[feature])
    feature, found = feature[usable], found[usable]
    order = np.argsort(visit[feature], kind="stable")
    first = np.searchsorted(drawn.feature, drawn.feature)
    nth = np.arange(drawn.feature.size) - first
    return Candidates(drawn, nth, feature[order], found[order])


def lying_in(
    polygons: NDArray[np.object_], grid: Grid, row: NDArray[np.int64], col: NDArray[np.int64], patch: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find which polygons lie wholly inside which patches.

    Args:
        polygons: Polygons in the grid's CRS, (m,).
        grid: The scene's grid.
        row: First rows of the patches, (n,).
        col: First columns of the patches, (n,).
        patch: Side of the patches, pixels.

    Returns:
        Indices of polygons and of patches, (k,) int64 each: one pair for each polygon in a patch.
    """
    bounds = shapely.bounds(polygons).reshape(-1, 4)
    extent = patch + 2 * _SLACK
    fit = np.flatnonzero(
        (bounds[:, 2] - bounds[:, 0] <= extent * grid.xres) & (bounds[:, 3] - bounds[:, 1] <= extent * grid.yres)
    )
    extents = boxes(grid, row, col, patch, inset=-_SLACK)
    # A polygon lies in a box if its bounds do; the boxes around one of its corners are candidates.
    hit, found = shapely.STRtree(extents).query(shapely.points(bounds[fit, :2]))
    feature, outer = fit[hit], shapely.bounds(extents[found]).reshape(-1, 4)
    inner = bounds[feature]
    inside = (inner[:, :2] >= outer[:, :2]).all(axis=1) & (inner[:, 2:] <= outer[:, 2:]).all(axis=1)
    return feature[inside].astype(np.int64), found[inside].astype(np.int64)
