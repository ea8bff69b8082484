"""Reading a raster back, to know that it holds what was written.

GDAL writes late, when blocks leave its cache or the file is closed, and a disk that fills up then goes
unreported: tiles are missing (and read as nodata) or the file is cut off.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterioWindow


class Checksums:
    """Running CRC-32 of each band's pixels, row by row from the top; strips of any height give the same."""

    def __init__(self, bands: int) -> None:
        """Begin with nothing."""
        self._values = [0] * bands

    def add(self, values: NDArray[np.uint8]) -> None:
        """Add the next rows, (bands, h, W) uint8."""
        self._values = [
            zlib.crc32(np.ascontiguousarray(band), value) for band, value in zip(values, self._values, strict=True)
        ]

    @property
    def values(self) -> tuple[int, ...]:
        """What it has come to so far, one number a band."""
        return tuple(self._values)


def checksums_of(path: Path, rows: int | None = None) -> list[tuple[int, ...]]:
    """Read every pixel of a raster, overviews too, and return the checksums of the full resolution.

    Args:
        path: The raster.
        rows: Height of the strips to tell apart, from the top; None: the raster is one.

    Returns:
        For each strip a checksum a band.

    Raises:
        rasterio.errors.RasterioError: Some of it can't be read.
    """
    found = []
    with rasterio.open(path, num_threads="ALL_CPUS") as dataset:
        height = rows or dataset.height
        for top in range(0, dataset.height, height):
            sums = Checksums(dataset.count)
            for values in _pieces(dataset, top, min(top + height, dataset.height)):
                sums.add(values)
            found.append(sums.values)
        levels = len(dataset.overviews(1))
    for level in range(levels):
        with rasterio.open(path, overview_level=level, num_threads="ALL_CPUS") as dataset:
            for _ in _pieces(dataset, 0, dataset.height):
                pass
    return found


def _pieces(dataset: Any, top: int, bottom: int) -> Iterator[NDArray[np.uint8]]:
    """Yield rows from the top, a row of blocks at a time."""
    step = dataset.block_shapes[0][0]
    row = top
    while row < bottom:
        height = min(step - row % step, bottom - row)
        yield dataset.read(window=RasterioWindow(0, row, dataset.width, height))
        row += height
