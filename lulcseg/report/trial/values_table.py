"""The trial page's tables as plain values: the paper's Table 6 with ours, and the figures of each class."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.scores import format_score
from lulcseg.report.trial.score_views import METRICS, ViewComparison
from lulcseg.trials.paper import HUMAN, HUMAN_HOURS, PaperFigures, paper_figures
from lulcseg.trials.ranking import RankedValue, Ranking
from lulcseg.trials.summary import FEW_POINTS, Summary
from lulcseg.trials.trial_reader import Trial

_SCORES = ("kappa", "mean_f1", "mean_users", "mean_producers")
_YEAR = re.compile(r"(?<!\d)(2015|2018)(?!\d)")


@dataclass(frozen=True)
class SpreadCell:
    """A mean over replicates, with its interval and its replicates.

    Attributes:
        mean: The mean.
        low: Lower end of its interval, NaN where there is none.
        high: Its upper end.
        scores: The replicates' own scores.
        printed: What the paper prints, as text.
        digits: Decimals to show.
        scale: Figures at the left and the right end of its bar.
    """

    mean: float
    low: float = math.nan
    high: float = math.nan
    scores: tuple[float, ...] = ()
    printed: str = ""
    digits: int = 3
    scale: tuple[float, float] = (0.0, 1.0)

    @property
    def exists(self) -> bool:
        """Whether there is a mean."""
        return not math.isnan(self.mean)

    @property
    def text(self) -> str:
        """The mean as printed."""
        return format_score(self.mean, self.digits)

    @property
    def interval(self) -> str:
        """The interval as printed, empty without one."""
        return "" if math.isnan(self.low) else f"{self.low:.2f}–{self.high:.2f}"

    @property
    def sort(self) -> float:
        """What the column is sorted by; what isn't there comes last."""
        return self.mean if self.exists else -99.0

    @property
    def percent(self) -> float:
        """Place of the mean along its bar."""
        return self._along(self.mean)

    @property
    def span(self) -> tuple[float, float] | None:
        """Left end and width of the interval along the bar."""
        if math.isnan(self.low):
            return None
        return self._along(self.low), round(self._along(self.high) - self._along(self.low), 2)

    @property
    def dots(self) -> list[float]:
        """Places of the replicates along the bar."""
        return [self._along(score) for score in self.scores]

    def _along(self, score: float) -> float:
        low, high = self.scale
        return round(100 * min(max((score - low) / (high - low), 0.0), 1.0), 2)


@dataclass(frozen=True)
class TrialRow:
    """A value's row of Table 6."""

    name: str
    n: int
    wanted: int
    hours: SpreadCell
    kappa: SpreadCell
    others: list[SpreadCell]
    place: int | None
    printed_rank: int | None
    first: str
    first_sort: float

    @property
    def short(self) -> bool:
        """Whether replicates are missing."""
        return self.n < self.wanted


@dataclass(frozen=True)
class HumanRow:
    """The row of the digitised polygons."""

    hours: SpreadCell
    kappa: SpreadCell
    others: list[SpreadCell]


@dataclass(frozen=True)
class TableView:
    """Table 6 of one scene.

    Attributes:
        factor: Heading of the first column.
        human: The digitised polygons, where they were assessed.
        rows: The values in order.
        neighbours: What can be told of each two values next to each other by rank.
        pairs: What can be told of all pairs.
        notes: What must be known of the ranks.
        export: Key of the texts to save.
        has_printed: Whether the paper's figures stand beside ours.
        scale: Figures at both ends of kappa's bars.
    """

    factor: str
    human: HumanRow | None
    rows: list[TrialRow]
    neighbours: list[str]
    pairs: list[str]
    notes: list[str]
    export: str
    has_printed: bool
    scale: tuple[float, float]


@dataclass(frozen=True)
class ValueClassRow:
    """A class's row: a cell a value."""

    name: str
    index: int
    points: int
    few: bool
    cells: list[SpreadCell]


@dataclass(frozen=True)
class ClassTable:
    """One figure of every class and value."""

    title: str
    values: list[str]
    rows: list[ValueClassRow]
    few: int = field(default=FEW_POINTS)


def table_six(ranking: Ranking, labels: Assessment | None, export: str) -> TableView:
    """Lay a ranking out as the paper's Table 6.

    Args:
        ranking: The ranking of one scene.
        labels: How the digitised polygons scored there.
        export: Key of the texts to save.
    """
    trial, year = ranking.trial, year_of(ranking.view.scene)
    printed = {r.value: paper_figures(trial.name, r.value, year) if year else None for r in ranking.rows}
    has_printed = any(printed.values())
    own = set(trial.notes)
    scale = _scale([*(r.kappa for r in ranking.rows)], labels)
    return TableView(
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
    """Return the year of the paper's image that a scene's name holds, None where it holds neither or both."""
    found = {int(year) for year in _YEAR.findall(scene)}
    return found.pop() if len(found) == 1 else None


def class_tables(
    comparison: ViewComparison, summaries: Sequence[Summary], trial: Trial, indices: dict[str, int]
) -> list[ClassTable]:
    """Lay the figures of each class out, a table a figure.

    Args:
        comparison: The scene.
        summaries: What :func:`lulcseg.trials.summary.summarise_classes` gives.
        trial: The trial.
        indices: Each class's place in the page's list.
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
                    name, indices[name], n, n < FEW_POINTS, [_cell(by_key[metric, name, value]) for value in values]
                )
                for name, n in zip(comparison.names, points, strict=True)
            ],
        )
        for metric, title in METRICS.items()
    ]


def _row(r: RankedValue, printed: PaperFigures | None, wanted: int, scale: tuple[float, float]) -> TrialRow:
    beside = [_printed(printed, metric) for metric in _SCORES]
    cells = [_cell(getattr(r, metric), text) for metric, text in zip(_SCORES, beside, strict=True)]
    hours = SpreadCell(
        r.hours.mean,
        printed="" if printed is None or printed.hours is None else f"{printed.hours:g}",
        digits=2 if not r.hours.mean < 0.1 else 4,
    )
    certain = not math.isnan(r.first)
    return TrialRow(
        name=r.value,
        n=r.n,
        wanted=wanted,
        hours=hours,
        kappa=replace(cells[0], scale=scale),
        others=cells[1:],
        place=r.place,
        printed_rank=None if printed is None else printed.rank,
        first=f"{100 * r.first:.0f} %" if certain else "–",
        first_sort=r.first if certain else -1.0,
    )


def _human(labels: Assessment, printed: PaperFigures | None, scale: tuple[float, float]) -> HumanRow:
    cells = [SpreadCell(getattr(labels.scores, m), printed=_printed(printed, m)) for m in _SCORES]
    return HumanRow(
        SpreadCell(math.nan, printed=f"> {HUMAN_HOURS}" if printed else ""), replace(cells[0], scale=scale), cells[1:]
    )


def _printed(printed: PaperFigures | None, metric: str) -> str:
    if printed is None:
        return ""
    text = f"{getattr(printed, metric):.2f}"
    if metric == "kappa" and printed.kappa_interval is not None:
        text += " ({:.2f}–{:.2f})".format(*printed.kappa_interval)
    return text


def _cell(summary: Summary, printed: str = "") -> SpreadCell:
    return SpreadCell(summary.mean, summary.low, summary.high, summary.scores, printed)


def _scale(kappas: Sequence[Summary], labels: Assessment | None) -> tuple[float, float]:
    """Return tenths that hold all replicates, their intervals and the digitised polygons, within −1…1."""
    figures = [x for s in kappas for x in (*s.scores, s.low, s.high)]
    figures += [] if labels is None else [labels.scores.kappa]
    known = [x for x in figures if not math.isnan(x)] or [0.0]
    low = max(math.floor(min(known) * 10) / 10, -1.0)
    return low, max(min(math.ceil(max(known) * 10) / 10, 1.0), low + 0.1)
