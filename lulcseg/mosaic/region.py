"""A region of interest: the part of a mosaic to map, given as polygons."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from os import PathLike
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.grid import Bounds, Grid, Window, blocks
from lulcseg.scene.file_names import locate, split_layer
from lulcseg.scene.labels import areal, inside
from lulcseg.scene.vectors import read_vector

_BLOCK = 512
_MOST_BLOCKS = 4096


class Region:
    """Polygons that select pixels of a grid: those whose centre lies inside.

    They are rasterised in blocks aligned with the grid's first pixel, so that a pixel's result doesn't depend on the
    window.

    Args:
        shape: Polygon or multi-polygon in the grid's CRS.
        grid: The mosaic's pixels.

    Attributes:
        window: The part of the grid inside the shape's bounds.
    """

    def __init__(self, shape: Any, grid: Grid) -> None:
        self._shape, self._grid = shape, grid
        shapely.prepare(shape)
        self.window = grid.window_of(Bounds(*shape.bounds)).intersection(grid.window)
        self._block = lru_cache(_MOST_BLOCKS)(self._rasterise)

    @classmethod
    def read(cls, name: str | PathLike[str], grid: Grid) -> Region:
        """Read a region from a vector file of polygons, or from one of its layers (``<file>|layername=<layer>``).

        Raises:
            LulcsegError: Not a vector file with polygons, or no pixel of the grid is inside.
        """
        file, layer, own = split_layer(str(name))
        path = locate(file, "mosaic.region")
        frame = read_vector(path, layer, grid.crs, [], own_crs=own)
        shape = areal(shapely.union_all(shapely.make_valid(frame.geometry.to_numpy())))
        if shape.is_empty:
            raise LulcsegError("it holds no polygon", where=path, remedy="give the region as polygons")
        region = cls(shape, grid)
        if region.window.is_empty or not any(region(part).any() for part in blocks(region.window, _BLOCK, 8 * _BLOCK)):
            raise LulcsegError(
                "the region holds none of the imagery",
                where=path,
                remedy="check its coordinates, or give another region",
            )
        return region

    def __call__(self, window: Window) -> NDArray[np.bool_]:
        """Return which pixels of a window inside the grid are in the region, (h, w) bool."""
        out = np.empty((window.height, window.width), dtype=bool)
        for row in range(window.row // _BLOCK, -(-window.row_end // _BLOCK)):
            for col in range(window.col // _BLOCK, -(-window.col_end // _BLOCK)):
                block = Window(row * _BLOCK, col * _BLOCK, _BLOCK, _BLOCK)
                part = block.intersection(window)
                burned = self._block(row, col)
                out[part.slices_in(window)] = burned if isinstance(burned, bool) else burned[part.slices_in(block)]
        return out

    def digest(self) -> str:
        """Return a hash of the polygons and the grid."""
        return hashlib.sha256(shapely.to_wkb(self._shape) + repr(self._grid).encode()).hexdigest()

    def _rasterise(self, row: int, col: int) -> NDArray[np.bool_] | bool:
        """Return a block's pixels; a single bool where all are equal."""
        mask = inside(self._shape, self._grid, Window(row * _BLOCK, col * _BLOCK, _BLOCK, _BLOCK))
        return bool(mask.flat[0]) if mask.all() or not mask.any() else mask
