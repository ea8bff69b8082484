"""Goes over two maps strip by strip, twice: to compare them, and to write what is left once small patches are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lulcseg.change.pixel_comparison import PairAreas, PixelComparison, changes, unchanged
from lulcseg.change.small_patches import SmallPatches
from lulcseg.change.transition_codes import NO_PAIR, TransitionCodes
from lulcseg.grid import Window, blocks
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.raster_layouts import class_layout, share_layout
from lulcseg.maps.writer import Raster, RasterLayout, StripFile, StripSource, reporting_write_errors
from lulcseg.progress import Progress

ROWS, COLUMNS = 512, 2048
"""Rows of a strip, and columns that are compared at a time, in pixels."""

_PAIRS = "pairs.bin"

type StageProgress = Callable[[str, str], Progress]
"""Makes the progress callback of a stage, from what is done and the unit."""

type _Left = tuple[Window, NDArray[np.uint16], NDArray[np.uint16] | None]


@dataclass(frozen=True)
class StripRequest:
    """What the strips are made of.

    Attributes:
        comparison: Compares windows.
        classes: The classes of both dates.
        staged: Folder for the files being written.
        target: The folder that they will be moved to, named in errors.
        least: Fewest pixels of a patch of change; 1: any.
    """

    comparison: PixelComparison
    classes: Legend
    staged: Path
    target: Path
    least: int = 1


class ChangeStrips:
    """Compares two maps, and writes the change map and its confidence.

    Args:
        request: What to compare, and where to write.
        progress: Makes the progress callback of a stage.
        rows: Rows of a strip.
        columns: Columns compared at a time; None: fewer, the more classes have probabilities.

    Attributes:
        areas: Areas of the pairs as written.
        small: Areas of the changes in patches that are too small.
    """

    def __init__(
        self,
        request: StripRequest,
        progress: StageProgress | None = None,
        *,
        rows: int = ROWS,
        columns: int | None = None,
    ) -> None:
        self._request, self._progress = request, progress
        several = 1 if request.comparison.shares is None else max(1, len(request.classes) // 2)
        self._columns = columns or max(1, COLUMNS // several)
        self._grid = request.comparison.pair.grid
        self._strips = list(blocks(self._grid.window, rows, self._grid.width))
        self._patches = SmallPatches(request.least)
        self._seen = np.zeros(1 << 16, dtype=np.bool_)
        self.areas, self.small = (PairAreas(self._grid, len(request.classes)) for _ in range(2))

    @property
    def pixels(self) -> NDArray[np.int64]:
        """(K, K) pixels of each pair as written."""
        return self.areas.counts()

    def compare(self) -> None:
        """Compare all strips; their pairs are kept in a file, two bytes per pixel.

        Raises:
            LulcsegError: A map can't be read, or a file can't be written.
        """
        request = self._request
        report = self._stage("Comparing the maps")
        with ExitStack() as stack:
            kept = stack.enter_context((request.staged / _PAIRS).open("wb"))
            confidence = None
            if request.comparison.shares is not None:
                confidence = _RasterFile(request, "change_confidence", share_layout("probability of change"), stack)
            for done, strip in enumerate(self._strips, start=1):
                pairs, change = self._compared(strip)
                if request.least > 1:
                    self._patches.add(np.where(changes(pairs), pairs, np.uint16(0)))
                self._seen[np.unique(pairs)] = True
                with reporting_write_errors(request.target):
                    kept.write(pairs.tobytes())
                    kept.flush()
                if confidence is not None and change is not None:
                    confidence.file.write(change[None])
                report(done, len(self._strips))
            if confidence is not None:
                confidence.join(TransitionCodes.of(request.classes, ()).legend(), {})
        if request.least > 1:
            self._patches.finish()

    def codes(self) -> TransitionCodes:
        """Return codes of the pairs that are left once small patches are taken out.

        Raises:
            LulcsegError: More pairs than a map of bytes has codes.
        """
        left = self._seen
        if self._request.least > 1:
            left = np.zeros_like(self._seen)
            for _, pairs, _ in self._left():
                left[np.unique(pairs)] = True
        found = np.flatnonzero(left & (np.arange(left.size) != NO_PAIR))
        return TransitionCodes.of(self._request.classes, [(int(v) >> 8, int(v) & 255) for v in found])

    def write(self, codes: TransitionCodes, tags: dict[str, str]) -> None:
        """Write the change map, and add up its areas.

        Args:
            codes: Codes of all pairs that are left.
            tags: Metadata of the file.

        Raises:
            LulcsegError: It can't be written.
        """
        table, legend = codes.table(), codes.legend()
        report = self._stage("Writing the change")
        with ExitStack() as stack:
            raster = _RasterFile(self._request, "change", class_layout(legend), stack)
            for done, (strip, pairs, removed) in enumerate(self._left(), start=1):
                self.areas.add(strip, pairs)
                if removed is not None:
                    self.small.add(strip, removed)
                raster.file.write(table[pairs][None])
                report(done, len(self._strips))
            raster.join(legend, tags)
        (self._request.staged / _PAIRS).unlink()

    def _compared(self, strip: Window) -> tuple[NDArray[np.uint16], NDArray[np.uint8] | None]:
        pairs = np.full((strip.height, strip.width), NO_PAIR, dtype=np.uint16)
        change = np.full(pairs.shape, IGNORE, dtype=np.uint8)
        for window in blocks(strip, strip.height, self._columns):
            tile = self._request.comparison.compare(window)
            pairs[window.slices_in(strip)] = tile.pairs
            if tile.change is not None:
                change[window.slices_in(strip)] = tile.change
        return pairs, None if self._request.comparison.shares is None else change

    def _left(self) -> Iterator[_Left]:
        """Yield each strip, its pairs without small patches, and the pairs of those."""
        with (self._request.staged / _PAIRS).open("rb") as kept:
            for number, strip in enumerate(self._strips):
                size = strip.height * strip.width
                pairs = np.fromfile(kept, dtype=np.uint16, count=size).reshape(strip.height, strip.width)
                if self._request.least <= 1:
                    yield strip, pairs, None
                    continue
                small = self._patches.find(number, np.where(changes(pairs), pairs, np.uint16(0)))
                yield strip, np.where(small, unchanged(pairs), pairs), np.where(small, pairs, np.uint16(NO_PAIR))

    def _stage(self, what: str) -> Progress:
        if self._progress is None:
            return _silent
        return self._progress(what, "strips")


def _silent(done: int, total: int) -> None:
    """Report nothing."""


class _RasterFile:
    """A raster being written from the top; abandoned if the stack is closed before :meth:`join`."""

    def __init__(self, request: StripRequest, name: str, layout: RasterLayout, stack: ExitStack) -> None:
        self._grid, self._layout = request.comparison.pair.grid, layout
        self._strip = request.staged / f"{name}.strip.tif"
        self._cog, self._target = request.staged / f"{name}.tif", request.target / f"{name}.tif"
        self.file = StripFile(self._strip, 1, self._grid, self._target)
        stack.callback(self.file.abandon)

    def join(self, legend: Legend, tags: dict[str, str]) -> None:
        """Finish the raster.

        Raises:
            LulcsegError: It can't be written.
        """
        source = StripSource(self._strip, 0, self._grid.height, self.file.close())
        Raster(self._grid, self._layout, legend, tags).join([source], self._cog, self._target)
        self._strip.unlink()
