"""Drawing reference points on pixels: at random or by strata, in two passes over a raster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE
from lulcseg.progress import Progress

_ROWS = 256
"""Rows read at a time."""


class Population(Protocol):
    """Pixels that points can be drawn from."""

    @property
    def grid(self) -> Grid:
        """Their grid."""
        ...

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return each pixel's stratum, (h, w) uint8, 255 outside the population."""
        ...


@dataclass(frozen=True, slots=True)
class DrawnSample:
    """Drawn pixels in random order, so that the first of them are a sample by the same design.

    Attributes:
        row: (n,) rows.
        col: (n,) columns.
        stratum: (n,) stratum of each.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    stratum: NDArray[np.int64]


def count_strata(population: Population, n_strata: int, progress: Progress | None = None) -> NDArray[np.int64]:
    """Count the pixels of each stratum, (n_strata,), strip by strip.

    Args:
        population: The pixels.
        n_strata: Number of strata.
        progress: Progress callback, called with (done, total) strips.
    """
    counts = np.zeros(256, dtype=np.int64)
    grid = population.grid
    for done, strip in enumerate(_strips(grid), start=1):
        counts += np.bincount(population.read(strip).ravel(), minlength=256)
        _report(progress, done, grid)
    return counts[:n_strata]


def draw_pixels(
    population: Population,
    pixels: Sequence[int] | NDArray[np.int64],
    points: Sequence[int] | NDArray[np.int64],
    seed: int,
    progress: Progress | None = None,
) -> DrawnSample:
    """Draw pixels without replacement, with equal probability in a stratum.

    The pixels are first drawn by their rank in reading order; the raster is then read once more to find them.
    Only a strip and the sample are held in memory.

    Args:
        population: The pixels.
        pixels: (H,) pixels of each stratum, from :func:`count_strata`.
        points: (H,) number to draw from each, at most its pixels.
        seed: Same seed, same sample.
        progress: Progress callback, called with (done, total) strips.

    Raises:
        ValueError: More points than pixels.
    """
    if (np.asarray(points) > np.asarray(pixels)).any():
        raise ValueError("more points than pixels")
    rng = np.random.default_rng(seed)
    ranks = [
        np.sort(rng.choice(int(size), int(wanted), replace=False, shuffle=False))
        for size, wanted in zip(pixels, points, strict=True)
    ]
    order = rng.permutation(int(np.sum(points)))
    seen = np.zeros(len(ranks), dtype=np.int64)
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    grid = population.grid
    for done, strip in enumerate(_strips(grid), start=1):
        values = population.read(strip).ravel()
        counts = np.bincount(values, minlength=256)[: len(ranks)]
        for h in np.flatnonzero(counts):
            first, last = np.searchsorted(ranks[h], [seen[h], seen[h] + counts[h]])
            if last > first:
                at = np.flatnonzero(values == h)[ranks[h][first:last] - seen[h]]
                found.append((strip.row + at // strip.width, at % strip.width, np.full(len(at), h, dtype=np.int64)))
        seen += counts
        _report(progress, done, grid)
    row, col, stratum = (np.concatenate([part[i] for part in found])[order] for i in range(3))
    return DrawnSample(row, col, stratum)


class WholeGround:
    """All pixels of a population as one stratum, for a simple random sample.

    Args:
        population: The pixels.
    """

    def __init__(self, population: Population) -> None:
        self._population = population

    @property
    def grid(self) -> Grid:
        """The grid."""
        return self._population.grid

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return 0 where there is ground, 255 elsewhere."""
        return np.where(self._population.read(window) == IGNORE, IGNORE, 0).astype(np.uint8)


def _strips(grid: Grid) -> list[Window]:
    return list(blocks(grid.window, _ROWS, grid.width))


def _report(progress: Progress | None, done: int, grid: Grid) -> None:
    if progress is not None:
        progress(done, -(-grid.height // _ROWS))
