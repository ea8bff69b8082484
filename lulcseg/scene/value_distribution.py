"""Distribution of a band's values: a histogram with the same bins for every mosaic.

8- and 16-bit integers are counted individually, so that every statistic is exact; other types by the
first 20 bits of their float32, bins of at most 1/2048 of the value. So mosaics can be added up, and
outliers do not reduce the resolution.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BITS = 20


@dataclass(frozen=True)
class Distribution:
    """Distribution of the values of a band, or of several together.

    Attributes:
        low: Smallest value.
        high: Largest value.
        mean: Mean.
        std: Population standard deviation.
        keys: Non-empty bins, ascending, (n,) int64.
        counts: Pixels in each, (n,) int64.
        dtype: NumPy name of the imagery's type, which defines the bins.
    """

    low: float
    high: float
    mean: float
    std: float
    keys: NDArray[np.int64]
    counts: NDArray[np.int64]
    dtype: str

    @property
    def count(self) -> int:
        """Number of pixels."""
        return int(self.counts.sum())

    def percentiles(self, which: Sequence[float]) -> list[float]:
        """Return percentiles (0…100), interpolated linearly between ranks; 0 without pixels."""
        if not self.count:
            return [0.0] * len(which)
        ends = np.cumsum(self.counts)
        rank = np.asarray(which, dtype=np.float64) / 100 * (ends[-1] - 1)
        below = np.floor(rank).astype(np.int64)
        lower, upper = self._at(below, ends), self._at(np.minimum(below + 1, ends[-1] - 1), ends)
        return [float(v) for v in lower + (upper - lower) * (rank - below)]

    def _at(self, rank: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the values of ranks, assumed evenly spread within a bin."""
        index = np.searchsorted(ends, rank, side="right")
        if _exact(self.dtype):
            return self.keys[index].astype(np.float64)
        left, right = _edges(self.keys[index])
        within = (rank - (ends - self.counts)[index] + 0.5) / self.counts[index]
        value: NDArray[np.float64] = np.clip(left + (right - left) * within, self.low, self.high)
        value[rank == 0], value[rank == ends[-1] - 1] = self.low, self.high
        return value

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "low": self.low, "high": self.high, "mean": self.mean, "std": self.std,
            "keys": self.keys.tolist(), "counts": self.counts.tolist(),
        }  # fmt: skip

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], dtype: str) -> Distribution:
        """Read the output of :meth:`to_plain`."""
        low, high, mean, std = (float(plain[name]) for name in ("low", "high", "mean", "std"))
        keys, counts = (np.array(plain[name], dtype=np.int64) for name in ("keys", "counts"))
        return cls(low, high, mean, std, keys, counts, dtype)


class Tally:
    """Counts a band's values, and their moments if the counts don't give them exactly."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.exact = _exact(dtype.name)
        self.first = int(np.iinfo(dtype).min) if self.exact else 0
        self.counts = np.zeros(2 ** (8 * dtype.itemsize if self.exact else _BITS), dtype=np.int64)
        self.n, self.mean, self.squares, self.low, self.high = 0, 0.0, 0.0, np.inf, -np.inf

    def add(self, values: NDArray[Any]) -> None:
        """Count some values, (n,)."""
        keys = values.astype(np.int64) - self.first if self.exact else _bins(values)
        self.counts += np.bincount(keys, minlength=len(self.counts))
        if not self.exact:
            self._add_moments(values.astype(np.float64))

    def _add_moments(self, values: NDArray[np.float64]) -> None:
        """Combine a block's mean and squares with those so far (Chan, Golub and LeVeque 1983, eq. 2.1)."""
        low, n = values.min(), len(values)
        apart = values - low  # 0 throughout where all are equal
        mean = low + apart.mean()
        delta, total = mean - self.mean if self.n else 0.0, self.n + n
        self.squares += float(np.square(apart - apart.mean()).sum()) + delta**2 * self.n * n / total
        self.mean = self.mean + delta * n / total if self.n else mean
        self.n, self.low, self.high = total, min(self.low, low), max(self.high, values.max())

    def distribution(self, every: int) -> Distribution:
        """Return the distribution, scaled to all blocks if one in ``every`` was counted."""
        index = np.flatnonzero(self.counts)
        keys, counts = index + self.first, self.counts[index]
        if not len(index):
            return Distribution(0.0, 0.0, 0.0, 0.0, keys, counts, self.dtype.name)
        if self.exact:
            mean = float((keys * counts).sum() / counts.sum())
            std = math.sqrt(float((counts * (keys - mean) ** 2).sum() / counts.sum()))
            low, high = float(keys[0]), float(keys[-1])
        else:
            mean, std, low, high = self.mean, math.sqrt(self.squares / self.n), self.low, self.high
        return Distribution(float(low), float(high), float(mean), std, keys, counts * every, self.dtype.name)


def together(parts: Sequence[Distribution]) -> Distribution:
    """Return the distribution of several taken together, each pixel counting the same."""
    filled = [p for p in parts if p.count]
    if not filled:
        return parts[0]
    weights = np.array([p.count for p in filled], dtype=np.float64)
    weights /= weights.sum()
    means, stds = (np.array([getattr(p, name) for p in filled]) for name in ("mean", "std"))
    mean = float(means[0] + weights @ (means - means[0]))  # exact where all are equal
    std = math.sqrt(float(weights @ (stds**2 + (means - mean) ** 2)))
    keys, place = np.unique(np.concatenate([p.keys for p in filled]), return_inverse=True)
    counts = np.zeros(len(keys), dtype=np.int64)
    np.add.at(counts, place, np.concatenate([p.counts for p in filled]))
    low, high = min(p.low for p in filled), max(p.high for p in filled)
    return Distribution(low, high, mean, std, keys, counts, filled[0].dtype)


def _exact(dtype: str) -> bool:
    """Whether every value of a type has a bin of its own."""
    return np.dtype(dtype).kind in "iu" and np.dtype(dtype).itemsize <= 2


def _bins(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return bins that sort as the values do: the first bits of their float32, sign turned."""
    most = np.finfo(np.float32).max
    single = np.clip(values, -most, most).astype(np.float32) + np.float32(0)  # −0 is 0
    bits = single.view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    bins: NDArray[np.int64] = (ordered >> np.uint32(32 - _BITS)).astype(np.int64)
    return bins


def _edges(keys: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the values at which bins begin and end."""

    def value(key: NDArray[np.int64]) -> NDArray[np.float64]:
        ordered = np.minimum(key << (32 - _BITS), 2**32 - 1).astype(np.uint32)
        bits = np.where(ordered >> 31, ordered & np.uint32(2**31 - 1), ~ordered)
        single: NDArray[np.float64] = np.nan_to_num(bits.view(np.float32).astype(np.float64))
        return single

    return value(keys), value(keys + 1)
