"""Scores that comments of a text state are held against the raw results, and against the text."""

from __future__ import annotations

import pandas as pd
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.study.questions import Questions, StudyView
from lulcseg.study.stated_scores import states_scores, wrong_scores

VIEWS = Questions(views={
    "held": StudyView("mini2018", "heldout", "truth"), "k_held": StudyView("korea", "all", "points"),
})  # fmt: skip


def _rows(trial: str, value: str, kappas: dict[int, float], *, korea: bool = False) -> list[dict[str, object]]:
    place = {"scene": "korea", "ground": "all", "against": "points", "landscape": None}
    if not korea:
        place = {"scene": "mini2018", "ground": "heldout", "against": "truth"}
    return [
        {"trial": trial, "value": value, "seed": seed, "mosaic": "single", "kappa": kappa, "f1": kappa / 2}
        | {"landscape": f"v3_size64_seed{31 + seed % 3}", "class": "Vineyards"} | place
        for seed, kappa in kappas.items()
    ]  # fmt: skip


TABLE = pd.DataFrame([
    *_rows("patch", "small", {0: 0.8, 1: 0.6, 2: 0.4, 3: 0.6}), *_rows("longer", "small", {0: 0.9, 1: 0.7}),
    *_rows("korea", "turns", {0: 0.5, 1: 0.6}, korea=True),
])  # fmt: skip


def _wrong(text: str) -> list[str]:
    return wrong_scores(text, VIEWS, TABLE, TABLE)


@pytest.mark.parametrize(
    "stated",
    [
        "kappa.held: patch/small .57",  # (.7 + .6 + .4) / 3: landscape 31 has two trainings
        "kappa.held: longer/small 0.80, patch/small & longer/small .65",
        "kappa.held: patch/small@32 .60",
        "f1[Vineyards].held: longer/small .40",
        "kappa.k_held: korea/turns .55, korea/turns@1 .6",
    ],
)
def test_scores_of_the_results_pass(stated: str) -> None:
    text = f"# Page\n\n.57, .80, .65, .60, .40, .55 and .6\n<!-- scores {stated} -->\n"
    assert states_scores(text)
    assert _wrong(text) == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (".58\n<!-- scores kappa.held: patch/small .58 -->", "patch/small has 0.567, and the text states .58"),
        (".80\n# Next\n.8\n<!-- scores kappa.held: longer/small .80 -->", ".80 of longer/small stands nowhere above"),
        ("1.80, .801\n<!-- scores kappa.held: longer/small .80 -->", "stands nowhere above"),
        (".80\n<!-- scores kappa.held: longer/large .80 -->", "longer/large has no score"),
    ],
)
def test_other_scores_are_named(text: str, part: str) -> None:
    (wrong,) = _wrong(text)
    assert part in wrong
    assert wrong.startswith(f"line {text.count(chr(10)) + 1}:")


@pytest.mark.parametrize(
    "comment",
    [
        "kapa.held: a/b .5",
        "users.held: a/b .5",
        "kappa[Vineyards].held: a/b .5",
        "kappa: a/b .5",
        "kappa.none: a/b .5",
        "kappa.held: a/b",
        "kappa.held: a/b .5; a/c .6",
    ],
)
def test_a_comment_that_states_nothing_is_refused(comment: str) -> None:
    with pytest.raises(LulcsegError):
        _wrong(f".5 .6\n<!-- scores {comment} -->")
