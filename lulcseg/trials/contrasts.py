"""Comparisons of a trial's values over their shared seeds: estimates, intervals, tests, verdicts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.trials.paired_tests import equivalence, holm, paired_t, slopes
from lulcseg.trials.scores_by_seed import AVERAGED, View, averaged_over, score_table
from lulcseg.trials.summary import t_interval
from lulcseg.trials.trial_reader import Trial

LEVEL = 0.05
"""Significance level of the tests."""

MARGIN = 0.02
"""Equivalence margin: smaller differences of kappa don't matter in practice."""

NO_RANK_TESTS = (
    "Wilcoxon's signed-rank test and the sign-flip test aren't used: with five seeds neither can give a p below "
    "2/2⁵ = 0.0625, however clear the difference."
)
"""Why Student's t test is used."""

Verdict = Literal["differs", "no difference", "inconclusive"]
"""Outcome of the test of difference and the equivalence test: the first that is significant, or neither."""

_NAMES = {
    "kappa": "kappa",
    "overall_accuracy": "overall accuracy",
    "mean_f1": "mean F1",
    "mean_users": "mean user's accuracy",
    "mean_producers": "mean producer's accuracy",
    "brier": "Brier score",
    "nll": "log loss",
    "ece": "calibration error",
    "hours": "training time",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A contrast of a trial's values, estimated and tested over the seeds they share.

    Attributes:
        kind: ``difference``, the second value minus the first, or ``slope`` on log₂ of the level, per doubling.
        values: The two values; for a slope, all values that it is fitted to.
        metric: The score compared.
        scene: Name of the scene.
        mosaic: Name of the maps' passes; None where the values differ in them.
        named: Whether it is the contrast that the trial named beforehand; the others are adjusted by Holm's method.
        n: Number of seeds.
        estimate: Mean over the seeds of each seed's own difference or slope.
        low: Lower bound of its 95 % t interval (df = n − 1), not adjusted for multiple comparisons.
        high: Upper bound.
        p: Two-sided p value of Student's paired t test.
        p_adjusted: p adjusted by Holm's method among all comparisons but the named one; for the named one, p.
        margin: Equivalence margin; for a slope, of the change over the whole range of its levels.
        p_equivalence: p value of the two one-sided tests (TOST) against the margin, adjusted likewise.
        verdict: Outcome of both tests at the 5 % level.
        sentence: The result in words.
    """

    kind: Literal["difference", "slope"]
    values: tuple[str, ...]
    metric: str
    scene: str
    mosaic: str | None
    named: bool
    n: int
    estimate: float
    low: float
    high: float
    p: float
    p_adjusted: float
    margin: float
    p_equivalence: float
    verdict: Verdict
    sentence: str


def named_contrast(trial: Trial, view: View, metric: str | None = None, margin: float = MARGIN) -> Comparison | None:
    """Test the contrast that the trial named beforehand.

    Args:
        trial: The trial.
        view: The maps to compare.
        metric: The score to compare; None: the one that the contrast names.
        margin: Equivalence margin.

    Returns:
        The result; None if the trial names no contrast.
    """
    contrast = trial.contrast
    if contrast is None:
        return None
    metric = metric or contrast.metric
    table = _comparable(trial, view, metric)
    if contrast.kind == "difference":
        assert contrast.values is not None
        first, second = contrast.values
        effects = _differences(table.loc[first].to_numpy(), table.loc[second].to_numpy())
        return _result("difference", (first, second), effects, metric=metric, view=view, margin=margin, named=True)
    levels = {v.name: v.level for v in trial.values if v.level is not None and v.level > 0}
    chosen = [name for name in (contrast.values or tuple(levels)) if table.loc[name].notna().any()]
    x = np.log2([float(levels[name] or 1) for name in chosen])
    effects = slopes(x, table.loc[chosen].to_numpy())
    reach = float(np.ptp(x)) if x.size else 1.0
    return _result("slope", tuple(chosen), effects, metric=metric, view=view, margin=margin, named=True, reach=reach)


def pairs(trial: Trial, view: View, metric: str = "kappa", margin: float = MARGIN) -> list[Comparison]:
    """Test all pairs of values except the contrast named beforehand, adjusted by Holm's method.

    Args:
        trial: The trial.
        view: The maps to compare.
        metric: The score to compare.
        margin: Equivalence margin.

    Returns:
        One result per pair, in the order of the values.
    """
    names = [v.name for v in trial.values]
    # an array: looking two rows up in the table takes nearly as long as the test
    scores = _comparable(trial, view, metric).loc[names].to_numpy()
    contrast = trial.contrast
    is_named = contrast is not None and contrast.kind == "difference" and contrast.metric == metric
    named = set(contrast.values or ()) if contrast is not None and is_named else set()
    results = [
        _result(
            "difference",
            (names[first], names[second]),
            _differences(scores[first], scores[second]),
            metric=metric,
            view=view,
            margin=margin,
            named=False,
        )
        for first, second in itertools.combinations(range(len(names)), 2)
        if {names[first], names[second]} != named
    ]
    adjusted = zip(holm([r.p for r in results]), holm([r.p_equivalence for r in results]), strict=True)
    return [
        _with_verdict(replace(r, p_adjusted=p, p_equivalence=equivalence))
        for r, (p, equivalence) in zip(results, adjusted, strict=True)
    ]


def by_pair(comparisons: Sequence[Comparison]) -> dict[frozenset[str], Comparison]:
    """Return the comparisons of two values by the values, in either direction."""
    return {frozenset(c.values): c for c in comparisons if c.kind == "difference"}


def _comparable(trial: Trial, view: View, metric: str) -> pd.DataFrame:
    """Return the scores; all NaN if they are averages over different sets of classes."""
    table = score_table(trial, view, metric)
    differ = metric in AVERAGED and len(averaged_over(trial, view, [v.name for v in trial.values])) > 1
    return table * math.nan if differ else table


def _differences(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return second − first for the seeds that both have."""
    return (second - first)[np.isfinite(first) & np.isfinite(second)]


def _result(
    kind: Literal["difference", "slope"],
    values: tuple[str, ...],
    effects: NDArray[np.float64],
    *,
    metric: str,
    view: View,
    margin: float,
    named: bool,
    reach: float = 1.0,
) -> Comparison:
    """Test effects, one per seed; ``reach`` scales a slope to the change over all its levels."""
    low, high = t_interval(effects)
    p = paired_t(effects)
    return _with_verdict(
        Comparison(
            kind=kind,
            values=values,
            metric=metric,
            scene=view.scene,
            mosaic=view.mosaic,
            named=named,
            n=effects.size,
            estimate=float(effects.mean()) if effects.size else math.nan,
            low=low,
            high=high,
            p=p,
            p_adjusted=p,
            margin=margin,
            p_equivalence=equivalence(effects * reach, margin),
            verdict="inconclusive",
            sentence="",
        )
    )


def _with_verdict(c: Comparison) -> Comparison:
    """Return a comparison with the verdict that its p values imply, and the sentence."""
    if c.p_adjusted < LEVEL:
        verdict: Verdict = "differs"
    elif c.p_equivalence < LEVEL:
        verdict = "no difference"
    else:
        verdict = "inconclusive"
    return replace(c, verdict=verdict, sentence=_sentence(c, verdict))


def _sentence(c: Comparison, verdict: Verdict) -> str:
    name = metric_name(c.metric)
    if c.kind == "slope":
        through = " to ".join(dict.fromkeys(c.values[:1] + c.values[-1:]))
        what, effect, over = f"{name} from {through}", f"{_signed(c.estimate)} per doubling", " over the whole range"
    else:
        what, effect, over = f"{c.values[1]} against {c.values[0]}", f"{_signed(c.estimate)} {name}", ""
    if c.n < 2:
        return f"{what}: inconclusive, {c.n or 'no'} seed{'' if c.n == 1 else 's'} in common."
    p = f"p {_p(c.p_adjusted)}" if c.named else f"p by Holm's method {_p(c.p_adjusted)}"
    interval = f"95 % interval {_signed(c.low)} to {_signed(c.high)}, {p}, {c.n} seeds"
    if verdict == "differs":
        small = f", yet less than {c.margin:g}{over}" if c.p_equivalence < LEVEL else ""
        return f"{what}: {effect}{small} ({interval})."
    if verdict == "no difference":
        figures = f"{effect}, {interval}; equivalence test p {_p(c.p_equivalence)}"
        return f"{what}: no difference beyond ± {c.margin:g}{over} ({figures})."
    return f"{what}: inconclusive ({effect}, {interval})."


def metric_name(metric: str) -> str:
    """Return a score in words.

    >>> metric_name("nll")
    'log loss'
    """
    return _NAMES.get(metric, metric)


def _signed(x: float) -> str:
    if math.isnan(x):
        return "–"
    return "0.000" if abs(x) < 0.0005 else f"{x:+.3f}".replace("-", "−")


def _p(p: float) -> str:
    return "–" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
