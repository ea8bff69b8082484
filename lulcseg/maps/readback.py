"""Reads a raster back to verify that it holds what was written.

GDAL writes late, when blocks leave its cache or the file is closed, and doesn't report a disk that fills up then: tiles
are missing (and read as nodata) or the file is truncated.
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
    """Running CRC-32 of each band's pixels, row by row from the top, independent of how rows are grouped.

    Example:
        >>> whole, parts = Checksums(1), Checksums(1)
        >>> pixels = np.arange(6, dtype=np.uint8).reshape(1, 3, 2)
        >>> whole.add(pixels)
        >>> parts.add(pixels[:, :1])
        >>> parts.add(pixels[:, 1:])
        >>> whole.values == parts.values
        True
    """

    def __init__(self, bands: int) -> None:
        self._values = [0] * bands

    def add(self, values: NDArray[np.uint8]) -> None:
        """Add the next rows, (bands, h, W) uint8."""
        self._values = [
            zlib.crc32(np.ascontiguousarray(band), value) for band, value in zip(values, self._values, strict=True)
        ]

    @property
    def values(self) -> tuple[int, ...]:
        """The checksums so far, one per band."""
        return tuple(self._values)


def checksums_of(path: Path, rows: int | None = None) -> list[tuple[int, ...]]:
    """Read every pixel of a raster, overviews included, and return the checksums at full resolution.

    Args:
        path: The raster.
        rows: Height of the strips to return checksums of, from the top; None: the whole raster.

    Returns:
        The checksums of each strip, one per band.

    Raises:
        rasterio.errors.RasterioError: Part of it can't be read.
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
