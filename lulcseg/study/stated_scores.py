"""Scores that a text states, held against the study's raw results: a comment says which arms and view they are of."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.study.effects import Scored, scores_by_seed
from lulcseg.study.landscape_units import unit_means
from lulcseg.study.questions import Question, Questions
from lulcseg.study.read_tables import BY_CLASS, WHOLE

_COMMENT = re.compile(r"<!--\s*scores?\b(.*?)-->", re.DOTALL | re.IGNORECASE)
_HEAD = re.compile(r"\s*(\w+)(?:\[([^\]]+)\])?\.(\w+):(.*)", re.DOTALL)
_STATED = re.compile(r"(\S+?)(?:@(\d+))?((?:\s&\s\S+)*)\s(−?\d*\.\d+)")
_HEADING = re.compile(r"^#+ ", re.MULTILINE)


def states_scores(text: str) -> bool:
    """Whether a text has a comment that states scores."""
    return bool(_COMMENT.search(text))


def wrong_scores(text: str, questions: Questions, maps: pd.DataFrame, classes: pd.DataFrame) -> list[str]:
    """Name each score that a comment of a text states and the raw results or the text before it don't.

    A comment names a score and a view, and then arms with the mean that the text states, over landscapes::

        <!-- scores kappa.held: patch_size/patch128_grid .82, patch_size/patch512_grid .55 -->
        <!-- scores f1[Vineyards+Berry Crops].held: losses/grid_inverse .40 -->
        <!-- scores kappa.held: longer/augment_on & augmentation/augment_on .44, augmentation/augment_on@31 .39 -->

    ``&`` restricts the mean to the landscapes, or seeds, that another arm has too; ``@31`` is one landscape's score, or
    one seed's of imagery that is no landscape. Each number has to stand in the text between the last heading and the
    comment.

    Raises:
        LulcsegError: A comment that can't be read so, or an unknown view or score.
    """
    wrong = []
    for comment in _COMMENT.finditer(text):
        line = text.count("\n", 0, comment.start()) + 1
        start = max((h.start() for h in _HEADING.finditer(text, 0, comment.start())), default=0)
        shown = _COMMENT.sub("", text[start : comment.start()])
        for name, stated, mean in _means(comment[1], line, questions, maps, classes):
            digits = len(stated.rpartition(".")[2])
            if mean is None:
                wrong.append(f"line {line}: {name} has no score")
            elif abs(mean - float(stated.replace("−", "-"))) > 0.5 * 10**-digits + 1e-9:
                wrong.append(f"line {line}: {name} has {mean:.{digits + 1}f}, and the text states {stated}")
            if not re.search(rf"(?<![\d.])0?{re.escape(stated.removeprefix('0'))}(?!\d)", shown):
                wrong.append(f"line {line}: {stated} of {name} stands nowhere above")
    return wrong


def _means(
    body: str, line: int, questions: Questions, maps: pd.DataFrame, classes: pd.DataFrame
) -> Iterator[tuple[str, str, float | None]]:
    """Yield each arm of a comment, the score that is stated and the mean that it has."""
    head = _HEAD.fullmatch(body)
    if head is None or head[3] not in questions.views:
        raise LulcsegError(
            f"line {line}: 'scores{body.rstrip()}' names no score and view", where="text",
            remedy="write <!-- scores kappa.held: trial/value .82, … -->, with a view of questions.yaml",
        )  # fmt: skip
    of = head[2].split("+") if head[2] else []
    asked = Question(metric=head[1], classes=of)
    table, view = classes if of else maps, questions.views[head[3]]
    known = BY_CLASS if of else WHOLE
    if head[1] not in known:
        raise LulcsegError(
            f"line {line}: '{head[1]}' is no score of {'a class' if of else 'a map'}", where="text",
            remedy=did_you_mean(head[1], known),
        )  # fmt: skip
    for part in head[4].split(","):
        stated = _STATED.fullmatch(part.strip())
        if stated is None:
            raise LulcsegError(
                f"line {line}: '{part.strip()}' is no arm and its score", where="text", remedy="write trial/value .82"
            )
        arm, place, beside, number = stated.groups()
        found = scores_by_seed(table, arm, view, asked)
        for other in beside.split(" & ")[1:]:
            found = _shared(found, scores_by_seed(table, other, view, asked))
        if place:
            found = {seed: run for seed, run in found.items() if _is_of(run, seed, place)}
        units = unit_means([run.score for run in found.values()], [run.landscape for run in found.values()])
        yield part.strip().rpartition(" ")[0], number, float(units.mean()) if len(units) else None


def _shared(found: dict[int, Scored], other: dict[int, Scored]) -> dict[int, Scored]:
    """Return the runs of landscapes, or of seeds where there is none, that another arm has too."""
    lands = {run.landscape for run in other.values()}
    return {s: run for s, run in found.items() if (run.landscape in lands if run.landscape else s in other)}


def _is_of(run: Scored, seed: int, place: str) -> bool:
    return run.landscape.endswith(f"_seed{place}") if run.landscape else seed == int(place)
