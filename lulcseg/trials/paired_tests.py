"""Tests of paired effects: Student's t, equivalence (TOST), Holm's adjustment; slopes by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr


def slopes(x: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """Return each seed's least-squares slope of score on x, for the seeds without missing scores.

    Args:
        x: (values,) regressor, such as log₂ of the batch size.
        scores: (values, seeds) scores, NaN where missing.

    Returns:
        (complete seeds,) slopes; empty if fewer than two values of x differ.

    >>> slopes([0, 1, 2], [[0.1, 0.5], [0.2, 0.5], [0.3, float("nan")]]).round(3)
    array([0.1])
    """
    places, y = np.asarray(x, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if np.unique(places).size < 2:
        return np.zeros(0)
    centred = places - places.mean()
    return np.asarray(centred @ y[:, np.isfinite(y).all(axis=0)] / (centred**2).sum())


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p values by Holm's step-down method (Holm 1979).

    Args:
        p: p values; NaN stay NaN and don't count as comparisons.

    Returns:
        The adjusted p values, in the same order.

    >>> [round(v, 3) for v in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values)[: int(np.isfinite(values).sum())]  # NaN sort last
    steps = values[order] * np.arange(order.size, 0, -1)
    adjusted = np.full(values.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(v) for v in adjusted]


def paired_t(effects: ArrayLike) -> float:
    """Return the two-sided p value of Student's t test that paired effects have mean 0.

    Args:
        effects: (n,) effects, one per seed.

    Returns:
        The p value; NaN for fewer than two effects.

    >>> round(paired_t([0.02, 0.03, 0.01, 0.04, 0.02]), 3)
    0.009
    """
    t, df = _t(np.asarray(effects, dtype=np.float64), 0.0)
    return float(2 * stdtr(df, -abs(t))) if df > 0 else math.nan


def equivalence(effects: ArrayLike, margin: float) -> float:
    """Return the p value of two one-sided t tests (TOST, Schuirmann 1987) that the mean effect lies within ± margin.

    Args:
        effects: (n,) paired differences.
        margin: Equivalence margin, > 0.

    Returns:
        The larger of both p values; NaN for fewer than two effects.

    >>> round(equivalence([0.002, -0.001, 0.003, 0.0, 0.001], margin=0.02), 6)
    6e-06
    """
    x = np.asarray(effects, dtype=np.float64)
    above, df = _t(x, -margin)
    below, _ = _t(x, margin)
    return float(max(stdtr(df, -above), stdtr(df, below))) if df > 0 else math.nan


def _t(x: NDArray[np.float64], hypothesis: float) -> tuple[float, int]:
    """Return the t statistic of a mean against a hypothesised mean, and its degrees of freedom; 0: not testable."""
    if x.size < 2:
        return math.nan, 0
    distance, error = float(x.mean()) - hypothesis, float(x.std(ddof=1)) / math.sqrt(x.size)
    if error <= 1e-12:  # equal at every seed, up to rounding
        return (0.0 if abs(distance) <= 1e-12 else math.copysign(math.inf, distance)), x.size - 1
    return distance / error, x.size - 1
