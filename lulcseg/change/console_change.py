"""A change as tables in the terminal."""

from __future__ import annotations

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lulcseg.change.change_tables import changed
from lulcseg.change.compare_maps import ChangeResult
from lulcseg.scene.format_quantities import format_hectares

_MOST_COLUMNS = 12
"""Classes up to which the matrix is printed: a larger one fits no terminal."""

_LARGEST = 15


def print_change(result: ChangeResult, console: Console | None = None) -> None:
    """Print the area of change by each way of counting, the matrix, the largest changes, and what was left out.

    Args:
        result: What was found.
        console: Console to print to; default: standard output.
    """
    console = console or Console()
    areas, (first, second) = result.areas, result.record.labels
    ground, moved = float(areas.mapped.sum()), changed(areas.mapped)
    console.print(
        Text.assemble(
            ("Change ", "bold"),
            f"{first} → {second}: ",
            (f"{format_hectares(moved)} ha", "bold"),
            f" of {format_hectares(ground)} ha changed",
        )
    )
    console.print(_ways_table(result))
    if len(areas.classes) <= _MOST_COLUMNS:
        console.print(_matrix_table(result))
    if moved > 0:
        console.print(_largest_table(result))
    else:
        console.print(Text("Nothing is left that changed.", style="yellow"))
    for note in result.notes:
        console.print(Text(note, style="dim"))
    console.print(
        Text(
            "Hectares counted on maps hold the errors of both dates. An estimate with its standard error needs "
            "reference points of both: lulcseg reference change.tif, then lulcseg assess.",
            style="dim",
        )
    )


def _ways_table(result: ChangeResult) -> Table:
    areas = result.areas
    table = Table(title="Area of change", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("by", overflow="fold")
    for heading in ("hectares", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    ground = max(float(areas.subtracted.sum()), 1e-12)
    rows = [("subtraction of the maps", areas.subtracted)]
    if areas.independent is not None:
        rows.append(("probabilities, dates independent", areas.independent))
    if areas.persistent is not None:
        rows.append((f"probabilities, {areas.persistence:.0%} expected to persist", areas.persistent))
    rows.append(("the change map as written", areas.mapped))
    for name, matrix in rows:
        table.add_row(name, format_hectares(changed(matrix)), f"{changed(matrix) / ground:.2%}")
    return table


def _matrix_table(result: ChangeResult) -> Table:
    areas, (first, second) = result.areas, result.record.labels
    classes = areas.classes
    used = [k for k in range(len(classes)) if areas.mapped[k].sum() + areas.mapped[:, k].sum() > 0]
    title = f"Hectares (row: {first}, column: {second})"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("class", overflow="fold")
    for k in used:
        table.add_column(str(classes.classes[k].code), justify="right", no_wrap=True)
    table.add_column("total", justify="right", no_wrap=True)
    for i in used:
        cells = [Text(_cell(areas.mapped[i, j]), style="dim" if i == j else "") for j in used]
        name = Text.assemble(("■ ", classes.classes[i].colour), f"{classes.classes[i].code} {classes.names[i]}")
        table.add_row(name, *cells, _cell(areas.mapped[i].sum()))
    table.add_section()
    table.add_row("total", *(_cell(areas.mapped[:, j].sum()) for j in used), _cell(areas.mapped.sum()), style="bold")
    return table


def _largest_table(result: ChangeResult) -> Table:
    areas, names = result.areas, result.areas.classes.names
    off = areas.mapped * (1 - np.eye(len(names)))
    order = [(int(i), int(j)) for i, j in zip(*np.unravel_index(np.argsort(-off, axis=None), off.shape), strict=True)]
    rows = [(i, j) for i, j in order if off[i, j] > 0]
    table = Table(title="Changes by area", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("from → to", overflow="fold")
    for heading in ("hectares", "of change"):
        table.add_column(heading, justify="right", no_wrap=True)
    total = max(float(off.sum()), 1e-12)
    for i, j in rows[:_LARGEST]:
        name = Text.assemble(("■ ", areas.classes.classes[j].colour), f"{names[i]} → {names[j]}")
        table.add_row(name, format_hectares(off[i, j]), f"{off[i, j] / total:.1%}")
    if len(rows) > _LARGEST:
        rest = sum(off[i, j] for i, j in rows[_LARGEST:])
        table.add_row(f"{len(rows) - _LARGEST} smaller ones", format_hectares(rest), f"{rest / total:.1%}", style="dim")
    return table


def _cell(hectares: float) -> str:
    """Return a figure of three digits or more: nine classes stand on 80 columns."""
    decimals = 2 if hectares < 9.995 else 1 if hectares < 99.95 else 0
    if 1e-6 <= hectares < 0.005:
        return "<0.01"
    return f"{hectares:,.{decimals}f}" if hectares >= 0.005 else "–"
