"""Scores of a map's probabilities as a table in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.console_design import estimate_cells
from lulcseg.assessment.design import UNKNOWN
from lulcseg.assessment.reliability import LEAST_PROBABILITY, Reliability
from lulcseg.assessment.scores import format_score

SCORE_NAMES = {
    "brier": "Brier score (0…2)",
    "nll": "log loss (nats)",
    "ece": "calibration error (ECE)",
    "ece_equal_mass": "ECE, bins of equal mass",
    "classwise_ece": "ECE by class",
    "overconfidence": "confidence − accuracy",
}
"""The scores of :class:`lulcseg.assessment.reliability.Reliability` in words, in the order shown."""


def print_reliability(assessment: Assessment, console: Console | None = None) -> None:
    """Print the scores of the map's probabilities, if there are any.

    Args:
        assessment: The assessment.
        console: Console to print to; default: standard output.
    """
    found = assessment.reliability
    if found is None:
        return
    table = Table(title="Probabilities", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for heading in ("", "estimate", "± SE", "95 %"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for key, label in SCORE_NAMES.items():
        table.add_row(label, *estimate_cells(getattr(found, key)))
    console = console or Console()
    console.print(table)
    for line in reliability_notes(found):
        console.print(Text(line, style="dim"))


def reliability_notes(found: Reliability) -> list[str]:
    """Return what the scores mean, a sentence each."""
    clipped = f"Log loss counts probabilities below {LEAST_PROBABILITY:g}, half a stored step, as that."
    if found.design == UNKNOWN:
        return [f"Plain means at {found.points:,} points, whose design isn't known. {clipped}"]
    return [
        f"From {found.points:,} points, weighted by their design ({found.design}). A calibration error is biased "
        f"upwards: of perfectly calibrated probabilities it would be about {format_score(found.ece_by_chance)} at as "
        f"many points. {clipped}"
    ]
