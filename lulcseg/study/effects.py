"""The study's questions, answered from its raw results: for each view an effect, its interval and a paired test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.study.landscape_units import LANDSCAPE, unit_means, variance_components
from lulcseg.study.questions import SEPARATOR, Question, Questions, StudyView
from lulcseg.trials.paired_tests import equivalence, holm, paired_t, slopes
from lulcseg.trials.summary import t_interval

LEVEL = 0.05
DIFFERS, SAME, UNTOLD = "differs", "no difference", "can't be told"
"""Verdicts."""
FEWEST = 3
"""Landscapes, or trainings of a scene, from which on an effect is told: a t test of two has one degree of freedom."""


def effects(questions: Questions, whole: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Answer every question in every view.

    Args:
        questions: The questions.
        whole: Scores of whole maps (:func:`lulcseg.study.score.score_trials`).
        classes: The same by class.

    Returns:
        One row per question and view in which both arms were scored: ``row`` (its name: question and view), the arms,
        both means, the effect with its 95 % t interval, the p of the paired t test, that of equivalence within the
        margin, and the verdict; of fewer than three units nothing is told. Effects are averaged within landscapes
        first: interval and tests are over ``n`` landscapes, from ``runs`` pairs of runs, and hold for another landscape
        and another training. ``between`` and ``within`` are standard deviations of the effect, between landscapes and
        between trainings on one. ``p_holm`` is adjusted among the rows that conclusions
        rest on (Holm 1979), NaN in the others.
    """
    rows = [
        row
        for q in questions.questions
        for name, view in questions.views.items()
        if (row := _answer(q, name, view, whole if not q.classes else classes, questions.margin)) is not None
    ]
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    table["p_holm"] = math.nan
    table.loc[table["primary"], "p_holm"] = holm(table.loc[table["primary"], "p"].tolist())
    return table


def _answer(q: Question, name: str, view: StudyView, scores: pd.DataFrame, margin: float) -> dict[str, Any] | None:
    by_arm = {arm: scores_by_seed(scores, arm, view, q) for arm in q.arms}
    common = sorted(set.intersection(*(set(found) for found in by_arm.values())))
    if not common:
        return None
    columns = {arm: np.array([found[seed].score for seed in common]) for arm, found in by_arm.items()}
    landscapes = [by_arm[q.first[0]][seed].landscape for seed in common]
    for arm, found_of in by_arm.items():
        if [found_of[seed].landscape for seed in common] != landscapes:
            raise LulcsegError(
                f"{arm} and {q.first[0]} are of other landscapes at the same seeds", where=f"question {q.id}",
                remedy="score runs whose seeds have the same landscapes",
            )  # fmt: skip
    if q.second:
        first, second = _mean(columns, q.first), _mean(columns, q.second)
        found, reach = second - first, 1.0
        if q.without:
            found = found - (columns[q.without[1]] - columns[q.without[0]])
    else:
        levels = np.log2([_level(scores, arm) for arm in q.first])
        first, second = columns[q.first[0]], columns[q.first[-1]]
        found, reach = slopes(levels, np.array([columns[arm] for arm in q.first])), float(np.ptp(levels))
    if q.ceiling:
        gaps = unit_means(_mean(columns, q.ceiling) - first, landscapes)
        if gaps.min() <= 0:  # trained on the target a model is no better there: there is nothing to close
            return None
        found = unit_means(found, landscapes) / gaps
        units, same = found, math.nan
        parts = variance_components([], [])
    else:
        units, parts = unit_means(found, landscapes), variance_components(found, landscapes)
        same = equivalence(units * reach, margin)
    low, high = t_interval(units)
    p = paired_t(units)
    return {
        "row": f"{q.id}.{name}", "question": q.id, "view": name, "scene": view.scene, "ground": view.ground,
        "against": view.against, "kind": q.kind,
        "first": "+".join(q.first) if q.second else q.first[0],
        "second": "+".join(q.second) if q.second else q.first[-1],
        "without": "+".join(q.without), "ceiling": "+".join(q.ceiling),
        "metric": q.metric, "classes": "+".join(q.classes), "n": len(units), "runs": len(common),
        "mean_first": _over_units(first, landscapes), "mean_second": _over_units(second, landscapes),
        "effect": float(units.mean()), "low": low, "high": high, "between": parts.between, "within": parts.within,
        "p": p, "p_equivalence": same, "verdict": verdict(p, same) if len(units) >= FEWEST else UNTOLD,
        "primary": name == q.primary, "after": q.after,
    }  # fmt: skip


def _over_units(values: NDArray[np.float64], landscapes: Sequence[str | None]) -> float:
    return float(unit_means(values, landscapes).mean())


def in_view(scores: pd.DataFrame, trial: str, value: str, view: StudyView) -> pd.DataFrame:
    """Return the rows of a trial's value in a view."""
    chosen = (scores["trial"] == trial) & (scores["value"] == value) & (scores["scene"] == view.scene)
    return scores[chosen & (scores["ground"] == view.ground) & (scores["against"] == view.against)]


def verdict(p: float, p_equivalence: float) -> str:
    """Return the verdict of both tests: ``differs``, ``no difference`` (within the margin) or ``can't be told``.

    Args:
        p: p of the paired t test.
        p_equivalence: p of the equivalence test.

    Example:
        >>> verdict(0.01, 0.4), verdict(0.3, 0.02), verdict(0.3, 0.4)
        ('differs', 'no difference', "can't be told")
    """
    if p < LEVEL:
        return DIFFERS
    return SAME if p_equivalence < LEVEL else UNTOLD


class Scored(NamedTuple):
    """A run's score, and the landscape that it is of."""

    score: float
    landscape: str | None


def scores_by_seed(scores: pd.DataFrame, arm: str, view: StudyView, q: Question) -> dict[int, Scored]:
    """Return an arm's score by seed; of several classes the mean, in which a class that is never mapped counts 0."""
    trial, value, *mosaic = arm.split(SEPARATOR)
    rows = in_view(scores, trial, value, view)
    if mosaic:
        rows = rows[rows["mosaic"] == mosaic[0]]
    if rows["mosaic"].groupby(rows["seed"]).nunique().gt(1).any():
        raise LulcsegError(
            f"{arm} has several maps of {view.scene}", where=f"question {q.id}",
            remedy=f"name one: {arm}/" + " or ".join(sorted(set(rows["mosaic"]))),
        )  # fmt: skip
    if q.classes:
        rows = rows[rows["class"].isin(q.classes)]
        rows = rows.assign(**{q.metric: rows[q.metric].fillna(0.0)})
        rows = rows.groupby(["seed", LANDSCAPE], dropna=False)[q.metric].mean().reset_index()
    return {
        int(seed): Scored(float(x), land if isinstance(land, str) else None)
        for seed, x, land in zip(rows["seed"], rows[q.metric], rows[LANDSCAPE], strict=True)
    }


def _mean(columns: Mapping[str, NDArray[np.float64]], arms: Sequence[str]) -> NDArray[np.float64]:
    return np.mean([columns[arm] for arm in arms], axis=0)


def _level(scores: pd.DataFrame, arm: str) -> float:
    """Return the number of a value, from its trial or, for models that were only predicted again, from another."""
    trial, value, *_ = arm.split(SEPARATOR)
    named = scores[scores["value"] == value]
    levels = named.sort_values("trial", key=lambda names: names != trial)["level"].dropna()
    if levels.empty:
        raise LulcsegError(f"{arm} has no number", where="questions", remedy="compare two arms instead")
    return float(levels.iloc[0])
