"""Mapped area of each class, for one or several maps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyproj import CRS

from lulcseg.grid import Grid
from lulcseg.legend import LandClass
from lulcseg.scene.ground_area import pixel_ground_area


@dataclass(frozen=True)
class AreaRow:
    """A class's area on each map: hectares (None if unknown) and share of the mapped area."""

    name: str
    colour: str
    areas: list[tuple[float | None, float]]


def area_rows(legend: Iterable[LandClass], pixels: list[list[int]], grid: Grid) -> list[AreaRow]:
    """Convert pixel counts of one or several maps into areas and shares.

    Args:
        legend: The classes.
        pixels: Per map, pixels of each class.
        grid: The maps' grid; hectares need a projected CRS.
    """
    hectares = hectares_per_pixel(grid)
    totals = [max(sum(counts), 1) for counts in pixels]
    return [
        AreaRow(
            c.name,
            c.colour,
            [
                (None if hectares is None else counts[i] * hectares, counts[i] / total)
                for counts, total in zip(pixels, totals, strict=True)
            ],
        )
        for i, c in enumerate(legend)
    ]


def hectares_per_pixel(grid: Grid) -> float | None:
    """Return the mean area of a pixel on the ground in hectares; None in a CRS of degrees.

    Example:
        >>> hectares_per_pixel(Grid("EPSG:28355", 0.0, 0.0, 0.5, 0.5, 4, 4))
        2.5e-05
    """
    crs = CRS.from_user_input(grid.crs)
    if not crs.is_projected:
        return None
    return pixel_ground_area(grid) / 10_000
