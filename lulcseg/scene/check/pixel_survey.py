"""One pass over a scene's pixels for the checks: validity, ranges of values, and where each source has values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Grid, Window, blocks
from lulcseg.processes import usable_cores
from lulcseg.progress import tracked
from lulcseg.scene.fill_values import BandRange
from lulcseg.scene.imagery import ImageryReader

_BLOCK = 512
_MOST_BLOCKS, _QUICK_BLOCKS = 400, 36
_MOST_THREADS = 8
_FROM_THE_TOP = frozenset({"JPEG", "PNG", "GIF", "BMP", "WEBP", "JPEGXL"})
"""GDAL's drivers of files that are decoded from their first row on: a second handle would decode the same again."""


@dataclass(frozen=True)
class _BlockFindings:
    valid: int
    pixels: int
    ranges: list[BandRange]
    source_valid: list[int]


class PixelSurvey:
    """Reads a scene's imagery for the checks, each pixel at most once: all of it, or of a large mosaic a sample.

    All cores share the blocks; where a file is decoded from its first row on, one reads while the others count.

    Args:
        imagery: The imagery.
        quick: Whether a sample is enough whatever the size.
        keep_validity: Whether :meth:`valid_at` is going to be asked.

    Attributes:
        windows: The windows to read.
        whole: Whether they cover the grid.
        valid: Valid pixels among those read.
        pixels: Pixels read.
        ranges: Values of each band where pixels are valid.
        source_valid: Pixels of each source that have a value, in the order of ``imagery.rasters.parts``.
    """

    def __init__(self, imagery: ImageryReader, *, quick: bool = False, keep_validity: bool = False) -> None:
        self.imagery, self.quick = imagery, quick
        self.windows, self.whole = _windows(imagery.grid, _QUICK_BLOCKS if quick else _MOST_BLOCKS)
        self.valid = self.pixels = 0
        self.ranges = [BandRange(np.inf, -np.inf)] * imagery.bands
        self.source_valid = [0] * len(imagery.rasters.parts)
        self._validity: NDArray[np.bool_] | None = None
        self._keeps = keep_validity and self.whole and not imagery.always_valid

    @property
    def extent(self) -> str:
        """What was read, in words."""
        if self.whole:
            return "all pixels read"
        return f"{self.pixels:,} pixels read, evenly spread{' (--quick)' if self.quick else ''}"

    def read(self, threads: int | None = None) -> None:
        """Read the windows and count.

        Args:
            threads: How many threads; None: one a core, eight at most.

        Raises:
            LulcsegError: A file can't be read.
        """
        grid = self.imagery.grid
        validity = np.zeros((grid.height, grid.width), dtype=bool) if self._keeps else None
        threads = min(_MOST_THREADS, usable_cores()) if threads is None else threads
        for found in self._look_at_all(threads, validity):
            self.valid, self.pixels = self.valid + found.valid, self.pixels + found.pixels
            self.ranges = [known.joined(new) for known, new in zip(self.ranges, found.ranges, strict=True)]
            self.source_valid = [sum(pair) for pair in zip(self.source_valid, found.source_valid, strict=True)]
        self._validity = validity

    def valid_at(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which pixels of the grid are valid, (n,) bool, from what was read, else by reading around them.

        Args:
            rows: Their rows, (n,).
            cols: Their columns, (n,).
        """
        if self._validity is not None:
            return self._validity[rows, cols]
        valid = np.zeros(len(rows), dtype=bool)
        block = np.stack([rows // _BLOCK, cols // _BLOCK])
        _, of_block = np.unique(block, axis=1, return_inverse=True)  # sorted by rows, as files are stored
        order = np.argsort(of_block, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(of_block[order])) + 1) if len(rows) else []
        for group in tracked(groups, "Looking for nodata at points", "blocks"):
            row, col = rows[group], cols[group]
            top, left = int(row.min()), int(col.min())
            window = Window(top, left, int(row.max()) - top + 1, int(col.max()) - left + 1)
            valid[group] = self.imagery.valid(window)[row - top, col - left]
        return valid

    def _look_at_all(self, threads: int, validity: NDArray[np.bool_] | None) -> Iterator[_BlockFindings]:
        from_the_top = any(file.driver in _FROM_THE_TOP for file in self.imagery.rasters.files)
        own = local()

        def look(window: Window) -> _BlockFindings:
            reader = self.imagery  # whose handles one thread uses at a time
            if not from_the_top:
                reader = own.reader = getattr(own, "reader", None) or self.imagery.clone()
            return _look(reader, window, validity)

        with ThreadPoolExecutor(threads, thread_name_prefix="check") as pool:
            found: Sequence[Future[_BlockFindings]] = [pool.submit(look, window) for window in self.windows]
            try:
                for future in tracked(found, "Reading imagery", "blocks"):
                    yield future.result()
            finally:
                pool.shutdown(cancel_futures=True)


def _look(reader: ImageryReader, window: Window, validity: NDArray[np.bool_] | None) -> _BlockFindings:
    image, valid, of_sources = reader.read_sources(window)
    if validity is not None:
        validity[window.slices_in(reader.grid.window)] = valid
    count, counts = int(np.count_nonzero(valid)), [int(np.count_nonzero(each)) for each in of_sources]
    whole = count == valid.size
    values: Sequence[NDArray[Any]] = [band.reshape(-1) if whole else band[valid] for band in image]
    return _BlockFindings(count, valid.size, [BandRange.of(each) for each in values], counts)


def _windows(grid: Grid, most: int) -> tuple[list[Window], bool]:
    """Return at most so many windows, evenly spread over a grid, and whether they cover all of it."""
    across, down = -(-grid.width // _BLOCK), -(-grid.height // _BLOCK)
    if across * down <= most:
        return list(blocks(grid.window, _BLOCK, _BLOCK)), True
    height = min(down, max(int(np.sqrt(most)), most // across))
    width = min(across, most // height)
    rows, cols = np.linspace(0, down - 1, height).astype(int), np.linspace(0, across - 1, width).astype(int)
    spread = [Window(int(r) * _BLOCK, int(c) * _BLOCK, _BLOCK, _BLOCK) for r in rows for c in cols]
    return [window.intersection(grid.window) for window in spread], False
