"""Squares of equal size over a map: what they sum to, which are taken, which are out of the question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.grid import Bounds, Grid, Window, blocks
from lulcseg.legend import IGNORE
from lulcseg.maps.vectorise import BACKGROUND, ReadWindow
from lulcseg.progress import Progress

_MOST = 200_000_000
"""Squares of a lattice, which takes some twenty bytes for each."""

_AT_ONCE = 100_000
"""Squares whose distance is measured at once."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class SquareLattice:
    """Squares side by side from a grid's upper left corner; the rest at its right and lower edge is in none.

    Attributes:
        grid: The pixels.
        rows: Rows of a square.
        cols: Columns of a square.
    """

    grid: Grid
    rows: int
    cols: int

    @classmethod
    def of(cls, grid: Grid, size: float, path: Path) -> Self:
        """Lay squares of a size in metres, rounded to whole pixels.

        Raises:
            LulcsegError: A square is larger than the map, or there are too many.
        """
        lattice = cls(grid, max(1, round(size / grid.yres)), max(1, round(size / grid.xres)))
        down, across = lattice.shape
        if not down * across:
            raise LulcsegError(f"it is smaller than a square of {size:g} m", where=path, remedy="make --size smaller")
        if down * across > _MOST:
            raise LulcsegError(
                f"it has {down * across:,} squares of {size:g} m", where=path, remedy="make --size larger"
            )
        return lattice

    @property
    def shape(self) -> tuple[int, int]:
        """Squares from top to bottom, and from left to right."""
        return self.grid.height // self.rows, self.grid.width // self.cols

    def window(self, row: int, col: int, height: int = 1, width: int = 1) -> Window:
        """Return the pixels of squares."""
        return Window(row * self.rows, col * self.cols, height * self.rows, width * self.cols)

    def squares_near(self, bounds: Bounds) -> Window:
        """Return the squares that an extent reaches into, as a window of the lattice."""
        pixels = self.grid.window_of(bounds)
        row, col = pixels.row // self.rows, pixels.col // self.cols
        ends = -(-pixels.row_end // self.rows), -(-pixels.col_end // self.cols)
        return Window(row, col, ends[0] - row, ends[1] - col).intersection(Window(0, 0, *self.shape))


def sum_squares(
    lattice: SquareLattice,
    classes: ReadWindow,
    steps: Callable[[Window], NDArray[np.uint8]],
    *,
    block: int,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Sum a raster over each square, block by block.

    Args:
        lattice: The squares.
        classes: Reads the map; :data:`BACKGROUND` where it has no class.
        steps: Reads the raster, 255 where it has no value.
        block: Longest side of a block, in pixels, unless a square is larger.
        progress: Progress callback, called with (blocks done, total).

    Returns:
        The sums, int64; −1 where a pixel of the square has no class or no value.
    """
    sums = np.empty(lattice.shape, dtype=np.int64)
    per_block = max(1, block // lattice.rows), max(1, block // lattice.cols)
    parts = list(blocks(Window(0, 0, *lattice.shape), *per_block))
    for done, part in enumerate(parts, start=1):
        window = lattice.window(part.row, part.col, part.height, part.width)
        values = steps(window)
        known = (classes(window) != BACKGROUND) & (values != IGNORE)
        shape = part.height, lattice.rows, part.width, lattice.cols
        whole = known.reshape(shape).all(axis=(1, 3))
        total = values.reshape(shape).sum(axis=(1, 3), dtype=np.int64)
        sums[part.slices_in(Window(0, 0, *lattice.shape))] = np.where(whole, total, -1)
        if progress is not None:
            progress(done, len(parts))
    return sums


def exclude_near(
    sums: NDArray[np.int64], lattice: SquareLattice, geometries: NDArray[np.object_], buffer: float
) -> int:
    """Set the sums of squares within a distance of geometries to −1, in place; return the number of those set.

    Args:
        sums: Of each square.
        lattice: The squares.
        geometries: (n,) points or polygons, in the grid's CRS.
        buffer: The distance, in metres.
    """
    grid, before = lattice.grid, int((sums >= 0).sum())
    for geometry in geometries[~(shapely.is_missing(geometries) | shapely.is_empty(geometries))]:
        left, bottom, right, top = geometry.bounds
        reach = buffer + max(grid.xres, grid.yres)
        near = lattice.squares_near(Bounds(left - reach, bottom - reach, right + reach, top + reach))
        if near.is_empty:
            continue
        shapely.prepare(geometry)
        for rows in blocks(near, max(1, _AT_ONCE // near.width), near.width):
            row, col = np.indices((rows.height, rows.width))
            x = grid.left + (rows.col + col) * lattice.cols * grid.xres
            y = grid.top - (rows.row + row) * lattice.rows * grid.yres
            squares = shapely.box(x, y - lattice.rows * grid.yres, x + lattice.cols * grid.xres, y)
            part = sums[rows.slices_in(Window(0, 0, *sums.shape))]
            part[shapely.dwithin(geometry, squares, buffer)] = -1
    return before - int((sums >= 0).sum())


def choose_squares(
    scores: NDArray[np.int64] | NDArray[np.float64], lattice: SquareLattice, distance: float, count: int
) -> list[tuple[int, int]]:
    """Choose squares greedily: the highest score first, then the highest of those far enough from all chosen.

    Args:
        scores: Of each square; negative ones are never chosen. Of equal ones the first in reading order is.
        lattice: The squares.
        distance: Least distance between two, edge to edge, in metres.
        count: Most squares to choose.

    Returns:
        Row and column of each in the lattice, in the order of choice.

    Example:
        >>> lattice = SquareLattice(Grid("EPSG:28355", 0.0, 0.0, 1.0, 1.0, 10, 40), 10, 10)
        >>> choose_squares(np.array([[5, 6, 4, 3]]), lattice, distance=10.0, count=4)
        [(0, 1), (0, 3)]
    """
    left = scores.copy()
    blocked = _blocked_around(lattice, distance)
    reach_row, reach_col = blocked.shape[0] // 2, blocked.shape[1] // 2
    whole = Window(0, 0, *left.shape)
    chosen: list[tuple[int, int]] = []
    while len(chosen) < count:
        row, col = (int(k) for k in np.unravel_index(int(left.argmax()), left.shape))
        if left[row, col] < 0:
            break
        chosen.append((row, col))
        around = Window(row - reach_row, col - reach_col, *blocked.shape)
        here = around.intersection(whole)
        left[here.slices_in(whole)][blocked[here.slices_in(around)]] = -1
    return chosen


def _blocked_around(lattice: SquareLattice, distance: float) -> NDArray[np.bool_]:
    """Return which squares around one are nearer than a distance, itself included, with it in the middle."""
    sides = lattice.rows * lattice.grid.yres, lattice.cols * lattice.grid.xres
    gaps = []
    for side, most in zip(sides, lattice.shape, strict=True):
        reach = min(int(distance / side) + 2, most)
        gaps.append(np.maximum(np.abs(np.arange(-reach, reach + 1)) - 1, 0) * side)
    near: NDArray[np.bool_] = np.hypot(gaps[0][:, None], gaps[1][None]) < distance - _ROUNDING
    near[near.shape[0] // 2, near.shape[1] // 2] = True
    return near
