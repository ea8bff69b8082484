"""The scores of a map's probabilities on the page of a run: table and reliability diagram."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.console_design import estimate_cells
from lulcseg.assessment.console_reliability import SCORE_NAMES, reliability_notes
from lulcseg.pictures.inline_svg import inline_svg
from lulcseg.pictures.reliability_figure import reliability_figure
from lulcseg.run_folder.map_models import calibration_sentence
from lulcseg.run_folder.record_parts import MapEntry

_SHOWN = ("brier", "nll", "ece", "overconfidence")


@dataclass(frozen=True)
class ReliabilityView:
    """Scores of a map's probabilities, ready for the template.

    Attributes:
        rows: Name, estimate, standard error and 95 % interval of each score.
        figure: The reliability diagram.
        notes: Whether the probabilities are calibrated, and what the scores mean, a sentence each.
    """

    rows: list[tuple[str, str, str, str]]
    figure: Markup
    notes: list[str]


def reliability_view(assessment: Assessment, key: str, entry: MapEntry | None) -> ReliabilityView | None:
    """Return the view of an assessment's probabilities; None without any.

    Args:
        assessment: The assessment.
        key: Its anchor in the page.
        entry: The map's entry in the run's record; None: unknown.
    """
    found = assessment.reliability
    if found is None:
        return None
    rows = [(SCORE_NAMES[name], *estimate_cells(getattr(found, name))) for name in _SHOWN]
    about = f"Reliability diagram of {assessment.scene}: accuracy against confidence, {len(found.bins)} bins"
    figure = Markup(inline_svg(reliability_figure(found), f"{key}-reliability", about))
    made = [] if entry is None else [calibration_sentence(entry)]
    return ReliabilityView(rows, figure, [*made, *reliability_notes(found)])
