"""The sentences of a trial's page: its conclusion, and how to read its figures."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.assessment.scores import format_score
from lulcseg.report.accuracy_table import SIMPLE_RANDOM_NOTE, design_note
from lulcseg.report.trial.score_views import ViewComparison
from lulcseg.trials.contrasts import NO_RANK_TESTS, metric_name
from lulcseg.trials.paper_ranking_rule import RULE, TIE_RULES
from lulcseg.trials.ranking import Ranking
from lulcseg.trials.summary import FEW_POINTS, SPREAD

LEGENDS = {
    "printed": "“paper” is what Clark, Phinn & Scarth print for the same value (Tables 6, 8, 9, 11): five models, on "
    "their own imagery and ground, with an interval of an unstated kind. It shows the direction of effects there; on "
    "other ground the levels are not comparable.",
    "boxes": "One box per value, over its replicates: the box spans the quartiles, its bar is the median, the whiskers "
    "reach the extremes; up to ten replicates are drawn as dots as well. User’s accuracy of a class that a map "
    "lacks is undefined and not drawn; in averages it counts 0.",
    "classes": f"Mean over the replicates, and its 95 % t interval: {SPREAD}. * fewer than {FEW_POINTS} reference "
    "points: a single point moves the figure by several hundredths.",
    "time": "One dot per replicate; the diamond is the mean of a value.",
    "curves": "Mean over the seeds of each value; the band reaches from minimum to maximum.",
    "maps": "Drag over the picture, or focus it and use the arrow keys. A picture pixel has the commonest class of its "
    "ground. Press a class to highlight it. Beyond ten classes the colour-blind-safe colours repeat.",
}
"""How to read each part of the page."""


@dataclass(frozen=True)
class Answer:
    """The conclusion on one scene.

    Attributes:
        sentence: The conclusion.
        conclusive: Whether the data allow one.
        named: The contrast named before the trial.
    """

    sentence: str
    conclusive: bool
    named: str


def answer_of(ranking: Ranking) -> Answer:
    """Return the conclusion from the contrast named before the trial; without one, what is known instead."""
    contrast = ranking.contrast
    if contrast is not None:
        score = "" if contrast.metric == "kappa" else f", {metric_name(contrast.metric)}"
        what = f"the slope of {metric_name(contrast.metric)} on log₂ of the value" if contrast.kind == "slope" else (
            f"{contrast.values[1]} against {contrast.values[0]}{score}"
        )  # fmt: skip
        sentence = (
            contrast.sentence.replace(" p <", " p\u00a0<").replace("< 0", "<\u00a00").replace(" p 0", " p\u00a00")
        )
        if contrast.kind == "slope":  # it begins with the score's name, a difference with a value's
            sentence = sentence[0].upper() + sentence[1:]
        return Answer(sentence, contrast.verdict != "inconclusive", f"Contrast named before the trial: {what}.")
    scored = [r for r in ranking.rows if r.n]
    if len(scored) == 1:
        kappa = scored[0].kappa
        spread = "" if kappa.n < 2 else f" (95 % interval {kappa.low:.3f} to {kappa.high:.3f}, {SPREAD})"
        runs = "1 run" if kappa.n == 1 else f"{kappa.n} runs"
        return Answer(
            f"{scored[0].value}: kappa {format_score(kappa.mean)}{spread}, {runs}.", conclusive=True, named=""
        )
    return Answer(
        "No contrast was named before the trial: the pairs below are exploratory.", conclusive=False, named=""
    )


def ranks_note(ranking: Ranking) -> str:
    """Return how to read the table's intervals, ranks and last column."""
    return (
        f"Small figures are 95 % t intervals over the replicates: {SPREAD}. On kappa’s bar each dot is a replicate. "
        f"{RULE} Ties: {TIE_RULES[ranking.ties]}. “First” is how often a value ranks first when the seeds are "
        f"resampled. {NO_RANK_TESTS}"
    )


def points_note(comparison: ViewComparison) -> str:
    """Return what the reference points are, according to the first map."""
    first = next(s.result for own in comparison.scored for s in own)
    note = design_note(first).replace(SIMPLE_RANDOM_NOTE, "")  # the table has no such bars
    return f"{first.scores.n_scored:,} of {first.n_points:,} {first.places} scored. {note}"
