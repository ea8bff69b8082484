"""A trial's ranking and its tests, printed in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.scores import format_score
from lulcseg.trials.contrasts import NO_RANK_TESTS
from lulcseg.trials.paper_ranking_rule import RULE, TIE_RULES
from lulcseg.trials.ranking import Ranking
from lulcseg.trials.resample import COVERS, Resampling
from lulcseg.trials.scores_by_seed import View, scored
from lulcseg.trials.summary import FEW_POINTS, SPREAD, small_classes
from lulcseg.trials.tables import ranking_text
from lulcseg.trials.trial_reader import Trial

_WIDTH = 136
"""Terminal width, in columns, from which on every interval fits unwrapped."""

_SHORT = {"producer's": "prod.", "user's": "user"}
"""Headings in a narrow terminal, which leaves the width to the values' names."""


def print_ranking(ranking: Ranking, console: Console) -> None:
    """Print the contrast named beforehand, the table of values, and how well supported their order is."""
    title = Text(ranking.trial.title, style="bold")
    console.print(title.append(f" · {ranking.view.title}", style="not bold"))
    if ranking.contrast is not None:
        console.print(Text(f"Named beforehand: {ranking.contrast.sentence}"))
    else:
        console.print(Text("No contrast was named beforehand."))
    console.print(_table(ranking, narrow=console.width < _WIDTH))
    for neighbours in ranking.neighbours:
        console.print(Text(neighbours.sentence))
    labels = ranking.trial.labels(ranking.view.scene)
    if labels is not None:
        console.print(Text(_ceiling(labels)))
    few = _few_points(ranking.trial, ranking.view)
    if few:
        console.print(Text(few, style="dim"))


def print_points(trial: Trial, drawn: Resampling, console: Console) -> None:
    """Print intervals of kappa that cover the variation of both points and seeds."""
    if drawn.draws:
        console.print(Text(f"Kappa, {COVERS}, {drawn.n_points:,} points, {len(drawn.seeds)} seeds:"))
    for value in trial.values:
        low, high = drawn.interval(value.name)
        if not math.isnan(low):
            console.print(Text(f"  {value.name}  {low:.3f}–{high:.3f}"))
    for note in drawn.notes:
        console.print(Text(note, style="dim"))


def print_notes(rankings: Sequence[Ranking], console: Console) -> None:
    """Print the warnings about the runs, and what the figures mean."""
    for note in dict.fromkeys(note for ranking in rankings for note in ranking.notes):
        console.print(Text(note, style="yellow"))
    for line in (
        f"±: half the 95 % t interval over the replicates: {SPREAD}.",
        "first: share of bootstrap draws of the seeds in which a value comes first.",
        *dict.fromkeys(f"{RULE} Ties: {TIE_RULES[ranking.ties]}." for ranking in rankings),
        NO_RANK_TESTS,
    ):
        console.print(Text(line, style="dim"))


def _table(ranking: Ranking, *, narrow: bool) -> Table:
    printed = ranking_text(ranking, narrow=narrow)
    table = Table(box=SIMPLE_HEAD, padding=(0, 0 if narrow else 1))
    for number, heading in enumerate(printed.columns):
        if number == 0:
            table.add_column(heading, overflow="fold")  # names often differ at their ends alone
        else:
            table.add_column(_SHORT.get(heading, heading) if narrow else heading, justify="right", no_wrap=True)
    for row in printed.to_numpy().tolist():
        table.add_row(*(Text(cell) for cell in row))
    return table


def _ceiling(labels: Assessment) -> str:
    s = labels.scores
    return (
        f"The digitised polygons at the same points: kappa {format_score(s.kappa)}, mean F1 {format_score(s.mean_f1)}."
    )


def _few_points(trial: Trial, view: View) -> str | None:
    """Name the classes with few points, by the first map in view; None if there are none."""
    maps = [a for value in trial.values for _, a in scored(trial, value.name, view)]
    few = small_classes(maps[0]) if maps else {}
    if not few:
        return None
    named = ", ".join(f"{name} ({n})" for name, n in few.items())
    return f"Under {FEW_POINTS} reference points, so their own scores are imprecise: {named}."
