"""Area of each class on a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import blocks
from lulcseg.legend import Legend
from lulcseg.maps.classraster import ClassRaster
from lulcseg.scene.file_names import FileName
from lulcseg.scene.ground_area import ground_blocks, is_stretched, pixel_ground_area

_ROWS = 1024


def class_pixels(path: FileName, legend: Legend) -> NDArray[np.int64]:
    """Count a map's pixels by class, at full resolution and strip by strip.

    Args:
        path: The map.
        legend: Its classes.

    Returns:
        (K,) int64 counts; pixels without a class are not counted.

    Raises:
        LulcsegError: The map can't be read, or has a code that the legend lacks.
    """
    counts = np.zeros(256, dtype=np.int64)
    with ClassRaster(path, legend) as raster:
        for strip in blocks(raster.grid.window, _ROWS, raster.width):
            counts += np.bincount(raster.read(strip).ravel(), minlength=256)
    return counts[: len(legend)]


def class_hectares(path: FileName, legend: Legend, pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the area of each class of a map on the ground, (K,) ha.

    Args:
        path: The map, in a projected CRS.
        legend: Its classes.
        pixels: (K,) its pixels of each class; where pixels differ in area, the map is read again.

    Raises:
        LulcsegError: As for :func:`class_pixels`.
    """
    with ClassRaster(path, legend) as raster:
        grid = raster.grid
        if not is_stretched(grid):
            return np.asarray(pixels * pixel_ground_area(grid) / 10_000, dtype=np.float64)
        found = np.zeros(256, dtype=np.float64)
        for strip in blocks(grid.window, _ROWS, raster.width):
            index = raster.read(strip)
            for block, area in ground_blocks(grid, strip):
                found += np.bincount(index[block.slices_in(strip)].ravel(), minlength=256) * area
    return found[: len(legend)] / 10_000


@dataclass(frozen=True, slots=True)
class ClassArea:
    """Area of a class on a map.

    Attributes:
        name: Name of the class.
        code: Its code.
        pixels: Number of its pixels.
        hectares: Their area.
        share: Their share of all pixels that have a class; 0 if none has.
    """

    name: str
    code: int
    pixels: int
    hectares: float
    share: float


def class_areas(pixels: Sequence[int], legend: Legend, hectares: Sequence[float]) -> list[ClassArea]:
    """Return the area of each class.

    Args:
        pixels: Pixels of each class, in the legend's order.
        legend: The classes.
        hectares: Their area, by class.

    Example:
        >>> from lulcseg.legend import LandClass
        >>> legend = Legend((LandClass(1, "Cane", "#00ff00"), LandClass(2, "Road", "#333333")))
        >>> [(area.name, area.hectares, area.share) for area in class_areas([30_000, 10_000], legend, [0.75, 0.25])]
        [('Cane', 0.75, 0.75), ('Road', 0.25, 0.25)]
    """
    mapped = sum(pixels)
    return [
        ClassArea(c.name, c.code, count, float(area), count / mapped if mapped else 0.0)
        for c, count, area in zip(legend, pixels, hectares, strict=True)
    ]
