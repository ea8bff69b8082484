"""Tables of a trial's scores: the layout of the paper's Table 6 with ours beside it, and the scores of each class."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lulcseg.assessment.assessment import Assessment
from lulcseg.report.interval_figure import IntervalFigure
from lulcseg.report.trial.score_views import METRICS, ViewComparison
from lulcseg.trials.paper_figures import HUMAN, HUMAN_HOURS, PaperFigures, paper_figures
from lulcseg.trials.ranking import RankedValue, Ranking
from lulcseg.trials.summary import FEW_POINTS, Summary
from lulcseg.trials.trial_reader import Trial

_SCORES = ("kappa", "mean_f1", "mean_users", "mean_producers")
_YEAR = re.compile(r"(?<!\d)(2015|2018)(?!\d)")


@dataclass(frozen=True)
class ValueRow:
    """A value's row.

    Attributes:
        name: The value.
        n: Replicates that have scores.
        planned: Replicates planned.
        hours: Training time.
        kappa: Kappa.
        others: Mean F1, mean user's and mean producer's accuracy.
        place: Place by the paper's rule.
        printed_rank: Rank that the paper prints.
        first: How often the value ranks first under resampled seeds, as text.
        first_sort: The same as a number.
    """

    name: str
    n: int
    planned: int
    hours: IntervalFigure
    kappa: IntervalFigure
    others: list[IntervalFigure]
    place: int | None
    printed_rank: int | None
    first: str
    first_sort: float

    @property
    def short(self) -> bool:
        """Whether replicates are missing."""
        return self.n < self.planned


@dataclass(frozen=True)
class HumanRow:
    """The row of the digitised polygons, scored as if they were a map."""

    hours: IntervalFigure
    kappa: IntervalFigure
    others: list[IntervalFigure]


@dataclass(frozen=True)
class ScoreTable:
    """The table of one scene, in the layout of the paper's Table 6.

    Attributes:
        factor: Heading of the first column.
        human: The digitised polygons, if they were assessed.
        rows: The values, in order.
        neighbours: Conclusions on values next to each other by rank.
        pairs: Conclusions on all other pairs.
        notes: Notes on the ranks.
        export: Key of the table's exported texts.
        has_printed: Whether the paper's figures are printed with ours.
        scale: Kappa at both ends of its bars.
    """

    factor: str
    human: HumanRow | None
    rows: list[ValueRow]
    neighbours: list[str]
    pairs: list[str]
    notes: list[str]
    export: str
    has_printed: bool
    scale: tuple[float, float]


@dataclass(frozen=True)
class ValueClassRow:
    """A class's row, one cell per value."""

    name: str
    index: int
    points: int
    few: bool
    cells: list[IntervalFigure]


@dataclass(frozen=True)
class ClassTable:
    """One accuracy measure of every class and value."""

    title: str
    values: list[str]
    rows: list[ValueClassRow]
    few: int = field(default=FEW_POINTS)


def score_table(ranking: Ranking, labels: Assessment | None, export: str) -> ScoreTable:
    """Lay out a ranking like the paper's Table 6.

    Args:
        ranking: The ranking of one scene.
        labels: Assessment of the digitised polygons there, if any.
        export: Key of the table's exported texts.
    """
    trial, year = ranking.trial, year_of(ranking.view.scene)
    printed = {r.value: paper_figures(trial.name, r.value, year) if year else None for r in ranking.rows}
    has_printed = any(printed.values())
    own = set(trial.notes)
    scale = _scale([*(r.kappa for r in ranking.rows)], labels)
    return ScoreTable(
        factor=trial.factor or "Value",
        human=None if labels is None else _human(labels, HUMAN.get(year or 0) if has_printed else None, scale),
        rows=[_row(r, printed[r.value], len(trial.seeds), scale) for r in ranking.rows],
        neighbours=[n.sentence for n in ranking.neighbours],
        pairs=[p.sentence for p in ranking.pairs],
        notes=[
            *(note for note in ranking.notes if note not in own),
            *([] if ranking.time_counts else ["Training times differ by too little to count in the rank."]),
        ],
        export=export,
        has_printed=has_printed,
        scale=scale,
    )


def year_of(scene: str) -> int | None:
    """Return the year of the paper's image that a scene's name contains; None if it contains neither or both.

    Example:
        >>> year_of("synthetic2018"), year_of("west")
        (2018, None)
    """
    found = {int(year) for year in _YEAR.findall(scene)}
    return found.pop() if len(found) == 1 else None


def class_tables(
    comparison: ViewComparison, summaries: Sequence[Summary], trial: Trial, indices: dict[str, int]
) -> list[ClassTable]:
    """Lay out the accuracy measures of each class, one table per measure.

    Args:
        comparison: The scene.
        summaries: Result of :func:`lulcseg.trials.summary.summarise_classes`.
        trial: The trial.
        indices: Each class's place in the page's list of classes.
    """
    by_key = {(s.metric, s.land_class, s.value): s for s in summaries}
    values = [v.name for v in trial.values]
    points = comparison.points()
    return [
        ClassTable(
            title,
            values,
            [
                ValueClassRow(
                    name, indices[name], n, n < FEW_POINTS, [_estimate(by_key[metric, name, value]) for value in values]
                )
                for name, n in zip(comparison.names, points, strict=True)
            ],
        )
        for metric, title in METRICS.items()
    ]


def _row(r: RankedValue, printed: PaperFigures | None, planned: int, scale: tuple[float, float]) -> ValueRow:
    cells = [_estimate(getattr(r, metric), _paper_text(printed, metric)) for metric in _SCORES]
    hours = IntervalFigure(
        r.hours.mean,
        paper="" if printed is None or printed.hours is None else f"{printed.hours:g}",
        digits=2 if not r.hours.mean < 0.1 else 4,
    )
    certain = not math.isnan(r.first)
    return ValueRow(
        name=r.value,
        n=r.n,
        planned=planned,
        hours=hours,
        kappa=replace(cells[0], scale=scale),
        others=cells[1:],
        place=r.place,
        printed_rank=None if printed is None else printed.rank,
        first=f"{100 * r.first:.0f} %" if certain else "–",
        first_sort=r.first if certain else -1.0,
    )


def _human(labels: Assessment, printed: PaperFigures | None, scale: tuple[float, float]) -> HumanRow:
    cells = [IntervalFigure(getattr(labels.scores, m), paper=_paper_text(printed, m)) for m in _SCORES]
    return HumanRow(
        IntervalFigure(math.nan, paper=f"> {HUMAN_HOURS}" if printed else ""), replace(cells[0], scale=scale), cells[1:]
    )


def _paper_text(printed: PaperFigures | None, metric: str) -> str:
    if printed is None:
        return ""
    text = f"{getattr(printed, metric):.2f}"
    if metric == "kappa" and printed.kappa_interval is not None:
        text += " ({:.2f}–{:.2f})".format(*printed.kappa_interval)
    return text


def _estimate(summary: Summary, paper: str = "") -> IntervalFigure:
    return IntervalFigure(summary.mean, summary.low, summary.high, summary.scores, paper)


def _scale(kappas: Sequence[Summary], labels: Assessment | None) -> tuple[float, float]:
    """Return the tenths, within −1…1, between which all replicates, intervals and the digitised polygons lie."""
    figures = [x for s in kappas for x in (*s.scores, s.low, s.high)]
    figures += [] if labels is None else [labels.scores.kappa]
    known = [x for x in figures if not math.isnan(x)] or [0.0]
    low = max(math.floor(min(known) * 10) / 10, -1.0)
    return low, max(min(math.ceil(max(known) * 10) / 10, 1.0), low + 0.1)
