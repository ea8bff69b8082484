"""Learning curves of a trial: mean and spread over the seeds of each value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.run_folder.folder import RunFolder

if TYPE_CHECKING:
    from lulcseg.trials.trial_reader import Trial

_PANELS = {
    "train/loss_epoch": "Loss, training",
    "val/loss": "Loss, validation",
    "val/mean_f1": "Mean F1, validation",
}
"""Columns of ``metrics.csv`` → titles of their panels."""


@dataclass(frozen=True)
class Curve:
    """One value's curve: epochs, and mean, minimum and maximum over its seeds."""

    value: int
    epochs: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class CurvePanel:
    """The curves of one training metric, one per value."""

    title: str
    axis: str
    is_share: bool
    curves: list[Curve]


def read_curve_panels(trial: Trial) -> list[CurvePanel]:
    """Read the runs' ``metrics.csv`` and summarise each metric over the seeds of each value.

    Runs whose file is missing or can't be read are left out.
    """
    logs = [[_log(r.path) for r in trial.replicates if r.value == v.name] for v in trial.values]
    found = []
    for column, title in _PANELS.items():
        curves = [c for i, of_value in enumerate(logs) if (c := _curve(i, of_value, column)) is not None]
        if curves:
            found.append(CurvePanel(title, "epoch", not title.startswith("Loss"), curves))
    return found


def _log(run_dir: Path) -> pd.DataFrame | None:
    try:
        log = pd.read_csv(RunFolder(run_dir).metrics, usecols=lambda name: name == "epoch" or name in _PANELS)
    except (OSError, ValueError):
        return None
    return log if "epoch" in log else None


def _curve(value: int, logs: Sequence[pd.DataFrame | None], column: str) -> Curve | None:
    per_seed = [
        log.dropna(subset=["epoch", column]).groupby("epoch")[column].last()
        for log in logs
        if log is not None and column in log
    ]
    per_seed = [series for series in per_seed if len(series)]
    if not per_seed:
        return None
    table = pd.concat(per_seed, axis=1)
    table.index = table.index + 1  # Lightning counts epochs from 0
    table = table.sort_index()
    return Curve(
        value,
        table.index.to_numpy(dtype=np.float64),
        table.mean(axis=1).to_numpy(),
        table.min(axis=1).to_numpy(),
        table.max(axis=1).to_numpy(),
    )
