"""Areas on the ground where a projection stretches them, as Web Mercator does: the only place that knows by how much.

Areas of projections that are nearly true, such as UTM zones, are taken as the map gives them.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer

from lulcseg.grid import Grid, Window, blocks

MOST_OFF = 0.01
"""Share of the area on the ground from which on a projection's areas are corrected, and said to be off."""

_STEP = 10.0
"""Half the distance over which a projection's stretch is measured, in map units."""

_BLOCK, _FARTHEST = 1024, 4000.0
"""Longest side of the ground that has one correction, in pixels and in map units."""


def true_share(crs: str, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Return the area on the ellipsoid of a square map unit at points, in m².

    From the projection's derivatives: dA = M N cos φ dφ dλ, with the radii of curvature M along the meridian and
    N across it (Snyder, Map projections, USGS Professional Paper 1395, section 3).

    Args:
        crs: A projected CRS.
        x: Eastings, any shape.
        y: Northings, the same shape.

    Example:
        >>> true_share("EPSG:3857", [0.0, 0.0], [0.0, 5_311_972.0]).round(4).tolist()  # the equator, 43° N
        [0.9933, 0.5346]
    """
    to_ground, major, minor = _ellipsoid(crs)
    eccentricity = 1 - (minor / major) ** 2
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)

    def place(dx: float, dy: float) -> NDArray[np.float64]:
        return np.deg2rad(np.stack(to_ground.transform(x + dx, y + dy)))

    along_x = _turned(place(_STEP, 0) - place(-_STEP, 0)) / (2 * _STEP)
    along_y = _turned(place(0, _STEP) - place(0, -_STEP)) / (2 * _STEP)
    latitude = place(0, 0)[1]
    bent = 1 - eccentricity * np.sin(latitude) ** 2
    per_radian = major**2 * (1 - eccentricity) / bent**2 * np.cos(latitude)  # M N cos φ
    found: NDArray[np.float64] = per_radian * np.abs(along_x[0] * along_y[1] - along_x[1] * along_y[0])
    return found


@lru_cache(maxsize=64)
def _ellipsoid(crs: str) -> tuple[Transformer, float, float]:
    """Return the way from a CRS to longitude and latitude, and the ellipsoid's semi-axes in metres."""
    known = CRS.from_user_input(crs)
    assert known.ellipsoid is not None
    to_ground = Transformer.from_crs(known, known.geodetic_crs, always_xy=True)
    return to_ground, known.ellipsoid.semi_major_metre, known.ellipsoid.semi_minor_metre


def _turned(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return differences of longitude and latitude across the antimeridian as the short way round."""
    difference[0] = (difference[0] + np.pi) % (2 * np.pi) - np.pi
    return difference


@lru_cache(maxsize=256)
def stretch(grid: Grid) -> tuple[float, float]:
    """Return the least and the greatest area of a grid on the map for its area on the ground; 1 where it is true.

    Example:
        >>> least, most = stretch(Grid("EPSG:3857", 0.0, 5_312_000.0, 10.0, 10.0, 100, 100))
        >>> round(least, 3), round(most, 3), stretch(Grid("EPSG:28355", 5e5, 8e6, 0.5, 0.5, 9, 9))[0] > 0.999
        (1.87, 1.87, True)
    """
    metres = float(CRS.from_user_input(grid.crs).axis_info[0].unit_conversion_factor)
    bounds = grid.bounds()
    x, y = np.meshgrid(np.linspace(bounds.left, bounds.right, 5), np.linspace(bounds.bottom, bounds.top, 5))
    shares = true_share(grid.crs, x, y)
    shares = shares[np.isfinite(shares) & (shares > 0)]  # beyond the projection's reach there is no ground
    return (metres**2 / float(shares.max()), metres**2 / float(shares.min())) if shares.size else (1.0, 1.0)


def is_stretched(grid: Grid) -> bool:
    """Return whether a grid's areas on the map are off by more than :data:`MOST_OFF` anywhere."""
    least, most = stretch(grid)
    return most > 1 + MOST_OFF or least < 1 - MOST_OFF


def ground_areas(geometries: ArrayLike, grid: Grid) -> NDArray[np.float64]:
    """Return the areas of polygons on the ground, (n,) m²; of each the stretch at its centroid.

    Args:
        geometries: (n,) polygons in the CRS of a grid, in metres.
        grid: The grid that they lie on.
    """
    polygons: NDArray[Any] = np.atleast_1d(np.asarray(geometries, dtype=object))
    areas = np.asarray(shapely.area(polygons), dtype=np.float64)
    if not is_stretched(grid):
        return areas
    centres = shapely.centroid(polygons)
    there = areas > 0
    areas[there] *= true_share(grid.crs, shapely.get_x(centres[there]), shapely.get_y(centres[there]))
    return areas


def pixel_ground_area(grid: Grid, window: Window | None = None) -> float:
    """Return the mean area on the ground of the pixels of a grid or of a window of it, in m².

    Args:
        grid: A grid in a projected CRS.
        window: The window; None: the whole grid.
    """
    metres = float(CRS.from_user_input(grid.crs).axis_info[0].unit_conversion_factor)
    if not is_stretched(grid):
        return grid.pixel_area * metres**2
    bounds = grid.bounds(window)
    nodes, weights = np.polynomial.legendre.leggauss(5)
    x = (bounds.left + bounds.right + nodes * (bounds.right - bounds.left)) / 2
    y = (bounds.bottom + bounds.top + nodes * (bounds.top - bounds.bottom)) / 2
    shares = true_share(grid.crs, *np.meshgrid(x, y))
    return float(grid.pixel_area * (weights @ shares @ weights) / 4)


def min_pixels(area: float, grid: Grid) -> int:
    """Return the smallest number of pixels of at least an area in m², tolerant of rounding errors.

    Example:
        >>> grid = Grid("EPSG:28355", 0.0, 0.0, 0.5, 0.5, 10, 10)
        >>> min_pixels(1.0, grid), min_pixels(1.1, grid)
        (4, 5)
    """
    return math.ceil(area / pixel_ground_area(grid) - 1e-6)


def ground_blocks(grid: Grid, window: Window) -> list[tuple[Window, float]]:
    """Cut a window into blocks small enough for one pixel area each, in m²; a single one where areas are true."""
    if not is_stretched(grid):
        return [(window, pixel_ground_area(grid))]
    sides = [max(1, min(_BLOCK, int(_FARTHEST / size))) for size in (grid.yres, grid.xres)]
    return [(block, pixel_ground_area(grid, block)) for block in blocks(window, *sides)]


def describe_stretch(grid: Grid) -> str | None:
    """Return a sentence on a grid whose areas on the map are off; None if they are true.

    Example:
        >>> (describe_stretch(Grid("EPSG:3857", 0.0, 5_312_000.0, 10.0, 10.0, 100, 100)) or "")[:100] + "…"
        'Areas in EPSG:3857 are 1.87 times those on the ground here (1 m is 0.73 m): hectares are corrected, …'
    """
    if not is_stretched(grid):
        return None
    least, most = stretch(grid)
    shown = f"{least:.3g}" if f"{least:.3g}" == f"{most:.3g}" else f"{least:.3g} to {most:.3g}"
    name = grid.crs if len(grid.crs) < 40 else CRS.from_user_input(grid.crs).name
    return (
        f"Areas in {name} are {shown} times those on the ground here (1 m is {(2 / (least + most)) ** 0.5:.2f} m): "
        "hectares are corrected, pixel sizes and lengths are not; set crs: to a projection of the region for true ones."
    )
