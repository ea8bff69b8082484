"""How much of a map each class covers."""

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
    """Count a map's pixels per class, at full resolution and strip by strip.

    Args:
        path: The map.
        legend: Its classes.

    Returns:
        (n,) int64 counts; pixels without a class are not counted.

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
    """What a class covers on a map.

    Attributes:
        name: The class.
        code: Its code.
        pixels: Pixels of it.
        hectares: Their area.
        share: Their share of all pixels that have a class; 0 where none has.
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
    """
    mapped = sum(pixels)
    return [
        ClassArea(c.name, c.code, count, count * pixel_area / 10_000, count / mapped if mapped else 0.0)
        for c, count in zip(legend, pixels, strict=True)
    ]
