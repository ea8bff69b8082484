"""Summary of a value's scores over its replicates: mean, standard deviation, confidence intervals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from lulcseg.assessment.assessment import Assessment
from lulcseg.trials.scores_by_seed import AVERAGED, PER_CLASS, WHOLE_MAP, View, averaged_over, class_names, score_table
from lulcseg.trials.trial_reader import Trial

SPREAD = "training spread, reference points fixed"
"""Source of variation that the t interval covers."""

AS_THE_PAPER = "percentile bootstrap over replicates, as the paper may have; with five it covers about 84 %, not 95 %"
"""Description of the bootstrap interval."""

SAMPLING = "95 % Wilson: sampling error of this one map's assessment, if the points are a simple random sample"
"""Description of a single map's own intervals."""

FEW_POINTS = 25
"""Classes with fewer reference points than this are flagged: their scores are imprecise."""

_ENUMERATED = 5
"""Up to this number n of replicates all nⁿ resamples are enumerated instead of drawn."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A score of one value of a trial, over its replicates.

    Attributes:
        value: Name of the value.
        scene: Name of the scene.
        mosaic: Name of the maps' passes; None where the values differ in them.
        metric: The score.
        land_class: Name of the class; "" for a score of the whole map.
        seeds: Seeds of the replicates that have the score.
        scores: The replicates' scores.
        mean: Their mean; NaN without any, or if they are averages over different sets of classes.
        sd: Their sample standard deviation (ddof = 1); NaN for fewer than two.
        low: Lower bound of the 95 % t interval of the mean (df = n − 1): :data:`SPREAD`. NaN for fewer than two.
        high: Upper bound.
        bootstrap_low: Lower bound of the percentile bootstrap interval: :data:`AS_THE_PAPER`.
        bootstrap_high: Upper bound.
    """

    value: str
    scene: str
    mosaic: str | None
    metric: str
    land_class: str
    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    mean: float
    sd: float
    low: float
    high: float
    bootstrap_low: float
    bootstrap_high: float

    @property
    def n(self) -> int:
        """Number of replicates that have the score."""
        return len(self.scores)

    @property
    def half(self) -> float:
        """Half-width of the t interval: mean ± half."""
        return (self.high - self.low) / 2


def summarise(trial: Trial, view: View, metrics: Sequence[str] = WHOLE_MAP) -> list[Summary]:
    """Summarise scores of whole maps: for each metric, every value in the trial's order.

    Args:
        trial: The trial.
        view: The maps to summarise.
        metrics: The scores; ``hours`` is the training time.
    """
    return [s for metric in metrics for s in _summaries(trial, view, metric, None)]


def summarise_classes(trial: Trial, view: View, metrics: Sequence[str] = PER_CLASS) -> list[Summary]:
    """Summarise scores per class: for each metric and class, every value in the trial's order.

    User's accuracy of a class that a map lacks is undefined: ``n`` is the number of maps that have it.
    """
    names = class_names(trial, view)
    return [s for metric in metrics for name in names for s in _summaries(trial, view, metric, name)]


def _summaries(trial: Trial, view: View, metric: str, land_class: str | None) -> list[Summary]:
    table = score_table(trial, view, metric, land_class)
    seeds = [int(str(column)) for column in table.columns]
    return [
        _summary(
            {
                seed: x
                for seed, x in zip(seeds, table.loc[value.name].to_numpy().tolist(), strict=True)
                if not math.isnan(x)
            },
            comparable=metric not in AVERAGED or len(averaged_over(trial, view, [value.name])) < 2,
            labels=(value.name, view.scene, view.mosaic, metric, land_class or ""),
        )
        for value in trial.values
    ]


def _summary(by_seed: dict[int, float], *, comparable: bool, labels: tuple[str, str, str | None, str, str]) -> Summary:
    scores = np.array(list(by_seed.values()), dtype=np.float64)
    used = scores if comparable else scores[:0]
    low, high = t_interval(used)
    bootstrap = bootstrap_interval(used)
    return Summary(
        *labels,
        seeds=tuple(by_seed),
        scores=tuple(scores.tolist()),
        mean=float(used.mean()) if used.size else math.nan,
        sd=float(used.std(ddof=1)) if used.size > 1 else math.nan,
        low=low,
        high=high,
        bootstrap_low=bootstrap[0],
        bootstrap_high=bootstrap[1],
    )


def t_interval(scores: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Return Student's t interval of a mean: mean ± t(n − 1) · s / √n.

    Args:
        scores: (n,) scores, independent and approximately normal.
        level: Confidence level, 0…1.

    Returns:
        Lower and upper bound; both NaN for fewer than two scores.

    >>> low, high = t_interval([0.70, 0.72, 0.71, 0.69, 0.73])
    >>> round(low, 3), round(high, 3)
    (0.69, 0.73)
    """
    x = np.asarray(scores, dtype=np.float64)
    if x.size < 2:
        return math.nan, math.nan
    half = float(stdtrit(x.size - 1, 0.5 + level / 2) * x.std(ddof=1) / math.sqrt(x.size))
    return float(x.mean()) - half, float(x.mean()) + half


def bootstrap_interval(
    scores: ArrayLike, level: float = 0.95, *, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean (Efron 1979).

    Up to five scores all nⁿ resamples are enumerated, so the interval is exact; for more scores resamples are drawn.

    Args:
        scores: (n,) scores.
        level: Nominal confidence level, 0…1; with few scores the actual coverage is far lower.
        draws: Number of resamples to draw.
        seed: Seed of the draws.

    Returns:
        Lower and upper bound; both NaN for fewer than two scores.

    >>> low, high = bootstrap_interval([0.70, 0.72, 0.71, 0.69, 0.73])
    >>> round(low, 3), round(high, 3)
    (0.698, 0.722)
    """
    x = np.sort(np.asarray(scores, dtype=np.float64))  # sorted: the interval must not depend on the replicates' order
    if x.size < 2:
        return math.nan, math.nan
    means = x[resamples(x.size, draws, seed)].mean(axis=1)
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


@lru_cache(maxsize=8)
def resamples(n: int, draws: int, seed: int) -> NDArray[np.intp]:
    """Return resamples of n items with replacement, (resamples, n) indices: all of them up to n = 5, else random draws.

    >>> resamples(2, draws=100, seed=0).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    if n <= _ENUMERATED:
        found = np.array(list(itertools.product(range(n), repeat=n)), dtype=np.intp)
    else:
        found = np.random.default_rng(seed).integers(0, n, size=(draws, n), dtype=np.intp)
    found.flags.writeable = False  # cached and shared by callers
    return found


def small_classes(assessment: Assessment, least: int = FEW_POINTS) -> dict[str, int]:
    """Return the classes with few reference points, and their numbers of points.

    Args:
        assessment: Any assessment.
        least: Smallest number of points at which a class isn't flagged.
    """
    points = zip(assessment.legend.names, assessment.scores.reference_points, strict=True)
    return {name: n for name, n in points if n < least}
