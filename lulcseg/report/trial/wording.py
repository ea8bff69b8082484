"""What the trial page says in words: its answer, and how its figures are to be read."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.assessment.scores import format_score
from lulcseg.report.score_tables import design_note
from lulcseg.report.trial.score_views import ViewComparison
from lulcseg.trials.contrasts import NO_RANK_TESTS
from lulcseg.trials.ranking import Ranking
from lulcseg.trials.rule import RULE, TIE_RULES
from lulcseg.trials.summary import FEW_POINTS, SPREAD

LEGENDS = {
    "printed": "“paper” is what Clark, Phinn & Scarth print for the same value (Tables 6, 8, 9, 11): five models, on "
    "their own imagery and ground, the interval of an unstated kind. It shows which way things went there; on other "
    "ground the levels aren’t to be compared.",
    "boxes": "A box a value, over its replicates: the box spans the quartiles, its bar is the median, the whiskers "
    "reach the extremes; with ten replicates or fewer each is a dot besides. User’s accuracy of a class that a "
    "map lacks is undefined and not drawn; in averages it counts 0.",
    "classes": f"Mean over the replicates, and its 95 % t interval: {SPREAD}. * fewer than {FEW_POINTS} reference "
    "points: the figure moves by several hundredths with a single point.",
    "time": "A dot a replicate, a diamond the mean of a value.",
    "curves": "Mean over the seeds of each value; the band reaches from the least to the most.",
    "maps": "Drag over the picture, or focus it and use the arrow keys. Maps are shown at the commonest class of each "
    "picture pixel’s ground. Press a class to see it alone. Beyond ten classes the colour-blind-safe colours repeat.",
}
"""How each part is to be read."""


@dataclass(frozen=True)
class Answer:
    """What can be told of one scene."""

    sentence: str
    told: bool
    named: str


def answer_of(ranking: Ranking) -> Answer:
    """Say what the comparison named beforehand tells; without one, what there is instead."""
    contrast = ranking.contrast
    if contrast is not None:
        what = "the slope of kappa on log₂ of the value" if contrast.kind == "slope" else (
            f"{contrast.values[1]} against {contrast.values[0]}"
        )  # fmt: skip
        sentence = (
            contrast.sentence.replace(" p <", " p\u00a0<").replace("< 0", "<\u00a00").replace(" p 0", " p\u00a00")
        )
        if contrast.kind == "slope":  # it begins with the score's name, a difference with a value's
            sentence = sentence[0].upper() + sentence[1:]
        return Answer(sentence, contrast.verdict != "inconclusive", f"Named before the trial was run: {what}.")
    scored = [r for r in ranking.rows if r.n]
    if len(scored) == 1:
        kappa = scored[0].kappa
        spread = "" if kappa.n < 2 else f" (95 % interval {kappa.low:.3f} to {kappa.high:.3f}, {SPREAD})"
        runs = "1 run" if kappa.n == 1 else f"{kappa.n} runs"
        return Answer(f"{scored[0].value}: kappa {format_score(kappa.mean)}{spread}, {runs}.", told=True, named="")
    return Answer(
        "No comparison was named before the trial was run: the pairs below are exploratory.", told=False, named=""
    )


def ranks_note(ranking: Ranking) -> str:
    """Say how the table's intervals, ranks and last column are to be read."""
    return (
        f"Small figures are 95 % t intervals over the replicates: {SPREAD}. On kappa’s bar "
        "each dot is a replicate. "
        f"{RULE} Ties: {TIE_RULES[ranking.ties]}. “First” is how often a value comes first when the seeds are drawn "
        f"anew. "
        f"{NO_RANK_TESTS}"
    )


def points_note(comparison: ViewComparison) -> str:
    """Say what the reference points are, by the first map."""
    first = next(s.result for own in comparison.scored for s in own)
    return f"{first.scores.n_scored:,} of {first.n_points:,} {first.places} scored. " + design_note(first).replace(
        " The thin bars are 95 % Wilson intervals: how far another draw of points might have moved the figure for this "
        "map. They don't say how another training run would score.",
        "",
    )
