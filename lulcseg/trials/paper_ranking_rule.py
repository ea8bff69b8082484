"""The paper's ranking rule (section 2.9): by user's accuracy, producer's accuracy and training time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Ties = Literal["average", "min", "dense"]

TIE_RULES: dict[Ties, str] = {
    "average": "values that tie share the mean of the ranks they span",
    "min": "values that tie share the lowest of the ranks they span",
    "dense": "values that tie share a rank, and the next higher one follows without a gap",
}
"""How ties within a metric are ranked; the paper doesn't say."""

QUARTER = 0.25
"""Training times are rounded up to a multiple of this, and count only if they differ by more than this; in hours."""

RULE = (
    "The paper's rule: values are ranked from worst (1) to best by user's accuracy, by producer's accuracy and by "
    "training time, rounded up to 15 minutes and counted only if fastest and slowest differ by more than that; "
    "score = rank by user's + rank by producer's + 2 × rank by time, the highest comes first."
)

_DIGITS = 12
"""Values that agree to this number of decimals tie, so that the order of summation doesn't matter."""


@dataclass(frozen=True, eq=False)
class PaperRanks:
    """Ranks, scores and places of values by the paper's rule.

    Attributes:
        users: (n,) rank by user's accuracy, the best highest.
        producers: (n,) rank by producer's accuracy, the best highest.
        time: (n,) rank by training time, the fastest highest; None where time doesn't count.
        score: (n,) users + producers + 2 × time.
        place: (n,) 1 for the highest score; values with equal scores share the best of their places.
    """

    users: NDArray[np.float64]
    producers: NDArray[np.float64]
    time: NDArray[np.float64] | None
    score: NDArray[np.float64]
    place: NDArray[np.int64]


def paper_ranks(users: ArrayLike, producers: ArrayLike, hours: ArrayLike, ties: Ties = "average") -> PaperRanks:
    """Rank values as the paper does (section 2.9, as its tables read user's and producer's accuracy).

    Args:
        users: (n,) mean user's accuracies.
        producers: (n,) mean producer's accuracies.
        hours: (n,) mean training times, in hours; if one is NaN, time doesn't count.
        ties: How ties within a metric are ranked (:data:`TIE_RULES`).

    Returns:
        The ranks, scores and places.

    >>> ranks = paper_ranks(users=[0.5, 0.6, 0.4], producers=[0.8, 0.7, 0.9], hours=[1.0, 2.0, 1.0])
    >>> ranks.score, ranks.place
    (array([9., 6., 9.]), array([1, 3, 1]))
    """
    by_users, by_producers = ranks_of(users, ties), ranks_of(producers, ties)
    rounded = round_up(hours)
    counts = bool(time_counts(rounded).all())
    time = ranks_of(-rounded, ties) if counts else None
    score = by_users + by_producers + (0.0 if time is None else 2 * time)
    return PaperRanks(by_users, by_producers, time, score, _places(score))


def round_up(hours: ArrayLike) -> NDArray[np.float64]:
    """Round training times up to quarters of an hour, ignoring excesses below 1e-9 quarters from floating point.

    >>> round_up([1.0, 1.01, 0.7])
    array([1.  , 1.25, 0.75])
    """
    return np.ceil(np.round(np.asarray(hours, dtype=np.float64) / QUARTER, 9)) * QUARTER


def time_counts(rounded: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether fastest and slowest differ by more than a quarter of an hour, along the last axis; False with any NaN."""
    if rounded.shape[-1] == 0:
        return np.zeros(rounded.shape[:-1], dtype=np.bool_)
    return np.asarray(np.ptp(rounded, axis=-1) > QUARTER + 1e-9)


def ranks_of(values: ArrayLike, ties: Ties) -> NDArray[np.float64]:
    """Return ranks along the last axis; the largest value has the highest rank.

    >>> ranks_of([0.2, 0.3, 0.3], "average")
    array([1. , 2.5, 2.5])
    """
    return np.asarray(rankdata(np.round(np.asarray(values, dtype=np.float64), _DIGITS), ties, axis=-1), np.float64)


def _places(score: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(rankdata(-score, "min", axis=-1), dtype=np.int64)
