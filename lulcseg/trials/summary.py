"""What a value scored: the mean of its replicates' own scores, and how far training spreads them."""

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
from lulcseg.trials.trial_reader import Trial
from lulcseg.trials.views import AVERAGED, PER_CLASS, WHOLE_MAP, View, averaged_over, class_names, score_table

SPREAD = "training spread, reference points fixed"
"""What the t interval says."""

AS_THE_PAPER = "percentile bootstrap over replicates, as the paper may have; with five it covers about 84 %, not 95 %"
"""What the bootstrap interval beside it is."""

SAMPLING = "95 % Wilson: sampling error of this one map's assessment, if the points are a simple random sample"
"""What a map's own intervals say."""

FEW_POINTS = 25
"""Classes with fewer reference points than this are flagged: their figures are of little weight."""

_ENUMERATED = 5
"""Up to so many replicates all resamples (n to the power of n) are gone through, instead of drawing some."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A score of one value of a trial, over its replicates.

    Attributes:
        value: Name of the value.
        scene: Name of the scene.
        mosaic: How the maps were made; None where the values differ in that.
        metric: Which score.
        land_class: Of which class; "" for a score of the whole map.
        seeds: Seeds of the replicates that have the score.
        scores: Each one's own score.
        mean: Their mean; NaN without any, or where they average over different classes.
        sd: Their standard deviation (n − 1); NaN for fewer than two.
        low: Lower end of the 95 % t interval of the mean (df = n − 1): :data:`SPREAD`. NaN for fewer than two.
        high: Its upper end.
        bootstrap_low: Lower end of the percentile bootstrap's interval: :data:`AS_THE_PAPER`.
        bootstrap_high: Its upper end.
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
        """How many replicates have the score."""
        return len(self.scores)

    @property
    def half(self) -> float:
        """Half the t interval's width: mean ± half."""
        return (self.high - self.low) / 2


def summarise(trial: Trial, view: View, metrics: Sequence[str] = WHOLE_MAP) -> list[Summary]:
    """Summarise whole-map scores, for each metric every value in the trial's order.

    Args:
        trial: The trial.
        view: Which maps.
        metrics: Which scores; ``hours`` is the training time.
    """
    return [s for metric in metrics for s in _summaries(trial, view, metric, None)]


def summarise_classes(trial: Trial, view: View, metrics: Sequence[str] = PER_CLASS) -> list[Summary]:
    """Summarise scores per class, for each metric and class every value in the trial's order.

    User's accuracy of a class that a map lacks is undefined: ``n`` says how many maps have it.
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
        scores: (n,) scores, independent and about normal.
        level: Confidence level, 0…1.

    Returns:
        Lower and upper end; NaN twice for fewer than two scores.
    """
    x = np.asarray(scores, dtype=np.float64)
    if x.size < 2:
        return math.nan, math.nan
    half = float(stdtrit(x.size - 1, 0.5 + level / 2) * x.std(ddof=1) / math.sqrt(x.size))
    return float(x.mean()) - half, float(x.mean()) + half


def bootstrap_interval(
    scores: ArrayLike, level: float = 0.95, *, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap's interval of a mean (Efron 1979).

    Up to five scores all nⁿ resamples are gone through, so nothing is left to chance; beyond, some are drawn.

    Args:
        scores: (n,) scores.
        level: Confidence level aimed at, 0…1; with few scores it is missed by far.
        draws: How many resamples to draw.
        seed: Seed of the draws.

    Returns:
        Lower and upper end; NaN twice for fewer than two scores.
    """
    x = np.sort(np.asarray(scores, dtype=np.float64))  # sorted: the order of replicates must change nothing
    if x.size < 2:
        return math.nan, math.nan
    means = x[resamples(x.size, draws, seed)].mean(axis=1)
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


@lru_cache(maxsize=8)
def resamples(n: int, draws: int, seed: int) -> NDArray[np.intp]:
    """Return resamples of n items with replacement, (resamples, n) indices: all of them up to five, else draws."""
    if n <= _ENUMERATED:
        found = np.array(list(itertools.product(range(n), repeat=n)), dtype=np.intp)
    else:
        found = np.random.default_rng(seed).integers(0, n, size=(draws, n), dtype=np.intp)
    found.flags.writeable = False  # it is kept for the next call
    return found


def small_classes(assessment: Assessment, least: int = FEW_POINTS) -> dict[str, int]:
    """Return the classes that have few reference points, with how many they have.

    Args:
        assessment: Any assessment.
        least: Points from which on a class isn't flagged.
    """
    points = zip(assessment.legend.names, assessment.scores.reference_points, strict=True)
    return {name: n for name, n in points if n < least}
