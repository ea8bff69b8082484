"""How much of a map each class covers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lulcseg.assessment.classraster import ClassRaster
from lulcseg.grid import blocks
from lulcseg.legend import Legend

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
