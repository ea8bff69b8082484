"""Statistics of a mosaic's pixel values by band, in one pass by blocks, cached on disk."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.grid import Grid, Window, blocks
from lulcseg.progress import tracked
from lulcseg.scene.imagery import ImageryReader
from lulcseg.scene.value_distribution import Distribution, Tally, together

MOST_PIXELS = 2**28
"""Of mosaics with more pixels, regularly spread blocks are read."""
_BLOCK = (512, 4096)
_VERSION = 2


class Imagery(Protocol):
    """What statistics need of imagery, such as a :class:`lulcseg.scene.imagery.ImageryReader`."""

    grid: Grid
    bands: int
    dtype: np.dtype[Any]

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return values (C, h, w) and validity (h, w)."""


@dataclass(frozen=True)
class BandStatistics:
    """Statistics of the valid pixels of one mosaic or several.

    Attributes:
        bands: A distribution for each band.
        dtype: NumPy name of the imagery's type.
        every: One in this many blocks was read (the most, of several mosaics); 1 if all were.
            Counts are scaled to the whole mosaic.
        optical: Places of the optical bands; None: all are.
    """

    bands: tuple[Distribution, ...]
    dtype: str
    every: int = 1
    optical: tuple[int, ...] | None = None

    @property
    def joint(self) -> Distribution:
        """All optical bands together."""
        return together(self.bands if self.optical is None else [self.bands[k] for k in self.optical])

    def summary(self, percentiles: Sequence[float] = (2.0, 98.0)) -> dict[str, Any]:
        """Return the numbers that scaling needs, for a model's record.

        Args:
            percentiles: The lower and the upper, 0…100.

        Returns:
            ``bands`` and ``joint`` (of the optical ones), each with lists ``min``, ``max``, ``mean``, ``std``,
            ``low`` and ``high`` (the two percentiles) of raw values; ``percentiles``; ``pixels``; ``every``.
        """
        found: dict[str, Any] = {}
        for name, parts in (("bands", self.bands), ("joint", (self.joint,))):
            ends = [part.percentiles(percentiles) for part in parts]
            found[name] = {
                "min": [p.low for p in parts],
                "max": [p.high for p in parts],
                "mean": [p.mean for p in parts],
                "std": [p.std for p in parts],
                "low": [e[0] for e in ends],
                "high": [e[1] for e in ends],
            }
        return found | {"percentiles": list(percentiles), "pixels": self.bands[0].count, "every": self.every}

    def quantiles(self, number: int) -> list[list[float]]:
        """Return evenly spaced quantiles of each band, from the least value to the greatest, in raw units.

        Args:
            number: How many, at least 2.
        """
        shares = [100 * k / (number - 1) for k in range(number)]
        return [band.percentiles(shares) for band in self.bands]

    def digest(self) -> str:
        """Return a hash of the values and how often each occurs: of the same mosaic it is the same under any name."""
        content = [self.dtype, [[band.keys.tolist(), band.counts.tolist()] for band in self.bands]]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"dtype": self.dtype, "every": self.every, "bands": [band.to_plain() for band in self.bands]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> BandStatistics:
        """Read the output of :meth:`to_plain`."""
        bands = tuple(Distribution.from_plain(b, plain["dtype"]) for b in plain["bands"])
        return cls(bands, plain["dtype"], int(plain["every"]))


def merge(parts: Sequence[BandStatistics]) -> BandStatistics:
    """Return the joint statistics of several mosaics, with equal weight for each pixel.

    Raises:
        LulcsegError: Mosaics of different types or numbers of bands.
    """
    first = parts[0]
    if any((p.dtype, len(p.bands)) != (first.dtype, len(first.bands)) for p in parts):
        raise LulcsegError(
            "the mosaics differ in type or number of bands", where="scaling", remedy="convert them, or choose bands"
        )
    bands = tuple(together(band) for band in zip(*(p.bands for p in parts), strict=True))
    return BandStatistics(bands, first.dtype, max(p.every for p in parts), first.optical)


def mosaic_statistics(imagery: ImageryReader, cache: Path | None) -> BandStatistics:
    """Return the statistics of a mosaic's valid pixels, cached until its files change.

    Args:
        imagery: Reader of the mosaic.
        cache: Cache folder, of which ``statistics`` is used; None for no cache.

    Raises:
        LulcsegError: A file can't be read, or the cache can't be written.
    """
    if cache is None:
        return replace(measure(imagery), optical=imagery.optical)
    path = cache / "statistics" / f"{_key(imagery)}.json"
    try:
        found = BandStatistics.from_plain(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):  # missing, or incomplete
        found = measure(imagery)
        with replacing(path) as part:
            part.write_text(json.dumps(found.to_plain()), encoding="utf-8")
    return replace(found, optical=imagery.optical)


def _key(imagery: ImageryReader) -> str:
    """Return a hash of everything that a mosaic's statistics depend on."""
    content = {"version": [_VERSION, MOST_PIXELS, *_BLOCK]} | imagery.state()
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def measure(imagery: Imagery, block: tuple[int, int] = _BLOCK) -> BandStatistics:
    """Read a mosaic once and return its statistics.

    Args:
        imagery: Reader of the mosaic.
        block: Rows and columns read at once.
    """
    every = max(1, math.ceil(imagery.grid.height * imagery.grid.width / MOST_PIXELS))
    tallies = _tally(imagery, block, every)
    if every > 1 and not tallies[0].counts.any():  # all blocks read are empty
        every = 1
        tallies = _tally(imagery, block, every)
    return BandStatistics(tuple(t.distribution(every) for t in tallies), imagery.dtype.name, every)


def _tally(imagery: Imagery, block: tuple[int, int], every: int) -> list[Tally]:
    tallies = [Tally(imagery.dtype) for _ in range(imagery.bands)]
    windows = _spread(imagery.grid.window, block, every)
    for window in tracked(windows, "Measuring the mosaic's values", "blocks"):
        values, valid = imagery.read(window)
        if valid.any():
            for tally, band in zip(tallies, values, strict=True):
                tally.add(band[valid])
    return tallies


def _spread(window: Window, block: tuple[int, int], every: int) -> list[Window]:
    """Cut a window into blocks and keep one in ``every``, shifted from row to row."""
    step = max(1, round(0.618 * every))
    while math.gcd(step, every) > 1:
        step += 1
    found = blocks(window, *block)
    return [w for w in found if ((w.col // block[1]) + (w.row // block[0]) * step) % every == 0]
