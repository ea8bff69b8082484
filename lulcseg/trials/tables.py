"""The tables of a trial, as numbers and as printed, and their export."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from lulcseg.assessment.scores import format_score
from lulcseg.files import replacing
from lulcseg.trials.contrasts import Comparison
from lulcseg.trials.ranking import RankedValue, Ranking, percent
from lulcseg.trials.summary import Summary

_SUMMARISED = ("kappa", "overall_accuracy", "mean_f1", "mean_users", "mean_producers", "hours")


def ranking_frame(ranking: Ranking) -> pd.DataFrame:
    """Return a ranking as numbers, one row per value in the trial's order.

    Columns: scene, mosaic, value, level, n; of every score its mean, standard deviation (``_sd``), the bounds of the
    95 % t interval (``_low``, ``_high``) and of the percentile bootstrap (``_bootstrap_low``, ``_bootstrap_high``);
    users_rank, producers_rank, time_rank, score, place, first.
    """
    rows = []
    for r in ranking.rows:
        row: dict[str, object] = {"scene": ranking.view.scene, "mosaic": ranking.view.mosaic or ""}
        row |= {"value": r.value, "level": r.level, "n": r.n}
        for metric in _SUMMARISED:
            s: Summary = getattr(r, metric)
            row |= {metric: s.mean, f"{metric}_sd": s.sd, f"{metric}_low": s.low, f"{metric}_high": s.high}
            row |= {f"{metric}_bootstrap_low": s.bootstrap_low, f"{metric}_bootstrap_high": s.bootstrap_high}
        row |= {
            key: getattr(r, key) for key in ("users_rank", "producers_rank", "time_rank", "score", "place", "first")
        }
        rows.append(row)
    return pd.DataFrame(rows)


def ranking_text(ranking: Ranking, *, with_view: bool = False, narrow: bool = False) -> pd.DataFrame:
    """Return a ranking as printed, one row per value by place.

    Scores are means ± half their 95 % t interval (training spread, reference points fixed). "first" is the share of
    bootstrap draws of the seeds in which the value comes first, "than next" the verdict of the test of its kappa
    against that of the value placed below it.

    Args:
        ranking: The ranking.
        with_view: Name the view in a first column.
        narrow: Include the interval of kappa only, and leave "than next" out, which the neighbours' sentences state.
    """
    others = _mean if narrow else with_interval
    verdicts = {n.better: _verdict(n.better, n.comparison) for n in ranking.neighbours}
    rows = [
        {
            "value": r.value,
            "n": str(r.n),
            "kappa": with_interval(r.kappa),
            "F1": others(r.mean_f1),
            "user's": others(r.mean_users),
            "producer's": others(r.mean_producers),
            "hours": format_score(r.hours.mean, 2),
            "place": "–" if r.place is None else str(r.place),
            "score": _score(r),
            "first": "–" if math.isnan(r.first) else percent(r.first),
            **({} if narrow else {"than next": verdicts.get(r.value, "")}),
        }
        for r in ranking.ranked
    ]
    if with_view:
        rows = [{"maps": ranking.view.title, **row} for row in rows]
    return pd.DataFrame(rows, dtype=str)


def with_interval(summary: Summary) -> str:
    """Return a mean and the half-width of its t interval as text, ``0.712 ± 0.031``; the mean alone without one."""
    if math.isnan(summary.half):
        return format_score(summary.mean)
    return f"{summary.mean:.3f} ± {summary.half:.3f}"


def _mean(summary: Summary) -> str:
    return format_score(summary.mean)


def _score(r: RankedValue) -> str:
    return "–" if math.isnan(r.score) else f"{r.score:g}"


def _verdict(better: str, c: Comparison) -> str:
    if c.verdict != "differs":
        return c.verdict
    return "higher kappa" if (c.estimate > 0) == (c.values[1] == better) else "lower kappa"


def as_markdown(table: pd.DataFrame, *, escape: bool = True) -> str:
    r"""Return a table of texts in Markdown.

    Args:
        table: The table; columns may share a heading.
        escape: Escape characters that Markdown would interpret; False: the cells hold Markdown.

    >>> print(as_markdown(pd.DataFrame({"value": ["batch_10"], "kappa": ["0.71"]})), end="")
    | value | kappa |
    |---|---|
    | batch\_10 | 0.71 |
    """
    rows = [list(table.columns), *table.astype(str).to_numpy().tolist()]
    special = _MARKDOWN if escape else {}
    lines = ["| " + " | ".join(_escaped(cell, special) for cell in row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(table.columns))
    return "\n".join(lines) + "\n"


def as_latex(table: pd.DataFrame) -> str:
    r"""Return a table of texts as a LaTeX ``tabular`` with the rules of the package booktabs."""
    rows = [list(table.columns), *table.astype(str).to_numpy().tolist()]
    lines = [" & ".join(_escaped(cell, _LATEX) for cell in row) + r" \\" for row in rows]
    columns = "l" + "r" * (len(table.columns) - 1)
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    return "\n".join([*body, r"\end{tabular}"]) + "\n"


_MARKDOWN = {character: f"\\{character}" for character in "\\|*_`<[]"} | {"\n": " "}
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "−": "$-$", "–": "--", "²": "$^2$", "\n": " ",
}  # fmt: skip


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def write_table(path: Path, text: str) -> None:
    """Write an exported table, whole or not at all.

    Raises:
        LulcsegError: The file can't be written.
    """
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")
