"""One tidy table of all scores of trials' runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.trials.replicates import Replicate
from lulcseg.trials.scores_by_seed import AVERAGED, OF_PROBABILITIES, PER_CLASS, WHOLE_MAP
from lulcseg.trials.trial_reader import Trial

COLUMNS = (
    "trial", "value", "level", "seed", "run", "state", "scene", "mosaic", "compared", "subset", "class", "metric",
    "score", "n", "training_seconds", "reading_seconds", "peak_memory_bytes", "energy_wh", "plan", "fingerprint",
)  # fmt: skip
"""Columns of the table, in order."""

_TEXT = ("trial", "value", "run", "state", "scene", "mosaic", "compared", "subset", "class", "metric", "plan",
         "fingerprint")  # fmt: skip

_SUFFIXES = (".parquet", ".csv")


def collect(trials: Iterable[Trial]) -> pd.DataFrame:
    """Return the scores of all runs, complete or not.

    Args:
        trials: The trials.

    Returns:
        One row per run × assessment × class × metric, with :data:`COLUMNS`. ``class`` is "" for scores of the whole
        map; ``subset`` distinguishes scores at all points from those inside and outside the training patches; ``n``
        is the number of points that a score is computed from: all scored points, those of the class in the reference
        (producer's accuracy, F1) or on the map (user's accuracy); for averages over classes, the number of classes.
        ``mosaic`` is "" for the digitised labels. A run without assessments has one row without scores.
    """
    rows: list[tuple[Any, ...]] = []
    for trial in trials:
        for r in trial.replicates:
            before, after = _run_columns(trial, r)
            rows += [(*before, *scored, *after) for scored in _scored_rows(r)]
    table = pd.DataFrame.from_records(rows, columns=list(COLUMNS))
    numbers = [column for column in COLUMNS if column not in (*_TEXT, "seed")]
    types = {"seed": "int64"} | dict.fromkeys(numbers, "float64") | dict.fromkeys(_TEXT, "str")
    return table.astype(types)


def _run_columns(trial: Trial, r: Replicate) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the columns that a run's rows share: those before its scores, and those after."""
    run = r.path.relative_to(trial.folder).as_posix()
    before = (r.trial, r.value, r.level, r.seed, run, r.state)
    after = (r.training_seconds, r.reading_seconds, r.peak_memory_bytes, r.energy_wh, r.plan_digest, r.fingerprint)
    return before, after


def _scored_rows(r: Replicate) -> Iterator[tuple[Any, ...]]:
    """Yield a run's scores: scene, mosaic, compared, subset, class, metric, score, n."""
    if not r.assessments:
        yield ("", "", "", "", "", "", None, None)
    for a in r.assessments:
        what = (a.scene, a.mosaic or "", a.compared)
        for metric in WHOLE_MAP:
            n = a.scores.classes_averaged if metric in AVERAGED else a.scores.n_scored
            yield (*what, "all", "", metric, getattr(a.scores, metric), n)
        if a.reliability is not None:
            for metric in OF_PROBABILITIES:
                yield (*what, "all", "", metric, getattr(a.reliability, metric).value, a.reliability.points)
        yield from ((*what, "all", *row) for row in _class_rows(a))
        for name, subset in a.subsets.items():
            for metric in ("kappa", "overall_accuracy", "mean_f1"):
                n = subset.classes_averaged if metric in AVERAGED else subset.n_scored
                yield (*what, name, "", metric, getattr(subset, metric), n)


def _class_rows(a: Assessment) -> Iterator[tuple[str, str, float, int]]:
    for metric in PER_CLASS:
        points = a.scores.mapped_points if metric == "users" else a.scores.reference_points
        yield from (
            (name, metric, score, n)
            for name, score, n in zip(a.legend.names, getattr(a.scores, metric), points, strict=True)
        )


def write_collected(table: pd.DataFrame, paths: Sequence[Path]) -> None:
    """Write the table as Parquet or CSV, by file extension.

    Args:
        table: The result of :func:`collect`.
        paths: The files.

    Raises:
        LulcsegError: A file extension is neither, or a file can't be written; no file is left half-written.
    """
    for path in paths:
        if path.suffix not in _SUFFIXES:
            raise LulcsegError(
                f"'{path.suffix}' isn't a format for the table", where=path, remedy="end it in .parquet or .csv"
            )
    for path in paths:
        with replacing(path) as part:
            if path.suffix == ".parquet":
                table.to_parquet(part, index=False)
            else:
                table.to_csv(part, index=False)
