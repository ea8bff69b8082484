"""The estimated area of change in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lulcseg.assessment.console_design import estimate_cells
from lulcseg.change.assess_change import ChangeAssessment


def print_change_area(result: ChangeAssessment, console: Console | None = None) -> None:
    """Print area and accuracy of change as a whole, if the design allows estimates.

    Args:
        result: The assessment.
        console: Console to print to; default: standard output.
    """
    if result.change is None:
        return
    console = console or Console()
    title = f"Change {result.labels[0]} → {result.labels[1]} as a whole, by design"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for heading in ("", "mapped", "estimate", "± SE", "95 %"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    change = result.change.classes[0]
    table.add_row("hectares", f"{change.mapped_hectares:,.2f}", *estimate_cells(change.hectares, ",.2f"))
    table.add_row("share of the ground", "", *estimate_cells(change.share, ".4f"))
    table.add_row("user's accuracy", "", *estimate_cells(change.users))
    table.add_row("producer's accuracy", "", *estimate_cells(change.producers))
    table.add_row("overall accuracy", "", *estimate_cells(result.change.overall))
    console.print(table)
    for warning in result.change.warnings:
        console.print(Text(warning, style="yellow"))
    console.print(Text(f"Formulae: {result.change.estimator}.", style="dim"))
