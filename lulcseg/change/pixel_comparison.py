"""Compares two maps pixel by pixel: what is subtracted, what is most probable, what a boundary's shift explains."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lulcseg.change.boundary_shift import boundary_shifts, shift_reach
from lulcseg.change.joint_posterior import JointPosterior
from lulcseg.change.map_pair import MapPair
from lulcseg.change.probability_pair import ProbabilityPair
from lulcseg.change.transition_codes import NO_PAIR, pair_values
from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.scene.ground_area import ground_blocks

Array = NDArray[np.float64]

_VALUES = 1 << 16


@dataclass(frozen=True, eq=False)
class ComparedTile:
    """What was found on a window.

    Attributes:
        pairs: (h, w) uint16, pair values after the boundary tolerance; 65535 where there is none.
        change: (h, w) uint8, probability of change in steps of 0.004, 255 where unknown; None without probabilities.
    """

    pairs: NDArray[np.uint16]
    change: NDArray[np.uint8] | None


@dataclass(eq=False)
class PairAreas:
    """Areas of the from–to pairs, added up window by window.

    Attributes:
        grid: The pixels.
        classes: Number of classes K.
        square_metres: (65536,) by pair value.
        pixels: (65536,) the same, in pixels.
    """

    grid: Grid
    classes: int
    square_metres: Array = field(default_factory=lambda: np.zeros(_VALUES))
    pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_VALUES, dtype=np.int64))

    def add(self, window: Window, values: NDArray[np.uint16]) -> None:
        """Add the pairs of a window, (h, w)."""
        for block, area in ground_blocks(self.grid, window):
            counts = np.bincount(values[block.slices_in(window)].ravel(), minlength=_VALUES)
            self.pixels += counts
            self.square_metres += counts * area

    def hectares(self) -> Array:
        """Return the area of each pair, (K, K) ha, rows the first date."""
        return self._matrix(self.square_metres) / 10_000

    def counts(self) -> NDArray[np.int64]:
        """Return the pixels of each pair, (K, K)."""
        return self._matrix(self.pixels).astype(np.int64)

    def _matrix(self, values: NDArray[np.generic]) -> Array:
        square = np.asarray(values, dtype=np.float64).reshape(256, 256)
        return square[: self.classes, : self.classes]


@dataclass(eq=False)
class PixelComparison:
    """Compares windows of two maps, and adds up areas on the way.

    Attributes:
        pair: The two maps.
        classes: Number of classes K.
        shares: Their probabilities; None: there are none, or they are left out.
        persistence: Prior share of ground that keeps its class: the pair is then the most probable one; None: the pair
            is that of the two maps' classes.
        tolerance: Greatest shift of a boundary that is no change, in metres; 0: none.
        subtracted: Areas of the maps' own pairs.
        chosen: Areas of the pairs before the boundary tolerance.
        within: Areas of the pairs that the tolerance took for a shift.
        independent: (K, K) m², expected areas of independent dates.
        persistent: (K, K) m², those under the prior of persistence.
        unknown: Area without probabilities, m², counted in both as it is mapped.
    """

    pair: MapPair
    classes: int
    shares: ProbabilityPair | None = None
    persistence: float | None = None
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        """Start at no area."""
        grid, number = self.pair.grid, self.classes
        self.subtracted, self.chosen, self.within = (PairAreas(grid, number) for _ in range(3))
        self.independent, self.persistent = np.zeros((number, number)), np.zeros((number, number))
        self.unknown = 0.0

    def compare(self, window: Window) -> ComparedTile:
        """Compare a window of the pair's grid, and add it to the areas.

        Raises:
            LulcsegError: A map or its probabilities can't be read, or don't fit each other.
        """
        around = window
        if self.tolerance > 0:
            rows, cols = shift_reach(self.tolerance, self.pair.grid.yres, self.pair.grid.xres)
            around = Window(window.row - rows, window.col - cols, window.height + 2 * rows, window.width + 2 * cols)
            around = around.intersection(self.pair.grid.window)
        inner = window.slices_in(around)
        own = self.pair.read(around)
        self.subtracted.add(window, pair_values(own[0][inner], own[1][inner]))
        chosen, change = (own, None) if self.shares is None else self._probable(around, window, own)
        values = pair_values(*chosen)[inner]
        self.chosen.add(window, values)
        if self.tolerance > 0:
            moved = boundary_shifts(*chosen, self.tolerance, self.pair.grid.yres, self.pair.grid.xres)[inner]
            self.within.add(window, np.where(moved, values, np.uint16(NO_PAIR)))
            values = np.where(moved, unchanged(values), values)
        return ComparedTile(values, None if change is None else change[inner])

    def _probable(
        self, around: Window, window: Window, own: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    ) -> tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.uint8]]:
        """Return the chosen pairs and the probability of change, and add the window to the expected areas."""
        assert self.shares is not None
        read = self.shares.read(around, own)
        posterior = JointPosterior(read.before, read.after, self.persistence)
        change = np.full(own[0].shape, IGNORE, dtype=np.uint8)
        change[read.known] = np.rint(posterior.change() * SHARE_STEPS).astype(np.uint8)
        chosen = own
        if self.persistence is not None:
            chosen = own[0].copy(), own[1].copy()
            chosen[0][read.known], chosen[1][read.known] = posterior.most_probable()
        self._expect(around, window, own, read.known, posterior)
        return chosen, change

    def _expect(
        self,
        around: Window,
        window: Window,
        own: tuple[NDArray[np.uint8], NDArray[np.uint8]],
        known: NDArray[np.bool_],
        posterior: JointPosterior,
    ) -> None:
        area = np.zeros(known.shape)  # the pixels around the window count nothing
        for block, each in ground_blocks(self.pair.grid, window):
            area[block.slices_in(around)] = each
        of_known = area[known]
        mapped = (own[0] != IGNORE) & ~known & (area > 0)
        certain = np.zeros_like(self.independent)
        np.add.at(certain, (own[0][mapped], own[1][mapped]), area[mapped])
        self.unknown += float(certain.sum())
        independent = JointPosterior(posterior.before, posterior.after)
        self.independent += independent.expected(of_known) + certain
        if self.persistence is not None:
            self.persistent += posterior.expected(of_known) + certain


def unchanged(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return pair values as those of ground that kept the class of the first date.

    Example:
        >>> unchanged(np.array([1, 257, 512], dtype=np.uint16)).tolist()
        [0, 257, 514]
    """
    first = values >> np.uint16(8)
    return (first << np.uint16(8)) | first


def changes(values: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Return which pair values are of ground that changed."""
    changed: NDArray[np.bool_] = ((values >> np.uint16(8)) != (values & np.uint16(255))) & (values != NO_PAIR)
    return changed
