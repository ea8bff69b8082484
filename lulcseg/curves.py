"""A run's curves over an interruption: what its checkpoint has had stays, what came after is made again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger

from lulcseg.training.record import load_checkpoint

METRICS = "metrics.csv"


def kept_curves(run_dir: Path, checkpoint: Path) -> list[dict[str, Any]]:
    """Return the rows of a run's ``metrics.csv`` that lie before its checkpoint, empty if there are none.

    Args:
        run_dir: The run's folder.
        checkpoint: The checkpoint that the run goes on from.
    """
    steps = int(load_checkpoint(checkpoint)[1]["global_step"])
    try:
        with (run_dir / METRICS).open(newline="", encoding="utf-8") as file:
            rows = [{key: value for key, value in row.items() if value} for row in csv.DictReader(file)]
    except OSError:
        return []
    return [row for row in rows if int(float(row.get("step", steps))) < steps]


def restore_curves(loggers: Sequence[Logger], rows: list[dict[str, Any]]) -> None:
    """Put rows into the file that Lightning's logger empties when it is opened, before anything is logged."""
    for logger in loggers:
        if isinstance(logger, CSVLogger):
            logger.experiment.metrics = list(rows)
            logger.save()
