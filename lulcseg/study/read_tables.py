"""The study's tables read from their files and checked: whole, with their columns, and scores that can be scores."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lulcseg.errors import LulcsegError
from lulcseg.study.landscape_units import LANDSCAPE

REWRITE = "write it with lulcseg study results"

KEYS = ("trial", "value", "level", "seed", LANDSCAPE, "scene", "mosaic", "ground", "against")
"""Columns that name a score: its run, its map, the ground and the reference."""
WHOLE = ("kappa", "overall_accuracy", "mean_f1", "mean_users", "mean_producers")
"""Scores of whole maps."""
BY_CLASS = ("f1", "users", "producers")
"""Scores of a class."""

_LEAST = {"kappa": -1.0}
_NEVER_EMPTY = ("trial", "value", "seed", "scene", "ground", "against")


def read_maps(path: Path, remedy: str = REWRITE) -> pd.DataFrame:
    """Read ``results.csv``: a row per map, ground and reference.

    Raises:
        LulcsegError: It can't be read, isn't whole, or a row holds what can't be a score.
    """
    table = _scores(path, WHOLE, remedy)
    if table["kappa"].isna().any():
        row = table[table["kappa"].isna()].iloc[0]
        raise LulcsegError(
            f"kappa of {row['trial']}/{row['value']}, seed {row['seed']}, {row['scene']}, {row['ground']}, is NaN",
            where=path, remedy="leave out that run's trial: its map and the reference there are of a single class",
        )  # fmt: skip
    return table


def read_classes(path: Path, remedy: str = REWRITE) -> pd.DataFrame:
    """Read ``classes.csv.gz``: a row per map, ground, reference and class; a class that is never mapped has no F1.

    Raises:
        LulcsegError: As :func:`read_maps`.
    """
    return _scores(path, BY_CLASS, remedy, words=("class",))


def read_effects(path: Path) -> pd.DataFrame:
    """Read ``effects.csv``, the table of :func:`lulcseg.study.effects.effects`.

    Raises:
        LulcsegError: It can't be read, isn't whole, or an effect is no number.
    """
    remedy = "write it with lulcseg study tables"
    numbers = ("effect", "low", "high", "p_holm")
    table = _table(path, ("row", "verdict", "after", *numbers), remedy)
    for name in numbers:
        table[name] = _numbers(table, name, path, remedy)
    if twice := table.loc[table["row"].duplicated(), "row"].tolist():
        raise LulcsegError(f"it has {twice[0]} twice", where=path, remedy=remedy)
    return table


def _scores(path: Path, scores: Sequence[str], remedy: str, words: Sequence[str] = ()) -> pd.DataFrame:
    table = _table(path, (*KEYS, *words, *scores), remedy)
    for name in (*_NEVER_EMPTY, *words):
        empty = table[name].isna()
        if empty.any():
            raise LulcsegError(f"line {_line(empty)} has no {name}", where=path, remedy=remedy)
    table["seed"] = _numbers(table, "seed", path, remedy).astype(int)
    for name in ("level", *scores):
        table[name] = _numbers(table, name, path, remedy)
    for name in scores:
        beyond = (table[name] < _LEAST.get(name, 0.0)) | (table[name] > 1.0)
        if beyond.any():
            raise LulcsegError(
                f"line {_line(beyond)}: {name} is {table[name][beyond].iloc[0]:g}, which no {name} can be",
                where=path, remedy=remedy,
            )  # fmt: skip
    for name in (*_NEVER_EMPTY, *words):
        if name != "seed":
            table[name] = table[name].astype(str)
    run = [name for name in (*KEYS, *words) if name != "level"]
    twice = table.duplicated(run)
    if twice.any():
        row = table[twice].iloc[0]
        raise LulcsegError(
            f"line {_line(twice)}: {row['trial']}/{row['value']} has seed {row['seed']} twice",
            where=path,
            remedy=remedy,
        )
    return table


def _table(path: Path, columns: Sequence[str], remedy: str) -> pd.DataFrame:
    """Read a table with some columns, and at least a row."""
    try:
        raw = path.read_bytes()
        content = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise LulcsegError("it can't be read", where=path, remedy=remedy) from error
    try:
        table = pd.read_csv(io.StringIO(content), keep_default_na=False, na_values=[""])
    except ValueError as error:  # pandas' own parser errors are ValueErrors
        raise LulcsegError("it is no table", where=path, remedy=remedy) from error
    missing = [name for name in columns if name not in table]
    if missing:
        raise LulcsegError(f"it has no column {', '.join(missing)}", where=path, remedy=remedy)
    if table.empty or not content.endswith("\n"):
        raise LulcsegError("it has no rows" if table.empty else "it ends within a line", where=path, remedy=remedy)
    return table


def _numbers(table: pd.DataFrame, name: str, path: Path, remedy: str) -> pd.Series:
    read = pd.to_numeric(table[name], errors="coerce")
    wrong = read.isna() & table[name].notna()
    if name == "seed":
        wrong |= read != read.round()
    if wrong.any():
        raise LulcsegError(f"line {_line(wrong)}: {name} is '{table[name][wrong].iloc[0]}'", where=path, remedy=remedy)
    return read


def _line(chosen: pd.Series) -> int:
    """Return the line in the file of the first row that is chosen: the header is line 1."""
    return int(chosen.to_numpy().argmax()) + 2
