"""Pixel grids and windows as plain values.

One axis order everywhere: rows before columns, as in an array. Map coordinates are ``(x, y)``
and say so in their names. Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Bounds(NamedTuple):
    """An extent in map units (usually metres)."""

    left: float
    bottom: float
    right: float
    top: float


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels: first row and column, height and width, all in pixels.

    It may reach outside its grid (negative starts are allowed); what a reader returns there is up to
    the reader.

    Example:
        >>> Window(0, 0, 4, 6).intersection(Window(2, -1, 8, 3))
        Window(row=2, col=0, height=2, width=2)
        >>> Window(2, 1, 2, 2).slices_in(Window(1, 1, 8, 8))
        (slice(1, 3, None), slice(0, 2, None))
    """

    row: int
    col: int
    height: int
    width: int

    @property
    def row_end(self) -> int:
        """The row after the last."""
        return self.row + self.height

    @property
    def col_end(self) -> int:
        """The column after the last."""
        return self.col + self.width

    @property
    def is_empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.height <= 0 or self.width <= 0

    def intersection(self, other: Window) -> Window:
        """Return the common rectangle, with zero height or width if there is none."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        height = max(0, min(self.row_end, other.row_end) - row)
        width = max(0, min(self.col_end, other.col_end) - col)
        return Window(row, col, height, width)

    def contains(self, other: Window) -> bool:
        """Whether every pixel of ``other`` is in this window."""
        return self.intersection(other) == other

    def slices_in(self, frame: Window) -> tuple[slice, slice]:
        """Return the row and column slices of this window in an array of the window ``frame``."""
        row, col = self.row - frame.row, self.col - frame.col
        return slice(row, row + self.height), slice(col, col + self.width)


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up pixel grid.

    Attributes:
        crs: Coordinate reference system, as an authority code ("EPSG:28355") or WKT.
        left: x of the left edge of the first column, in map units.
        top: y of the upper edge of the first row, in map units.
        xres: Width of a pixel, in map units, positive.
        yres: Height of a pixel, in map units, positive.
        height: Number of rows.
        width: Number of columns.

    Example:
        >>> grid = Grid("EPSG:28355", left=300_000.0, top=8_050_000.0, xres=0.5, yres=0.5, height=600, width=800)
        >>> grid.bounds(Window(0, 0, 2, 4))
        Bounds(left=300000.0, bottom=8049999.0, right=300002.0, top=8050000.0)
        >>> [int(n) for n in grid.rowcol(300_001.3, 8_049_999.9)]
        [0, 2]
        >>> [float(n) for n in grid.xy(0, 2)]
        [300001.25, 8049999.75]
        >>> grid.window_of(grid.bounds(Window(3, 5, 7, 9)))
        Window(row=3, col=5, height=7, width=9)
    """

    crs: str
    left: float
    top: float
    xres: float
    yres: float
    height: int
    width: int

    @property
    def window(self) -> Window:
        """The window of the whole grid."""
        return Window(0, 0, self.height, self.width)

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """The affine transform's six numbers, in the order of ``affine.Affine``."""
        return (self.xres, 0.0, self.left, 0.0, -self.yres, self.top)

    @property
    def pixel_area(self) -> float:
        """Area of a pixel, in square map units (m² in a metric CRS)."""
        return self.xres * self.yres

    def bounds(self, window: Window | None = None) -> Bounds:
        """Return the extent of a window (default: the grid) in map units."""
        w = self.window if window is None else window
        return Bounds(
            left=self.left + w.col * self.xres,
            bottom=self.top - w.row_end * self.yres,
            right=self.left + w.col_end * self.xres,
            top=self.top - w.row * self.yres,
        )

    def rowcol(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the row and column of the pixels that hold map points.

        A point on an edge between pixels belongs to the pixel right of or below the edge.

        Args:
            x: Eastings, any shape.
            y: Northings, the same shape.

        Returns:
            Rows and columns, int64, possibly outside the grid.
        """
        col = np.floor((np.asarray(x, dtype=np.float64) - self.left) / self.xres)
        row = np.floor((self.top - np.asarray(y, dtype=np.float64)) / self.yres)
        return row.astype(np.int64), col.astype(np.int64)

    def xy(self, row: ArrayLike, col: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the map coordinates of pixel centres.

        Args:
            row: Rows, any shape.
            col: Columns, the same shape.

        Returns:
            Eastings and northings, float64.
        """
        x = self.left + (np.asarray(col, dtype=np.float64) + 0.5) * self.xres
        y = self.top - (np.asarray(row, dtype=np.float64) + 0.5) * self.yres
        return x, y

    def window_of(self, bounds: Bounds) -> Window:
        """Return the smallest window whose pixels cover an extent.

        Edges within a thousandth of a pixel of a pixel edge count as on it, so that an
        extent made by :meth:`bounds` gives its own window back.
        """
        slack = 1e-3
        col = int(np.floor((bounds.left - self.left) / self.xres + slack))
        row = int(np.floor((self.top - bounds.top) / self.yres + slack))
        col_end = int(np.ceil((bounds.right - self.left) / self.xres - slack))
        row_end = int(np.ceil((self.top - bounds.bottom) / self.yres - slack))
        return Window(row, col, row_end - row, col_end - col)

    def crop(self, window: Window) -> Grid:
        """Return the grid of a window of this one."""
        b = self.bounds(window)
        return Grid(self.crs, b.left, b.top, self.xres, self.yres, window.height, window.width)

    def offset_of(self, other: Grid) -> tuple[int, int] | None:
        """Return the row and column of another grid's first pixel in this grid, if both share their pixels.

        Returns:
            Row and column; None if the pixel sizes differ by more than a tenth of a pixel
            over the other grid's extent, or the pixel edges by more than a hundredth of a pixel.
            The CRS is not compared.
        """
        col = (other.left - self.left) / self.xres
        row = (self.top - other.top) / self.yres
        drift_x = abs(other.xres / self.xres - 1) * other.width
        drift_y = abs(other.yres / self.yres - 1) * other.height
        if max(drift_x, drift_y) > 0.1 or max(abs(col - round(col)), abs(row - round(row))) > 0.01:
            return None
        return round(row), round(col)


def blocks(window: Window, height: int, width: int) -> Iterator[Window]:
    """Cut a window into blocks, row by row; the last of a row or column may be smaller.

    Args:
        window: The window to cut.
        height: Rows of a block.
        width: Columns of a block.

    Yields:
        Windows that tile ``window`` without overlap.

    Example:
        >>> [(b.row, b.col, b.height, b.width) for b in blocks(Window(0, 0, 3, 5), 2, 4)]
        [(0, 0, 2, 4), (0, 4, 2, 1), (2, 0, 1, 4), (2, 4, 1, 1)]
    """
    for row in range(window.row, window.row_end, height):
        for col in range(window.col, window.col_end, width):
            yield Window(row, col, min(height, window.row_end - row), min(width, window.col_end - col))
