"""Values that stand for "no data" although nothing declares them, such as −9999 or −3.4e38 among reflectances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ABSURD = 1e30
"""No measurement of the ground is as large; −3.4e38 and 1e38 are what software writes for nothing."""

_WRITTEN = (-9999.0, -99999.0, -999.0, -32768.0, -32767.0)
"""Values that software writes for no data, all below what imagery holds."""

_APART = 10.0
"""A fill value lies as many times the others' range below them."""


@dataclass(frozen=True)
class BandRange:
    """The values of a band: its least and greatest, and those without what looks like fill.

    Attributes:
        low: Least value.
        high: Greatest value.
        fill: A value that looks like fill; None if none does.
        pixels: How many pixels hold it.
    """

    low: float
    high: float
    fill: float | None = None
    pixels: int = 0

    @classmethod
    def of(cls, values: NDArray[np.generic]) -> BandRange:
        """Return the range of (n,) values; empty ones give an inverted range.

        Example:
            >>> BandRange.of(np.array([0.2, 0.9, -9999, -9999], np.float32))
            BandRange(low=-9999.0, high=0.8999999761581421, fill=-9999.0, pixels=2)
            >>> BandRange.of(np.array([-9999, -9500, -9000], np.int16)).fill is None
            True
        """
        if not values.size:
            return cls(np.inf, -np.inf)
        low, high = float(values.min()), float(values.max())
        for fill in (high if high >= _ABSURD else low, low):
            if fill not in _WRITTEN and abs(fill) < _ABSURD:
                continue  # so for most imagery, whose values need no second look
            rest = values[values != fill]
            if rest.size < values.size and _looks_like_fill(fill, rest):
                return cls(low, high, fill, int(values.size - rest.size))
        return cls(low, high)

    def joined(self, other: BandRange) -> BandRange:
        """Return the range of two parts of a band; the fill of the part that has some."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        if self.fill is None or other.fill is None or self.fill == other.fill:
            fill = self.fill if self.fill is not None else other.fill
            return BandRange(low, high, fill, self.pixels + other.pixels)
        return BandRange(low, high, self.fill, self.pixels)


def _looks_like_fill(value: float, rest: NDArray[np.generic]) -> bool:
    """Return whether a value, absurd or one that software writes, is absurd or far below all others."""
    if abs(value) >= _ABSURD:
        return True
    if not rest.size:
        return True
    low, high = float(rest.min()), float(rest.max())
    return low - value > _APART * max(high - low, 1e-9) or (low >= 0 and value < 0)
