"""Strata of a change map for reference points: unchanged classes, changes, and the unchanged ground around change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from lulcseg.assessment.reference_draw import Population
from lulcseg.assessment.reference_sample import EXPECTED
from lulcseg.change.transition_codes import TransitionCodes
from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE

BUFFER, OTHER = "buffer", "other changes"
"""Names of the strata that are not classes of the change map."""

EXPECTED_STABLE, EXPECTED_BUFFER = 0.99, 0.9
"""Defaults of the share of unchanged ground, and of unchanged ground near change, that is truly unchanged."""

_COLUMNS = 4096


class ChangeGround:
    """A change map's pixels: each pair of its legend a stratum, and the ground around change one more.

    Args:
        population: The change map, whose strata are the pairs, in the order of the codes.
        codes: Its pairs.
        buffer: Distance from changed pixels, between centres, up to which unchanged ones are in the buffer, in metres;
            0: there is none.

    Raises:
        LulcsegError: There is no number left for the buffer.
    """

    def __init__(self, population: Population, codes: TransitionCodes, buffer: float) -> None:
        if len(codes.pairs) >= IGNORE:
            raise LulcsegError(
                "it has too many classes for a buffer", where="--buffer", remedy="merge classes with --crosswalk"
            )
        self._population, self._buffer = population, buffer
        self.size = len(codes.pairs) + 1
        self._moved = np.zeros(256, dtype=np.bool_)
        self._moved[: len(codes.pairs)] = [i != j for i, j in codes.pairs]

    @property
    def grid(self) -> Grid:
        """The map's pixels."""
        return self._population.grid

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return each pixel's stratum, (h, w) uint8: the pair's place, or that after the last for the buffer."""
        if self._buffer <= 0:
            return self._population.read(window)
        found = np.empty((window.height, window.width), dtype=np.uint8)
        for part in blocks(window, window.height, _COLUMNS):
            found[part.slices_in(window)] = self._buffered(part)
        return found

    def _buffered(self, window: Window) -> NDArray[np.uint8]:
        grid = self.grid
        rows, cols = ceil(self._buffer / grid.yres), ceil(self._buffer / grid.xres)
        around = Window(window.row - rows, window.col - cols, window.height + 2 * rows, window.width + 2 * cols)
        around = around.intersection(grid.window)
        index = self._population.read(around)
        moved = self._moved[index]
        if moved.any():
            distance = distance_transform_edt(~moved, sampling=(grid.yres, grid.xres))
            index[(distance <= self._buffer * (1 + 1e-9)) & ~moved & (index != IGNORE)] = self.size - 1
        return index[window.slices_in(around)]


@dataclass(frozen=True)
class ChangeStrata:
    """The strata that points are drawn by.

    Attributes:
        names: Their names in the points' column: codes of single pairs, else words.
        labels: What they are.
        table: (256,) uint8 from the strata of :class:`ChangeGround` to these; 255 for none.
        pixels: (H,) pixels of each.
        change: (H,) share of each that is expected to have changed.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    table: NDArray[np.uint8]
    pixels: NDArray[np.int64]
    change: NDArray[np.float64]

    @classmethod
    def of(
        cls, pixels: NDArray[np.int64], codes: TransitionCodes, own: int, expected: Mapping[str, float]
    ) -> ChangeStrata:
        """Return the strata of a change map.

        Args:
            pixels: (P + 1,) pixels of each pair and of the buffer.
            codes: The P pairs.
            own: Number of changes, the largest, that are strata of their own; the others are one together.
            expected: Share of a stratum expected to be as mapped, by name of its pair, ``buffer`` or ``other changes``;
                ``""`` for all changes that aren't named.

        Raises:
            LulcsegError: An unknown name, or a number below 0.
        """
        pair_names = codes.names()
        unknown = sorted(set(expected) - {*pair_names, BUFFER, OTHER, ""})
        if unknown:
            raise LulcsegError(
                f"there is no class '{unknown[0]}'",
                where="--expect",
                remedy=did_you_mean(unknown[0], [*pair_names, BUFFER, OTHER]),
            )
        if own < 0:
            raise LulcsegError(f"{own} is not a number of strata", where="--own-strata", remedy="give 0 or more")
        moved = [k for k, (i, j) in enumerate(codes.pairs) if i != j and pixels[k]]
        moved.sort(key=lambda k: -pixels[k])
        rest = moved[own:] if len(moved) > own + 1 else []  # a single rest is no smaller together
        stable = [k for k, (i, j) in enumerate(codes.pairs) if i == j and pixels[k]]
        groups: list[tuple[str, str, list[int], float]] = [
            (str(codes.codes[k]), pair_names[k], [k], 1 - expected.get(pair_names[k], EXPECTED_STABLE)) for k in stable
        ]
        if pixels[-1]:
            near = 1 - expected.get(BUFFER, EXPECTED_BUFFER)
            groups.append((BUFFER, f"unchanged, near change ({BUFFER})", [len(pixels) - 1], near))
        general = expected.get("", EXPECTED)
        groups += [
            (str(codes.codes[k]), pair_names[k], [k], expected.get(pair_names[k], general))
            for k in moved
            if k not in rest
        ]
        if rest:
            groups.append((OTHER, f"{len(rest)} {OTHER}", rest, expected.get(OTHER, general)))
        table = np.full(256, IGNORE, dtype=np.uint8)
        for h, (_, _, members, _) in enumerate(groups):
            table[members] = h
        return cls(
            tuple(name for name, *_ in groups),
            tuple(label for _, label, *_ in groups),
            table,
            np.array([pixels[members].sum() for _, _, members, _ in groups]),
            np.array([share for *_, share in groups]),
        )


class GroupedGround:
    """A population whose strata are groups of another's.

    Args:
        population: The other.
        table: (256,) uint8 from its strata to the groups.
    """

    def __init__(self, population: Population, table: NDArray[np.uint8]) -> None:
        self._population, self._table = population, table

    @property
    def grid(self) -> Grid:
        """The pixels."""
        return self._population.grid

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return each pixel's group, (h, w) uint8, 255 for none."""
        found: NDArray[np.uint8] = self._table[self._population.read(window)]
        return found


def expected_change(pixels: Sequence[int] | NDArray[np.int64], change: NDArray[np.float64]) -> float:
    """Return the expected share of the ground that changed.

    Example:
        >>> expected_change([900, 100], np.array([0.01, 0.8]))
        0.089
    """
    size = np.asarray(pixels, dtype=np.float64)
    return float((size * change).sum() / size.sum())
