"""A study's questions and the views that they are answered in, read from their YAML file and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.settings.from_plain import fill
from lulcseg.settings.plain_yaml import read_yaml
from lulcseg.settings.schema import setting
from lulcseg.study.read_tables import BY_CLASS, WHOLE

SEPARATOR = "/"
AFTER = "†"
"""Marks questions that were asked after scores were seen."""
GROUNDS = ("all", "training", "heldout")
_ID = re.compile(r"[A-Z]+\d+")
_ARM = re.compile(r"[^/]+/[^/]+(/[^/]+)?")


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
    def arms(self) -> list[str]:
        """All arms that it compares."""
        return [*self.first, *self.second, *self.without, *self.ceiling]

    @property
    def text(self) -> str:
        """The question, marked if it was asked after scores were seen."""
        return f"{self.asks}\N{NO-BREAK SPACE}{AFTER}" if self.after else self.asks


@dataclass
class StudyView:
    """Which maps are compared, on which ground, and against which reference."""

    scene: str = setting("", "Name of the scene.")
    ground: str = setting("all", "all, training or heldout.", choices=GROUNDS)
    against: str = setting("truth", "points or truth.", choices=("points", "truth"))
    title: str = setting("", "Title of the view.")


@dataclass
class Questions:
    """A study's questions and views, as in their YAML file."""

    margin: float = setting(0.02, "Difference below which values count as equivalent.", least=0.0)
    views: dict[str, StudyView] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    names: dict[str, str] = setting({}, "Name in words of an arm, trial/value, in figures.")


def read_questions(path: Path) -> Questions:
    """Read a study's questions.

    Raises:
        LulcsegError: Not YAML, an unknown key, or a question that names an unknown view or score, or no arms.
    """
    plain = read_yaml(path)
    views = {str(name): fill(StudyView, view, f"{path}: views.{name}") for name, view in plain.pop("views", {}).items()}
    asked = [fill(Question, q, f"{path}: question {n}") for n, q in enumerate(plain.pop("questions", []), 1)]
    whole = fill(Questions, plain, str(path))
    for arm in whole.names:
        if not _ARM.fullmatch(arm):
            raise LulcsegError(f"names: '{arm}' is no arm", where=path, remedy="write trial/value: its name")
    for n, q in enumerate(asked, 1):
        _check(q, n, views, path)
    if len({q.id for q in asked}) < len(asked):
        raise LulcsegError("two questions have one id", where=path, remedy="give each its own")
    return Questions(whole.margin, views, asked, whole.names)


def _check(q: Question, number: int, views: dict[str, StudyView], path: Path) -> None:
    """Check a question; ``number`` counts from 1."""
    if not _ID.fullmatch(q.id):
        raise LulcsegError(
            f"question {number} has the id '{q.id}'", where=path, remedy="give it capitals and a number, as in A1"
        )
    if q.primary not in views:
        raise LulcsegError(
            f"question {q.id} rests on view '{q.primary}'", where=path, remedy=f"use one of {list(views)}"
        )
    arms = q.arms
    for arm in arms:
        if not _ARM.fullmatch(arm):
            raise LulcsegError(f"question {q.id} names the arm '{arm}'", where=path, remedy="write trial/value")
    fewest = 1 if q.second else 2
    if len(q.first) < fewest:
        raise LulcsegError(
            f"question {q.id} has too few arms", where=path,
            remedy="give `first` a baseline and `second` what is compared with it, or `first` the arms of a slope",
        )  # fmt: skip
    scores = BY_CLASS if q.classes else WHOLE
    if q.metric not in scores:
        raise LulcsegError(
            f"question {q.id} asks about '{q.metric}'" + (" of classes" if q.classes else ""), where=path,
            remedy=f"use one of {', '.join(scores)}",
        )  # fmt: skip
    four = [*q.first, *q.second, *q.without]
    if q.without and ((len(q.first), len(q.second), len(set(four)), len(four)) != (1, 1, 4, 4) or q.ceiling):
        raise LulcsegError(
            f"question {q.id} has `without`, but isn't of four arms", where=path,
            remedy="give one `first`, one `second`, and in `without` the same two without the factor; no `ceiling`",
        )  # fmt: skip
