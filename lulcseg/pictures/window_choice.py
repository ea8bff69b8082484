"""Choosing a window of maps to picture: where two maps differ most, or where the mix of classes is richest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, LandClass
from lulcseg.pictures.class_map import ClassMap
from lulcseg.progress import tracked

_BLOCKS_A_SIDE = 8
_LEAST_BLOCK = 16
_MOST_BLOCKS = 1_000_000
_READ_ROWS, _READ_COLS = 512, 4096
"""Least part of a map that is read at once, in pixels."""


def choose_window(
    maps: Sequence[ClassMap], classes: Sequence[LandClass], grid: Grid, area: Window, size: int
) -> Window:
    """Choose the window where the first two maps differ most.

    Of a single map, or of two equal ones, choose the window with the richest mix of classes: the most pairs of pixels
    of two different classes (Gini–Simpson index).

    The search is coarse: pixels are counted in blocks, at least eight per side of the window (fewer on large maps), and
    windows begin at blocks; of equally good ones the first is chosen, row by row. Maps are read part by part, so
    memory doesn't depend on their size.

    Args:
        maps: One or more maps; the first two are compared.
        classes: The classes of all maps.
        grid: The scene's grid.
        area: The ground that the maps share, in pixels of the scene's grid.
        size: Side of the window, in pixels; cut if the area is smaller.

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
    maps: Sequence[ClassMap], classes: Sequence[LandClass], grid: Grid, search: _Search, what: str
) -> Iterator[tuple[Any, ...]]:
    """Yield windows of the searched ground, and each map's places in ``classes`` there, (h, w) uint8."""
    with ExitStack() as stack:
        readers = [stack.enter_context(m.opened(grid, classes)) for m in maps]
        for window in tracked(search.windows(), what):
            yield window, *(reader.read(window) for reader in readers)


def differs(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where two maps both have a class and the classes differ.

    Args:
        one: Class indices of any shape, 255 where there is no class.
        other: The same of the other map.

    Example:
        >>> differs(np.array([0, 1, 255], dtype=np.uint8), np.array([0, 2, 1], dtype=np.uint8)).tolist()
        [False, True, False]
    """
    where: NDArray[np.bool_] = (one != other) & (one != IGNORE) & (other != IGNORE)
    return where


def window_around(row: int, col: int, area: Window, size: int) -> Window:
    """Return the window of a size centred on a pixel, moved to lie within an area and cut to it.

    Example:
        >>> window_around(5, 50, Window(0, 0, 100, 100), 40)
        Window(row=0, col=30, height=40, width=40)
    """
    height, width = min(size, area.height), min(size, area.width)
    top = min(max(row - height // 2, area.row), area.row_end - height)
    left = min(max(col - width // 2, area.col), area.col_end - width)
    return Window(top, left, height, width)


class _Search:
    """Counts of pixels in square blocks of an area, and their sums over windows.

    Args:
        area: The searched area.
        height: Height of the window, in pixels, at most the area's.
        width: Its width.
    """

    def __init__(self, area: Window, height: int, width: int) -> None:
        fewest = math.ceil(math.sqrt(area.height * area.width / _MOST_BLOCKS))
        self.block = max(-(-max(height, width) // _BLOCKS_A_SIDE), _LEAST_BLOCK, fewest)
        self.area, self.height, self.width = area, height, width
        self.shape = -(-area.height // self.block), -(-area.width // self.block)

    def empty(self) -> NDArray[np.int64]:
        return np.zeros(self.shape, dtype=np.int64)

    def windows(self) -> list[Window]:
        """Return the windows read at once: whole blocks, about two million pixels."""
        rows, cols = (self.block * -(-most // self.block) for most in (_READ_ROWS, _READ_COLS))
        return list(blocks(self.area, rows, cols))

    def count(self, counts: NDArray[np.int64], window: Window, where: NDArray[np.bool_]) -> None:
        """Count a window's true pixels, (h, w) bool, in its blocks."""
        by_rows = [
            where[row : row + self.block].sum(axis=0, dtype=np.int32) for row in range(0, len(where), self.block)
        ]
        found = np.add.reduceat(np.stack(by_rows), np.arange(0, where.shape[1], self.block), axis=1)
        row, col = (window.row - self.area.row) // self.block, (window.col - self.area.col) // self.block
        counts[row : row + found.shape[0], col : col + found.shape[1]] = found

    def sums(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum over the window that begins at each block, for windows that end within the area."""
        down, across = (
            min(-(-n // self.block), most) for n, most in zip((self.height, self.width), counts.shape, strict=True)
        )
        total = np.pad(counts.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
        return total[down:, across:] - total[:-down, across:] - total[down:, :-across] + total[:-down, :-across]

    def window_at(self, score: NDArray[np.int64]) -> Window:
        """Return the window of the highest score, centred in its blocks."""
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
    """Return the number of ordered pairs of pixels of two different classes in each window.

    Args:
        sums: For each class, its number of pixels in each window.
    """
    total: NDArray[np.int64] = np.sum(sums, axis=0) ** 2 - np.sum([s**2 for s in sums], axis=0)
    return total
