"""The paper's ranking of a trial's values (section 2.9), and beside it whether the data can tell them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from lulcseg.trials.contrasts import MARGIN, Comparison, find_pair, named_contrast, pairs
from lulcseg.trials.summary import Summary, resamples, summarise
from lulcseg.trials.trial import Trial
from lulcseg.trials.views import View, averaged_over, score_table

Ties = Literal["average", "min", "dense"]

TIE_RULES: dict[Ties, str] = {
    "average": "values that tie share the mean of the ranks they span",
    "min": "values that tie share the lowest of the ranks they span",
    "dense": "values that tie share a rank, and the next higher one follows without a gap",
}
"""What is done with ties within a metric; the paper doesn't say."""

QUARTER = 0.25
"""Hours to which training times are rounded up, and by more than which they must differ to count."""

RULE = (
    "The paper's rule: values are ranked from worst (1) to best by user's accuracy, by producer's accuracy and by "
    "training time, rounded up to 15 minutes and counted only if fastest and slowest differ by more than that; "
    "score = rank by user's + rank by producer's + 2 × rank by time, the highest comes first."
)

_DIGITS = 12
"""Figures that agree to so many digits tie: sums in another order must not part them."""


@dataclass(frozen=True, eq=False)
class PaperRanks:
    """What the paper's rule makes of values.

    Attributes:
        users: (n,) rank by user's accuracy, the best highest.
        producers: (n,) rank by producer's accuracy, the best highest.
        time: (n,) rank by training time, the fastest highest; None where time doesn't count.
        score: (n,) users + producers + 2 × time.
        place: (n,) 1 for the highest score; values of one score share the best of their places.
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
        hours: (n,) mean training times; where one is NaN, time doesn't count.
        ties: What is done with ties within a metric (:data:`TIE_RULES`).

    Returns:
        The ranks, scores and places.
    """
    by_users, by_producers = _ranks(users, ties), _ranks(producers, ties)
    rounded = round_up(hours)
    counts = rounded.size > 0 and bool(np.ptp(rounded) > QUARTER)  # never with NaN
    time = _ranks(-rounded, ties) if counts else None
    score = by_users + by_producers + (0.0 if time is None else 2 * time)
    return PaperRanks(by_users, by_producers, time, score, _places(score))


def round_up(hours: ArrayLike) -> NDArray[np.float64]:
    """Round training times up to quarters of an hour; a hair above one, by rounding, is that one."""
    return np.ceil(np.round(np.asarray(hours, dtype=np.float64) / QUARTER, 9)) * QUARTER


def _ranks(figures: ArrayLike, ties: Ties) -> NDArray[np.float64]:
    return np.asarray(rankdata(np.round(np.asarray(figures, dtype=np.float64), _DIGITS), ties, axis=-1), np.float64)


def _places(score: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(rankdata(-score, "min", axis=-1), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class RankedValue:
    """A value of a trial: what it scored, and where the paper's rule puts it.

    Attributes:
        value: Its name.
        level: The number it stands for, if any.
        n: Replicates whose scores it is over.
        kappa: Its kappa.
        overall_accuracy: Its overall accuracy.
        mean_f1: Its mean F1.
        mean_users: Its mean user's accuracy.
        mean_producers: Its mean producer's accuracy.
        hours: Its training time in hours.
        users_rank: Its rank by user's accuracy, the best highest; NaN where it isn't ranked.
        producers_rank: Likewise by producer's accuracy.
        time_rank: Likewise by training time; NaN where time doesn't count.
        score: Sum of these, time twice; NaN where it isn't ranked.
        place: 1 for the highest score; None where it isn't ranked.
        first: How often it comes first when the seeds are drawn anew, 0…1; NaN where that can't be said.
    """

    value: str
    level: float | None
    n: int
    kappa: Summary
    overall_accuracy: Summary
    mean_f1: Summary
    mean_users: Summary
    mean_producers: Summary
    hours: Summary
    users_rank: float
    producers_rank: float
    time_rank: float
    score: float
    place: int | None
    first: float


@dataclass(frozen=True)
class Neighbours:
    """Two values that the rule puts next to each other.

    Attributes:
        better: The one that is placed higher, or as high.
        worse: The other.
        comparison: Whether their kappas can be told apart.
        ahead: How often the first has the higher score when the seeds are drawn anew, ties counted half; NaN
            where that can't be said.
        sentence: What a reader may make of their order.
    """

    better: str
    worse: str
    comparison: Comparison
    ahead: float
    sentence: str


@dataclass(frozen=True, eq=False)
class Ranking:
    """A trial's values as the paper's rule ranks them on one view, with what the data can tell.

    Attributes:
        trial: The trial.
        view: Which maps.
        ties: What was done with ties.
        time_counts: Whether training times differ enough to count.
        rows: The values in the trial's order.
        contrast: The comparison named beforehand; None where there is none.
        pairs: All others, adjusted by Holm's method.
        neighbours: Pairs of values next to each other by place.
        notes: The trial's notes and those of the ranking, a sentence each.
    """

    trial: Trial
    view: View
    ties: Ties
    time_counts: bool
    rows: list[RankedValue]
    contrast: Comparison | None
    pairs: list[Comparison]
    neighbours: list[Neighbours]
    notes: tuple[str, ...]

    @property
    def ranked(self) -> list[RankedValue]:
        """The values by place, those without one last."""
        return sorted(self.rows, key=lambda r: (r.place is None, r.place or 0))


def rank_trial(
    trial: Trial, view: View, *, ties: Ties = "average", margin: float = MARGIN, draws: int = 2000, seed: int = 0
) -> Ranking:
    """Rank a trial's values on one view, with intervals, tests and how stable the order is.

    Args:
        trial: The trial.
        view: Which maps.
        ties: What is done with ties within a metric.
        margin: Difference of kappa below which there is none that matters.
        draws: How many times the seeds are drawn anew.
        seed: Seed of those draws.
    """
    raise NotImplementedError
