"""Uniform random points in polygons with holes and many parts.

A part that fills a fair share of its bounding box is sampled by rejection: points uniform in the
box, kept if they lie inside. A thin one (a road, a diagonal sliver) is triangulated
first, so that it does not need thousands of tries for a point. Both are exactly uniform.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError

_FAIR_SHARE = 1 / 32
"""Share of its bounding box that a part must fill to be sampled by rejection.

Triangulation would work for every part, but its time grows with the square of the number of holes;
thin parts rarely have many.
"""

_MAX_ROUNDS = 5000
"""Rounds of rejection; at a share of 1/32 one point in 10⁶⁸ would need more."""


def uniform_points(
    polygons: NDArray[np.object_], owner: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw points, each uniform over the whole of its own polygon.

    Args:
        polygons: Valid Polygons or MultiPolygons, (m,).
        owner: Index of each point's polygon, (n,) int64.
        rng: Source of randomness.

    Returns:
        x and y, (n,) float64, in the polygons' map units.

    Raises:
        LulcsegError: A polygon to draw a point in has no area.
    """
    parts, part_owner = shapely.get_parts(polygons, return_index=True)
    solid = shapely.area(parts) > 0
    parts, part_owner = parts[solid], part_owner[solid]
    hollow = np.setdiff1d(owner, part_owner)
    if hollow.size:
        raise LulcsegError(
            f"polygon {int(hollow[0])} has no area to draw a point in",
            where="polygons",
            remedy="remove the degenerate polygons",
        )
    part = _pick(owner, part_owner, shapely.area(parts), rng)

    bounds = shapely.bounds(parts)
    box_areas = (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])
    fair = (shapely.area(parts) >= _FAIR_SHARE * box_areas)[part]
    xy = np.empty((owner.size, 2), dtype=np.float64)
    xy[fair] = _by_rejection(parts, part[fair], rng)
    xy[~fair] = _by_triangles(parts, part[~fair], rng)
    return xy[:, 0], xy[:, 1]


def _pick(
    group: NDArray[np.int64], member_group: NDArray[np.int64], weights: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Pick for each entry of ``group`` a member of that group, with probability proportional to weight.

    Args:
        group: Requested group, (n,).
        member_group: Group of each member, (m,), ascending; every requested group has members.
        weights: Weight of each member, (m,), positive.
        rng: Source of randomness.

    Returns:
        Indices of members, (n,) int64.
    """
    present, start, index = np.unique(member_group, return_index=True, return_inverse=True)
    totals = np.bincount(index, weights)
    # Each group spans one unit of a common scale, so that a group of 2 m² is resolved as
    # finely as one of 10¹⁰ m².
    scale = np.cumsum(weights / totals[index])
    rank = np.searchsorted(present, group)
    found = np.searchsorted(scale, rank + rng.random(group.size), side="right")
    last = np.append(start[1:], member_group.size) - 1
    return np.clip(found, start[rank], last[rank]).astype(np.int64)


def _by_rejection(parts: NDArray[np.object_], part: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a point in ``parts[part[i]]`` for each i, (n, 2), by testing points of the bounding box."""
    shapely.prepare(parts[np.unique(part)])
    low, high = np.split(shapely.bounds(parts[part]).reshape(-1, 4), 2, axis=1)
    xy = np.empty((part.size, 2), dtype=np.float64)
    pending = np.arange(part.size)
    for _ in range(_MAX_ROUNDS):
        if pending.size == 0:
            return xy
        tries = low[pending] + rng.random((pending.size, 2)) * (high[pending] - low[pending])
        xy[pending] = tries
        inside = shapely.contains_xy(parts[part[pending]], tries[:, 0], tries[:, 1])
        pending = pending[~inside]
    raise LulcsegError(
        f"no point was found inside a polygon near x {xy[pending[0], 0]:.1f}, y {xy[pending[0], 1]:.1f}",
        where="polygons",
        remedy="repair or remove it: it is too small for its coordinates' precision",
    )


def _by_triangles(parts: NDArray[np.object_], part: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a point in ``parts[part[i]]`` for each i, (n, 2), from a triangulation."""
    if part.size == 0:
        return np.empty((0, 2), dtype=np.float64)
    needed, index = np.unique(part, return_inverse=True)
    triangles, triangle_owner = shapely.get_parts(
        shapely.constrained_delaunay_triangles(parts[needed]), return_index=True
    )
    chosen = _pick(index, triangle_owner, shapely.area(triangles), rng)
    corners = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[chosen]
    steps = rng.random((part.size, 2))
    beyond = steps.sum(axis=1) > 1
    steps[beyond] = 1 - steps[beyond]  # the other half of the parallelogram folds back onto the triangle
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    xy: NDArray[np.float64] = a + steps[:, :1] * (b - a) + steps[:, 1:] * (c - a)
    return xy
