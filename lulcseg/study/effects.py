"""The study's questions, answered from its raw results: for each view an effect, its interval and a paired test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.settings.from_plain import fill
from lulcseg.settings.plain_yaml import read_yaml
from lulcseg.settings.schema import setting
from lulcseg.study.landscape_units import LANDSCAPE, unit_means, variance_components
from lulcseg.trials.paired_tests import equivalence, holm, paired_t, slopes
from lulcseg.trials.summary import t_interval

LEVEL = 0.05
SEPARATOR = "/"
AFTER = "†"
"""Marks questions that were asked after scores were seen."""


@dataclass
class Question:
    """A comparison that is made in several views.

    Arms are written ``trial/value``, or ``trial/value/mosaic`` if a run has maps of several mosaic settings.
    """

    id: str = setting("", "Name of the question; the rows are named after it.")
    asks: str = setting("", "What it asks, in words.")
    first: list[str] = setting([], "Baseline arm; for a slope, all arms in order.")
    second: list[str] = setting([], "Arm whose score minus the baseline's is the effect; empty: a slope over `first`.")
    ceiling: list[str] = setting(
        [],
        "Arm trained on the target itself: the effect is the share of the way from `first` to it that `second` goes.",
    )
    without: list[str] = setting(
        [],
        "Two arms, as `first` and `second` but without a factor: the effect is an interaction, the difference between "
        "`second` and `first` less that between these.",
    )
    metric: str = setting("kappa", "Score of the whole map, or f1, users or producers of `classes`.")
    classes: list[str] = setting([], "Classes that are averaged; empty: the score is of the whole map.")
    primary: str = setting("", "View that the conclusion rests on.")
    after: bool = setting(False, "Whether it was asked after scores were seen.")
    headline: bool = setting(False, "Whether the study's first figure shows it.")

    @property
    def kind(self) -> str:
        """``difference`` of two arms, ``interaction`` of four, ``slope``, or ``share`` of the way to a ceiling."""
        if self.ceiling:
            return "share"
        if self.without:
            return "interaction"
        return "difference" if self.second else "slope"

    @property
    def text(self) -> str:
        """The question, marked if it was asked after scores were seen."""
        return f"{self.asks}\N{NO-BREAK SPACE}{AFTER}" if self.after else self.asks


@dataclass
class StudyView:
    """Which maps are compared, on which ground, and against which reference."""

    scene: str = setting("", "Name of the scene.")
    ground: str = setting("all", "all, training or heldout.")
    against: str = setting("truth", "points or truth.", choices=("points", "truth"))
    title: str = setting("", "Title of the view.")


@dataclass
class Questions:
    """A study's questions and views, as in their YAML file."""

    margin: float = setting(0.02, "Difference below which values count as equivalent.", least=0.0)
    views: dict[str, StudyView] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)


def read_questions(path: Path) -> Questions:
    """Read a study's questions.

    Raises:
        LulcsegError: Not YAML, an unknown key, or a question that names an unknown view.
    """
    plain = read_yaml(path)
    views = {str(name): fill(StudyView, view, f"{path}: views.{name}") for name, view in plain.pop("views", {}).items()}
    asked = [fill(Question, q, f"{path}: question {n}") for n, q in enumerate(plain.pop("questions", []), 1)]
    whole = fill(Questions, plain, str(path))
    for q in asked:
        if q.primary not in views:
            raise LulcsegError(
                f"question {q.id} rests on view '{q.primary}'", where=path, remedy=f"use one of {list(views)}"
            )
        four = [*q.first, *q.second, *q.without]
        if q.without and ((len(q.first), len(q.second), len(set(four)), len(four)) != (1, 1, 4, 4) or q.ceiling):
            raise LulcsegError(
                f"question {q.id} has `without`, but isn't of four arms", where=path,
                remedy="give one `first`, one `second`, and in `without` the same two without the factor; no `ceiling`",
            )  # fmt: skip
    if len({q.id for q in asked}) < len(asked):
        raise LulcsegError("two questions have one id", where=path, remedy="give each its own")
    return Questions(whole.margin, views, asked)


def effects(questions: Questions, whole: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Answer every question in every view.

    Args:
        questions: The questions.
        whole: Scores of whole maps (:func:`lulcseg.study.score.score_trials`).
        classes: The same by class.

    Returns:
        One row per question and view in which both arms were scored: ``row`` (its name: question and view), the arms,
        both means, the effect with its 95 % t interval, the p of the paired t test, that of equivalence within the
        margin, and the verdict. Effects are averaged within landscapes first: interval and tests are over ``n``
        landscapes, from ``runs`` pairs of runs, and hold for another landscape and another training. ``between`` and
        ``within`` are standard deviations of the effect, between landscapes and between trainings on one. ``p_holm``
        is adjusted among the rows that conclusions rest on (Holm 1979), NaN in the others.
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
    by_arm = {arm: _by_seed(scores, arm, view, q) for arm in [*q.first, *q.second, *q.without, *q.ceiling]}
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
        "p": p, "p_equivalence": same, "verdict": verdict(p, same), "primary": name == q.primary, "after": q.after,
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
        return "differs"
    return "no difference" if p_equivalence < LEVEL else "can't be told"


class _Scored(NamedTuple):
    """A run's score, and the landscape that it is of."""

    score: float
    landscape: str | None


def _by_seed(scores: pd.DataFrame, arm: str, view: StudyView, q: Question) -> Mapping[int, _Scored]:
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
        int(seed): _Scored(float(x), land if isinstance(land, str) else None)
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
