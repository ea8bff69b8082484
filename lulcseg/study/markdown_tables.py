"""The study's tables as Markdown: the paper's layouts with our scores beside it, and the answer to each question."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lulcseg.study.effects import DIFFERS, FEWEST, SAME, in_view
from lulcseg.study.landscape_units import LANDSCAPE, unit_means
from lulcseg.study.questions import Questions, StudyView
from lulcseg.trials.paper_figures import HUMAN, PAPER, PaperFigures
from lulcseg.trials.paper_ranking_rule import paper_ranks
from lulcseg.trials.summary import t_interval
from lulcseg.trials.tables import as_markdown

METRICS = {"kappa": "kappa", "mean_f1": "F1", "mean_users": "UA", "mean_producers": "PA"}
MISSING = "·"


def beside_paper(whole: pd.DataFrame, view: StudyView, year: int, groups: Sequence[str]) -> str:
    """Return a table laid out like the paper's Tables 6, 9 and 11: each value's scores, and the paper's beside them.

    Args:
        whole: Scores of whole maps.
        view: Our maps.
        year: Year of the image that the paper scored.
        groups: The paper's groups of values, each ranked within itself (:mod:`lulcseg.trials.paper_figures`).

    Returns:
        A Markdown table: ours as mean ± half the 95 % t interval over landscapes.
    """
    heads = list(METRICS.values())
    columns = ["trial", "value", "n", "minutes", *heads, "rank", "paper: hours", *heads, "rank"]
    found: list[list[str]] = []
    for group in groups:
        printed = [row for row in PAPER if row.group == group and row.year == year]
        ours = {row.value: in_view(whole, row.trial, row.value, view) for row in printed}
        places = _places(ours)
        found += [_row(row, ours[row.value], places.get(row.value)) for row in printed]
    human = in_view(whole, "human", "manual", view)
    if len(human):
        found.append(_row(HUMAN[year], human, None))
    return _markdown(columns, found)


def _row(printed: PaperFigures, ours: pd.DataFrame, place: int | None) -> list[str]:
    minutes = ours["training_seconds"].mean() / 60 if len(ours) else math.nan
    cells = [printed.group or printed.trial, printed.value, str(len(ours)), _format_number(minutes, 1)]
    cells += [_spread_of(ours, metric) for metric in METRICS]
    cells += [MISSING if place is None else str(place), _format_number(printed.hours, 1)]
    cells += [_format_number(getattr(printed, metric), 2) for metric in METRICS]
    return [*cells, MISSING if printed.rank is None else str(printed.rank)]


def _places(ours: dict[str, pd.DataFrame]) -> dict[str, int]:
    """Return each value's place by the paper's rule; empty if fewer than two values have scores."""
    known = {value: rows for value, rows in ours.items() if len(rows)}
    if len(known) < 2:
        return {}
    means = pd.DataFrame(
        {v: r[["mean_users", "mean_producers", "training_seconds"]].mean() for v, r in known.items()}
    ).T
    ranked = paper_ranks(means["mean_users"], means["mean_producers"], means["training_seconds"] / 3600)
    return dict(zip(known, ranked.place.tolist(), strict=True))


def by_value(whole: pd.DataFrame, trial: str, views: Sequence[StudyView], metric: str = "kappa") -> str:
    """Return a table of one score: one row per value of a trial, one column per view.

    Args:
        whole: Scores of whole maps.
        trial: Name of the trial.
        views: The views; those without a map are left out.
        metric: The score.
    """
    rows = whole[whole["trial"] == trial]
    names = list(dict.fromkeys(rows.sort_values(["level", "value"], na_position="last")["value"]))
    scored = {view.title: [in_view(whole, trial, value, view) for value in names] for view in views}
    shown = {title: found for title, found in scored.items() if any(len(each) for each in found)}
    table = []
    for i, value in enumerate(names):
        own = rows[rows["value"] == value]
        cells = [
            value,
            _format_number(own["training_seconds"].mean() / 60, 1),
            _format_number(own["map_seconds"].mean(), 1),
        ]
        cells += [_spread_of(found[i], metric) for found in shown.values()]
        table.append(cells)
    return _markdown(["value", "minutes", "map, s", *shown], table)


def answers(found: pd.DataFrame, questions: Questions) -> str:
    """Return what each question found in the view that its conclusion rests on, and the effects in the others."""
    columns = ["row", "question", "effect", "95 % interval", "p", "p by Holm", "n", "told", "elsewhere"]
    table = []
    for q in questions.questions:
        rows = found[found["question"] == q.id]
        main = rows[rows["primary"]]
        if main.empty:
            table.append([q.id, q.text, "not run", *[""] * 6])
            continue
        row = main.iloc[0]
        others = [f"{r['view']} {format_effect(r['effect'])}{_mark(r)}" for _, r in rows[~rows["primary"]].iterrows()]
        interval = f"{format_effect(row['low'])} to {format_effect(row['high'])}"
        table.append([
            row["row"], q.text, format_effect(row["effect"]), interval,
            format_p(row["p"]), format_p(row["p_holm"]), str(row["n"]), row["verdict"], ", ".join(others),
        ])  # fmt: skip
    return _markdown(columns, table)


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose cells are Markdown, without the last line's end."""
    return as_markdown(pd.DataFrame(rows, columns=list(columns)), escape=False).removesuffix("\n")


def _mark(row: pd.Series) -> str:
    return {DIFFERS: "\\*", SAME: "="}.get(str(row["verdict"]), "")


def _spread_of(rows: pd.DataFrame, metric: str) -> str:
    return format_spread(unit_means(rows[metric].to_numpy(), rows[LANDSCAPE].tolist()))


def format_spread(values: np.ndarray) -> str:
    """Return the mean ± half its 95 % t interval as text; of fewer than three values the mean and their number.

    Example:
        >>> format_spread(np.array([0.6, 0.7, 0.8])), format_spread(np.array([0.6, 0.7]))
        ('0.700 ± 0.248', '0.650 (n = 2)')
    """
    if not len(values):
        return MISSING
    low, high = t_interval(values)
    mean = f"{float(np.mean(values)):.3f}"
    return f"{mean} (n = {len(values)})" if len(values) < FEWEST else f"{mean} ± {(high - low) / 2:.3f}"


def format_effect(x: float) -> str:
    """Return an effect with its sign, as text.

    Example:
        >>> format_effect(-0.0123)
        '−0.012'
    """
    return MISSING if math.isnan(x) else f"{x:+.3f}".replace("-", "−")


def format_p(p: float) -> str:
    """Return a p value as text.

    Example:
        >>> format_p(0.0004), format_p(0.0412)
        ('< 0.001', '0.041')
    """
    return MISSING if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _format_number(x: float | None, digits: int) -> str:
    return MISSING if x is None or math.isnan(x) else f"{x:.{digits}f}"
