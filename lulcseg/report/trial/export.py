"""A trial's tables as texts to save: CSV with all numbers, LaTeX and Markdown as printed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.scores import format_score
from lulcseg.report.trial.score_table import year_of
from lulcseg.trials.paper_figures import HUMAN, PaperFigures, paper_figures
from lulcseg.trials.ranking import Ranking
from lulcseg.trials.summary import Summary
from lulcseg.trials.tables import as_latex, as_markdown, ranking_frame, ranking_text, with_interval, write_table

HUMAN_NAME = "digitised polygons"
"""Name of the first row in the texts."""

_KINDS = {"csv": "text/csv", "tex": "text/x-tex", "md": "text/markdown"}
_COLUMNS = {"kappa": "kappa", "mean_f1": "F1", "mean_users": "user's", "mean_producers": "producer's"}


def score_table_texts(ranking: Ranking, labels: Assessment | None) -> dict[str, str]:
    """Return the score table as CSV, LaTeX and Markdown: digitised polygons first, the paper's figures in own columns.

    Args:
        ranking: The ranking of one scene.
        labels: Assessment of the digitised polygons there, if any.
    """
    year = year_of(ranking.view.scene)
    printed = {r.value: paper_figures(ranking.trial.name, r.value, year) if year else None for r in ranking.rows}
    if any(printed.values()):
        printed[HUMAN_NAME] = HUMAN.get(year or 0)
    numbers, words = ranking_frame(ranking), ranking_text(ranking)
    if labels is not None:
        numbers, words = _with_labels(numbers, words, ranking, labels)
    if any(printed.values()):
        for metric, heading in _COLUMNS.items():
            of_value = [_figure(printed.get(value), metric) for value in numbers["value"]]
            numbers[f"paper_{metric}"] = of_value
            words[f"{heading}, paper"] = [
                format_score(_figure(printed.get(value), metric), 2) for value in words["value"].tolist()
            ]
        ranks = {value: "–" if row is None or row.rank is None else str(row.rank) for value, row in printed.items()}
        words["rank, paper"] = [ranks.get(value, "–") for value in words["value"]]
        numbers["paper_rank"] = [ranks.get(value, "–").replace("–", "") for value in numbers["value"]]
    return {"csv": numbers.to_csv(index=False), "tex": as_latex(words), "md": as_markdown(words)}


def class_texts(summaries: Sequence[Summary]) -> dict[str, str]:
    """Return the scores of each class and value as CSV, LaTeX and Markdown."""
    numbers = pd.DataFrame(
        [
            {
                "scene": s.scene,
                "mosaic": s.mosaic or "",
                "class": s.land_class,
                "value": s.value,
                "metric": s.metric,
                **{key: getattr(s, key) for key in ("n", "mean", "sd", "low", "high")},
            }
            for s in summaries
        ]
    )
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for s in summaries:
        row = rows.setdefault((s.land_class, s.value), {"class": s.land_class, "value": s.value})
        row[s.metric] = with_interval(s)
    words = pd.DataFrame(list(rows.values()), dtype=str).rename(
        columns={"f1": "F1", "users": "user's", "producers": "producer's"}
    )
    return {"csv": numbers.to_csv(index=False), "tex": as_latex(words), "md": as_markdown(words)}


def named_files(stem: str, texts: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return by kind the texts with their file names and media types."""
    name = re.sub(r"[^\w.-]+", "_", stem)
    return {kind: {"name": f"{name}.{kind}", "type": _KINDS[kind], "text": text} for kind, text in texts.items()}


def write_exports(folder: Path, exports: dict[str, dict[str, dict[str, str]]]) -> None:
    """Write the files of :func:`named_files` into a folder.

    Raises:
        LulcsegError: A file can't be written.
    """
    for files in exports.values():
        for file in files.values():
            write_table(folder / file["name"], file["text"])


def _with_labels(
    numbers: pd.DataFrame, words: pd.DataFrame, ranking: Ranking, labels: Assessment
) -> tuple[pd.DataFrame, pd.DataFrame]:
    scores = {metric: getattr(labels.scores, metric) for metric in (*_COLUMNS, "overall_accuracy")}
    first = {"scene": ranking.view.scene, "mosaic": "", "value": HUMAN_NAME, "n": 1, **scores}
    said = {heading: format_score(scores[metric]) for metric, heading in _COLUMNS.items()}
    human = dict.fromkeys(words.columns, "–") | {"value": HUMAN_NAME, "than next": ""} | said
    numbers = pd.DataFrame([first, *numbers.to_dict("records")], columns=list(numbers.columns))
    return numbers, pd.DataFrame([human, *words.to_dict("records")], columns=list(words.columns), dtype=str)


def _figure(printed: PaperFigures | None, metric: str) -> float:
    return math.nan if printed is None else float(getattr(printed, metric))
