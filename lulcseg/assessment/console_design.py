"""Design-based estimates as tables in the terminal."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.design import Estimate
from lulcseg.scene.format_quantities import format_hectares


def print_design(assessment: Assessment, console: Console | None = None) -> None:
    """Print the estimates for the whole map, or why there are none.

    Args:
        assessment: The assessment.
        console: Console to print to; default: standard output.
    """
    console = console or Console()
    found = assessment.design_based
    if found is None:
        if assessment.design_note:
            console.print(Text(assessment.design_note, style="dim"))
        return
    console.print(Text(f"By design: {found.design}", style="bold"))
    console.print(Text(found.sentence))
    figures = Table(box=SIMPLE_HEAD)
    for heading in ("", "estimate", "± SE", "95 %"):
        figures.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for label, estimate in (
        ("overall accuracy", found.overall),
        ("kappa", found.kappa),
        ("mean F1", found.mean_f1),
        ("mean user's", found.mean_users),
        ("mean producer's", found.mean_producers),
    ):
        figures.add_row(label, *estimate_cells(estimate))
    console.print(figures)
    classes = Table(title="Per class, by design", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    classes.add_column("class", overflow="fold")
    wide = console.width >= 120
    for heading in ("user's", "producer's", "F1"):
        for column in (heading, "± SE", *(["95 %"] if wide else [])):
            classes.add_column(column, justify="right", no_wrap=True)
    areas = Table(title="Areas (ha), by the reference", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    areas.add_column("class", overflow="fold")
    for heading in ("mapped", "estimate", "± SE", "95 %"):
        areas.add_column(heading, justify="right", no_wrap=True)
    for c, land_class in zip(found.classes, assessment.legend, strict=True):
        name = Text.assemble(("■ ", land_class.colour), c.name)
        cells = [estimate_cells(e) if wide else estimate_cells(e)[:2] for e in (c.users, c.producers, c.f1)]
        classes.add_row(name, *(cell for group in cells for cell in group))
        mapped = "–" if isnan(c.mapped_hectares) else format_hectares(c.mapped_hectares)
        areas.add_row(name.copy(), mapped, *estimate_cells(c.hectares, format_hectares))
    console.print(classes)
    console.print(areas)
    for warning in found.warnings:
        console.print(Text(warning, style="yellow"))
    console.print(Text(f"Formulae: {found.estimator}. ± SE: standard error, by the draw of points alone.", style="dim"))


def estimate_cells(estimate: Estimate, form: str | Callable[[float], str] = ".3f") -> tuple[str, str, str]:
    """Return an estimate, its standard error and its interval as text, – where undefined.

    Args:
        estimate: The estimate.
        form: How numbers are formatted: a format, or a function.
    """

    def shown(value: float) -> str:
        if isnan(value):
            return "–"
        text = form(value) if callable(form) else format(value, form)
        return (text if text.strip("-0.,") else text.lstrip("-")).replace("-", "−")  # nothing has no sign

    between = " to " if estimate.low < 0 else "–"
    bounds = "–" if isnan(estimate.low) else f"{shown(estimate.low)}{between}{shown(estimate.high)}"
    return shown(estimate.value), shown(estimate.se), bounds
