"""An assessment as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.design import STRATIFIED
from lulcseg.assessment.scores import format_score
from lulcseg.maps.areas import ClassArea
from lulcseg.scene.format_quantities import format_hectares

_WIDTH_WITH_INTERVALS = 96
"""Terminal columns that the table of classes needs for its intervals without wrapping."""


_MOST_COLUMNS = 30
"""Classes up to which the confusion matrix is printed: a larger one fits no terminal."""

_PAIRS = 10


def print_assessment(assessment: Assessment, console: Console | None = None) -> None:
    """Print scores, what was left out, the table of classes and the confusion matrix.

    Args:
        assessment: The assessment.
        console: Console to print to; default: standard output.
    """
    console = console or Console()
    console.print(_headline(assessment))
    with_intervals = assessment.has_intervals and console.width >= _WIDTH_WITH_INTERVALS
    console.print(_class_table(assessment, with_intervals))
    if len(assessment.legend) <= _MOST_COLUMNS:
        console.print(_confusion_table(assessment))
    else:
        console.print(Text(_largest_confusions(assessment)))
    for line in _notes(assessment, with_intervals):
        console.print(Text(line, style="dim"))


def print_areas(areas: Sequence[ClassArea], console: Console | None = None) -> None:
    """Print the area of each class on a map.

    Args:
        areas: The areas of the classes, counted by pixels.
        console: Console to print to; default: standard output.
    """
    table = Table(title="Area by pixels", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("class", overflow="fold")
    for heading in ("hectares", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for area in areas:
        table.add_row(Text(area.name), format_hectares(area.hectares), f"{area.share:.2%}")
    (console or Console()).print(table)


def _headline(assessment: Assessment) -> Text:
    s = assessment.scores
    text = Text()
    text.append(assessment.scene, style="bold")
    text.append(f" · {assessment.source} against {assessment.reference}\n")
    for label, value in (("kappa", s.kappa), ("mean F1", s.mean_f1), ("overall accuracy", s.overall_accuracy)):
        text.append(f"{label} ")
        text.append(format_score(value), style="bold")
        text.append("   ")
    text.append(f"{s.n_scored:,} of {assessment.n_points:,} {assessment.places}")
    return text


def _class_table(assessment: Assessment, with_intervals: bool) -> Table:
    table = Table(title="Accuracy per class", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("class", overflow="fold")
    interval = ["95 %"] if with_intervals else []
    for heading in ("reference", "mapped", "user's", *interval, "producer's", *interval, "F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    s = assessment.scores
    for i, land_class in enumerate(assessment.legend):
        table.add_row(
            _named(land_class.name, land_class.colour),
            f"{s.reference_points[i]:,}",
            f"{s.mapped_points[i]:,}",
            format_score(s.users[i]),
            *([_bounds(s.users_interval[i])] if with_intervals else []),
            format_score(s.producers[i]),
            *([_bounds(s.producers_interval[i])] if with_intervals else []),
            format_score(s.f1[i]),
        )
    table.add_section()
    gap = [""] * len(interval)
    means = (format_score(s.mean_users), *gap, format_score(s.mean_producers), *gap, format_score(s.mean_f1))
    table.add_row(f"mean of {s.classes_averaged}", "", "", *means, style="bold")
    return table


def _confusion_table(assessment: Assessment) -> Table:
    table = Table(
        title="Confusion (row: reference, column: map)", title_justify="left", title_style="bold", box=SIMPLE_HEAD
    )
    table.add_column("class", overflow="fold")
    for land_class in assessment.legend:
        table.add_column(Text(str(land_class.code)), justify="right")
    for i, land_class in enumerate(assessment.legend):
        counts = [
            Text(f"{count:,}", style="bold" if i == j else "" if count else "dim")
            for j, count in enumerate(assessment.confusion[i].tolist())
        ]
        table.add_row(_named(f"{land_class.code} {land_class.name}", land_class.colour), *counts)
    return table


def _largest_confusions(assessment: Assessment) -> str:
    """Return the largest counts off the diagonal as a sentence; the whole matrix is in the assessment's file."""
    names, counts = assessment.legend.names, assessment.confusion.copy()
    np.fill_diagonal(counts, 0)
    places = np.argsort(counts, axis=None, kind="stable")[::-1][:_PAIRS]
    pairs = [(int(row), int(col)) for row, col in zip(*np.unravel_index(places, counts.shape), strict=True)]
    listed = [f"{names[row]} mapped as {names[col]}: {counts[row, col]:,}" for row, col in pairs if counts[row, col]]
    said = f"Largest confusions: {'; '.join(listed)}." if listed else "No confusions."
    return f"{said} The matrix of {len(names)} classes is in the assessment's CSV file."


def _notes(assessment: Assessment, with_intervals: bool) -> list[str]:
    notes = list(assessment.notes)
    if assessment.excluded:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in assessment.excluded.items())
        notes.append(f"Not scored: {reasons}.")
    absent = [
        name
        for name, points in zip(assessment.legend.names, assessment.scores.reference_points, strict=True)
        if points == 0
    ]
    if absent:
        notes.append(f"Without reference, so left out of the means: {', '.join(absent)}.")
    if assessment.design == STRATIFIED:
        notes.append(
            "Plain counts of a stratified sample: agreement at these points, not weighted by the strata's areas."
        )
    elif with_intervals:
        notes.append("95 %: Wilson interval, the sampling error if the points are a simple random sample.")
    return notes


def _named(name: str, colour: str) -> Text:
    return Text.assemble(("■ ", colour), name)


def _bounds(bounds: tuple[float, float]) -> Text:
    return Text("–" if isnan(bounds[0]) else f"{bounds[0]:.2f}–{bounds[1]:.2f}", style="dim")
