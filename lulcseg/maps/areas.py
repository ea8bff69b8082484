"""Area of each class on a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import blocks
from lulcseg.legend import Legend
from lulcseg.maps.classraster import ClassRaster

_ROWS = 1024


def class_pixels(path: Path, legend: Legend) -> NDArray[np.int64]:
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


def class_areas(pixels: Sequence[int], legend: Legend, pixel_area: float) -> list[ClassArea]:
    """Return the area of each class.

    Args:
        pixels: Pixels of each class, in the legend's order.
        legend: The classes.
        pixel_area: Area of a pixel, in m².

    Example:
        >>> from lulcseg.legend import LandClass
        >>> legend = Legend((LandClass(1, "Cane", "#00ff00"), LandClass(2, "Road", "#333333")))
        >>> [(area.name, area.hectares, area.share) for area in class_areas([30_000, 10_000], legend, 0.25)]
        [('Cane', 0.75, 0.75), ('Road', 0.25, 0.25)]
    """
    mapped = sum(pixels)
    return [
        ClassArea(c.name, c.code, count, count * pixel_area / 10_000, count / mapped if mapped else 0.0)
        for c, count in zip(legend, pixels, strict=True)
    ]
