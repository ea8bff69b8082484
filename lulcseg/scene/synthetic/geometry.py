"""Splitting and roughening of polygons. Coordinates are in pixels: x to the right, y down."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

Points = NDArray[np.float64]


def polygons(geometry: BaseGeometry, smallest: float = 0.0) -> list[Polygon]:
    """Return the polygons of a geometry with an area greater than ``smallest`` px²."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return [p for p in parts if isinstance(p, Polygon) and p.area > smallest]


def strip(middle: tuple[float, float], angle: float, width: float, length: float) -> Polygon:
    """Return a rectangle centred on ``middle``, with its length along ``angle`` (radians)."""
    c, s = np.cos(angle), np.sin(angle)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (length / 2, width / 2)
    x, y = corners[:, 0], corners[:, 1]
    return Polygon(np.column_stack([middle[0] + x * c - y * s, middle[1] + x * s + y * c]))


def extent_along(polygon: Polygon, angle: float) -> tuple[float, float, float, float]:
    """Return a polygon's extent along and across a direction (radians): u_min, u_max, v_min, v_max in pixels."""
    xy = shapely.get_coordinates(polygon)
    u = xy[:, 0] * np.cos(angle) + xy[:, 1] * np.sin(angle)
    v = xy[:, 1] * np.cos(angle) - xy[:, 0] * np.sin(angle)
    return float(u.min()), float(u.max()), float(v.min()), float(v.max())


def halve(
    polygon: Polygon, angle: float, gap: float, rng: np.random.Generator, ratio: float | None = None
) -> tuple[list[Polygon], BaseGeometry, float]:
    """Split a polygon in two across its longer side.

    Args:
        polygon: Polygon to split.
        angle: Orientation of its sides, radians; the cut is parallel or perpendicular to it within a few degrees.
        gap: Width of the gap along the cut, pixels.
        rng: Random generator for the position and direction of the cut.
        ratio: Position of the cut as a share of the length; None draws it from 0.38…0.62.

    Returns:
        The parts, the gap between them, and the direction of the cut (radians).
    """
    u0, u1, v0, v1 = extent_along(polygon, angle)
    share = rng.uniform(0.38, 0.62) if ratio is None else ratio
    tilt = float(np.clip(rng.normal(0, 0.035), -0.08, 0.08))
    if u1 - u0 >= v1 - v0:
        u, v, direction = u0 + share * (u1 - u0), (v0 + v1) / 2, angle + np.pi / 2 + tilt
    else:
        u, v, direction = (u0 + u1) / 2, v0 + share * (v1 - v0), angle + tilt
    middle = (u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle))
    band = strip(middle, direction, max(gap, 1e-3), 4 * (u1 - u0 + v1 - v0))
    return polygons(polygon.difference(band), 4.0), polygon.intersection(band), direction


def inset(polygon: BaseGeometry, by: float, corner: float = 0.0) -> Polygon | None:
    """Shrink a polygon by ``by`` px, round its corners, and return the largest part; None if nothing is left."""
    shrunk = polygon.buffer(-(by + corner), join_style="mitre")
    if corner > 0:
        shrunk = shrunk.buffer(corner, quad_segs=3)
    parts = polygons(shrunk, 9.0)
    return max(parts, key=lambda p: p.area) if parts else None


def compactness(polygon: Polygon) -> float:
    """Return 16 × area / perimeter²: 1 for a square, near 0 for a sliver."""
    return float(16 * polygon.area / polygon.length**2) if polygon.length else 0.0


def wander(count: int, correlation: float, rng: np.random.Generator, *, closed: bool) -> NDArray[np.float64]:
    """Return autocorrelated Gaussian noise along a line, with mean 0 and standard deviation about 1.

    Args:
        count: Number of values.
        correlation: Standard deviation of the smoothing kernel, in steps.
        rng: Random generator.
        closed: Whether the line is a closed ring.
    """
    raw = rng.normal(size=count)
    if correlation <= 0 or count < 3:
        return raw
    smoothed = ndimage.gaussian_filter1d(raw, correlation, mode="wrap" if closed else "reflect")
    weights = ndimage.gaussian_filter1d(
        np.eye(1, 8 * int(np.ceil(correlation)) + 1, 4 * int(np.ceil(correlation))), correlation
    )
    return np.asarray(smoothed / np.sqrt((weights**2).sum()))


def roughen(
    polygon: Polygon, spacing: float, amplitude: float, correlation: float, rng: np.random.Generator
) -> Polygon:
    """Resample a polygon's outline and displace its vertices by autocorrelated noise.

    Args:
        polygon: A valid polygon; holes are dropped.
        spacing: Distance between the new vertices, pixels.
        amplitude: Standard deviation of the displacement, pixels.
        correlation: Correlation length of the displacement, pixels.
        rng: Random generator.

    Returns:
        The largest valid part of the result, or the input polygon if no valid part is left.
    """
    ring = LineString(polygon.exterior)
    count = max(4, round(ring.length / spacing))
    xy = shapely.get_coordinates(shapely.line_interpolate_point(ring, np.arange(count) / count, normalized=True))
    shift = np.column_stack([wander(count, correlation / spacing, rng, closed=True) for _ in range(2)])
    return largest(Polygon(xy + amplitude * shift)) or polygon


def largest(geometry: BaseGeometry) -> Polygon | None:
    """Return the largest polygon of a geometry after making it valid, or None if it has none."""
    parts = polygons(shapely.make_valid(geometry), 1.0)
    return max(parts, key=lambda p: p.area) if parts else None


def long_edges(polygon: Polygon, shortest: float) -> list[tuple[LineString, float]]:
    """Return a simplified polygon's edges of at least ``shortest`` pixels, with their directions (radians)."""
    xy = shapely.get_coordinates(cast(Polygon, polygon.simplify(2.0)).exterior)
    sides = []
    for a, b in pairwise(xy):
        if np.hypot(*(b - a)) >= shortest:
            sides.append((LineString([a, b]), float(np.arctan2(b[1] - a[1], b[0] - a[0]))))
    return sides
