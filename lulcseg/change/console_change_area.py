"""Accuracy and area of change in the terminal."""

from __future__ import annotations

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lulcseg.assessment.console_design import estimate_cells
from lulcseg.change.assess_change import ChangeAssessment
from lulcseg.scene.format_quantities import format_hectares

_LISTED = 12
"""Transitions that the terminal lists; the others stand in the files of ``--out``."""


def print_change_assessment(result: ChangeAssessment, console: Console | None = None) -> None:
    """Print change as a whole, then the transitions by area, if the design allows estimates.

    Args:
        result: The assessment.
        console: Console to print to; default: standard output.
    """
    console = console or Console()
    pairs = result.pairs
    console.print(
        Text.assemble(
            ("Change ", "bold"),
            f"{result.labels[0]} → {result.labels[1]} · {pairs.source} against {pairs.reference}\n"
            f"{pairs.scores.n_scored:,} of {pairs.n_points:,} points compared",
            *(f", {count:,} {reason}" for reason, count in pairs.excluded.items()),
        )
    )
    if pairs.design_note:
        console.print(Text(pairs.design_note, style="dim"))
    if pairs.design_based is None or result.change is None:
        console.print(_counts_table(result))
        return
    console.print(Text(f"By design: {result.change.design}. {result.change.sentence}"))
    console.print(_whole_table(result))
    console.print(_transitions_table(result))
    for line in _unseen(result):
        console.print(Text(line, style="dim"))
    for warning in result.change.warnings:
        console.print(Text(warning, style="yellow"))
    console.print(Text(f"{_formulae(result)} ± SE: standard error, by the draw of points alone.", style="dim"))


def _formulae(result: ChangeAssessment) -> str:
    """Return which estimators are behind the figures: of transitions and of change as a whole, if they differ."""
    assert result.change is not None
    assert result.pairs.design_based is not None
    whole, pairs = result.change.estimator, result.pairs.design_based.estimator
    if whole == pairs:
        return f"Formulae: {whole}."
    return f"Formulae: of transitions {pairs}; of change as a whole {whole}."


def _whole_table(result: ChangeAssessment) -> Table:
    assert result.change is not None
    table = Table(title="Change as a whole", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for heading in ("", "mapped", "estimate", "± SE", "95 %"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    change = result.change.classes[0]
    table.add_row(
        "hectares", format_hectares(change.mapped_hectares), *estimate_cells(change.hectares, format_hectares)
    )
    table.add_row("share of the ground", "", *estimate_cells(change.share, ".4f"))
    table.add_row("user's accuracy", "", *estimate_cells(change.users))
    table.add_row("producer's accuracy", "", *estimate_cells(change.producers))
    table.add_row("overall accuracy", "", *estimate_cells(result.change.overall))
    return table


def _transitions_table(result: ChangeAssessment) -> Table:
    """Return the transitions that points show, those of most hectares first."""
    found = result.pairs.design_based
    assert found is not None
    seen = result.pairs.confusion.sum(axis=1)
    changes = [k for k in _changes(result) if seen[k] > 0]
    order = sorted(changes, key=lambda k: -np.nan_to_num(found.classes[k].hectares.value))[:_LISTED]
    table = Table(title="Transitions, hectares", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("from → to", overflow="fold")
    for heading in ("points", "mapped", "estimate", "± SE", "user's", "± SE"):
        table.add_column(heading, justify="right", no_wrap=True)
    for k in order:
        each, land_class = found.classes[k], result.pairs.legend.classes[k]
        table.add_row(
            Text.assemble(("■ ", land_class.colour), each.name),
            f"{seen[k]:,.0f}",
            format_hectares(each.mapped_hectares),
            *estimate_cells(each.hectares, format_hectares)[:2],
            *estimate_cells(each.users)[:2],
        )
    return table


def _counts_table(result: ChangeAssessment) -> Table:
    """Return numbers of points, where nothing may be said of areas."""
    confusion, changes = result.pairs.confusion, _changes(result)
    same = [k for k in range(len(confusion)) if k not in changes]
    table = Table(title="Points (row: reference, column: map)", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("", "change, the same", "change, another", "no change"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    right = sum(confusion[k, k] for k in changes)
    table.add_row(
        "change",
        f"{right:,.0f}",
        f"{confusion[np.ix_(changes, changes)].sum() - right:,.0f}",
        f"{confusion[np.ix_(changes, same)].sum():,.0f}",
    )
    both = confusion[np.ix_(same, same)].sum()
    table.add_row("no change", "", f"{confusion[np.ix_(same, changes)].sum():,.0f}", f"{both:,.0f}")
    return table


def _changes(result: ChangeAssessment) -> list[int]:
    return [k for k, (i, j) in enumerate(result.transitions) if i != j]


def _unseen(result: ChangeAssessment) -> list[str]:
    """Return what is said of transitions that are mapped and that no reference point shows."""
    found = result.pairs.design_based
    assert found is not None
    seen = result.pairs.confusion.sum(axis=1)
    unseen = [found.classes[k] for k in _changes(result) if not seen[k] and found.classes[k].mapped_hectares > 0]
    lines = []
    if unseen:
        hectares = sum(each.mapped_hectares for each in unseen)
        lines.append(
            f"{len(unseen)} transitions, mapped on {format_hectares(hectares)} ha, are at no reference point: nothing "
            "is known of their true area, which need not be 0."
        )
    further = sum(bool(seen[k]) for k in _changes(result)) - _LISTED
    if further > 0:
        lines.append(f"{further} more transitions, and the confusion of all, stand in the files of --out.")
    return lines
