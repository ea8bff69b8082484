"""Where on a map there is most to see: where two maps differ most, or where the mix of classes is richest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, LandClass
from lulcseg.maps.classraster import ClassRaster
from lulcseg.pictures.map_images import ShownMap, joint_table
from lulcseg.progress import tracked

_BLOCKS_A_SIDE = 8
_LEAST_BLOCK = 16
_MOST_BLOCKS = 1_000_000
_READ_ROWS, _READ_COLS = 512, 4096
"""What of a map is read at once, at least, in pixels."""


def choose_window(
    maps: Sequence[ShownMap], classes: Sequence[LandClass], grid: Grid, area: Window, size: int
) -> Window:
    """Choose the window where the first two maps differ most.

    Of one map, or of two that are alike, it is the window with the richest mix of classes: the most pairs of pixels
    of two classes (Gini and Simpson).

    It is a coarse search: pixels are counted in blocks, at least eight to a window's side (on large maps fewer), and
    a window begins where a block does; of equals it is the first, row by row. Maps are read part by part, so
    that memory doesn't depend on their size.

    Args:
        maps: One map or more; the first two are looked at.
        classes: Those of all maps, by name.
        grid: The scene's.
        area: The ground that the maps share, in the scene's grid.
        size: Side of the window, in pixels; it is cut where the area is smaller.

    Raises:
        LulcsegError: A map can't be read, or has a code that its legend lacks.
    """
    search = _Search(area, min(size, area.height), min(size, area.width))
    if len(maps) > 1:
        differing = search.empty()
        for block, one, other in _read(maps[:2], classes, grid, search, "Looking where the maps differ"):
            search.count(differing, block, differs(one, other))
        if differing.any():
            return search.window_at(search.sums(differing))
    of_class = {0: search.empty()}
    for block, index in _read(maps[:1], classes, grid, search, "Looking where the mix of classes is richest"):
        for k in np.flatnonzero(np.bincount(index.ravel(), minlength=256)[:IGNORE]).tolist():
            search.count(of_class.setdefault(k, search.empty()), block, index == k)
    return search.window_at(_mixture([search.sums(counts) for counts in of_class.values()]))


def _read(
    maps: Sequence[ShownMap], classes: Sequence[LandClass], grid: Grid, search: _Search, what: str
) -> Iterator[tuple[Any, ...]]:
    """Yield windows of the ground to search, and there each map's places in ``classes``, (h, w) uint8."""
    tables = [joint_table(m.legend, classes) for m in maps]
    places = [m.window_in(grid) for m in maps]
    with ExitStack() as stack:
        rasters = [stack.enter_context(ClassRaster(m.path, m.legend)) for m in maps]
        for w in tracked(search.windows(), what):
            own = [Window(w.row - at.row, w.col - at.col, w.height, w.width) for at in places]
            yield w, *(t[raster.read(part)] for t, raster, part in zip(tables, rasters, own, strict=True))


def differs(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where two maps have classes that are not the same, whatever the shape."""
    where: NDArray[np.bool_] = (one != other) & (one != IGNORE) & (other != IGNORE)
    return where


def window_around(row: int, col: int, area: Window, size: int) -> Window:
    """Return the window of a size about a pixel, moved as far as it must be to lie in an area."""
    height, width = min(size, area.height), min(size, area.width)
    top = min(max(row - height // 2, area.row), area.row_end - height)
    left = min(max(col - width // 2, area.col), area.col_end - width)
    return Window(top, left, height, width)


class _Search:
    """Counts of pixels in square blocks of an area, and their sums over windows."""

    def __init__(self, area: Window, height: int, width: int) -> None:
        """Choose the blocks.

        Args:
            area: Where to look.
            height: Of the window, in pixels, at most the area's.
            width: Of the window.
        """
        fewest = math.ceil(math.sqrt(area.height * area.width / _MOST_BLOCKS))
        self.block = max(-(-max(height, width) // _BLOCKS_A_SIDE), _LEAST_BLOCK, fewest)
        self.area, self.height, self.width = area, height, width
        self.shape = -(-area.height // self.block), -(-area.width // self.block)

    def empty(self) -> NDArray[np.int64]:
        return np.zeros(self.shape, dtype=np.int64)

    def windows(self) -> list[Window]:
        """Return what is read at once: whole blocks, about two million pixels."""
        rows, cols = (self.block * -(-most // self.block) for most in (_READ_ROWS, _READ_COLS))
        return list(blocks(self.area, rows, cols))

    def count(self, counts: NDArray[np.int64], window: Window, where: NDArray[np.bool_]) -> None:
        """Add up a window's pixels, (h, w) bool, in its blocks."""
        by_rows = [
            where[row : row + self.block].sum(axis=0, dtype=np.int32) for row in range(0, len(where), self.block)
        ]
        found = np.add.reduceat(np.stack(by_rows), np.arange(0, where.shape[1], self.block), axis=1)
        row, col = (window.row - self.area.row) // self.block, (window.col - self.area.col) // self.block
        counts[row : row + found.shape[0], col : col + found.shape[1]] = found

    def sums(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum over the window that begins at each block, for those that end within the area."""
        down, across = (
            min(-(-n // self.block), most) for n, most in zip((self.height, self.width), counts.shape, strict=True)
        )
        total = np.pad(counts.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
        return total[down:, across:] - total[:-down, across:] - total[down:, :-across] + total[:-down, :-across]

    def window_at(self, score: NDArray[np.int64]) -> Window:
        """Return the window of the highest score, in the middle of its blocks."""
        block_row, block_col = np.unravel_index(int(np.argmax(score)), score.shape)
        middle = [
            first + int(at) * self.block + -(-side // self.block) * self.block // 2
            for first, at, side in (
                (self.area.row, block_row, self.height),
                (self.area.col, block_col, self.width),
            )
        ]
        return window_around(middle[0], middle[1], self.area, max(self.height, self.width))


def _mixture(sums: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return how many pairs of pixels of two classes each window holds.

    Args:
        sums: Pixels of each class in each window.
    """
    total: NDArray[np.int64] = np.sum(sums, axis=0) ** 2 - np.sum([s**2 for s in sums], axis=0)
    return total
