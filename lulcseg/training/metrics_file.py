"""A run's curves across an interruption: rows up to the checkpoint are kept, later ones are written again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger

from lulcseg.run_folder.folder import RunFolder
from lulcseg.training.clock import SCORES, TrainingClock
from lulcseg.training.record_reading import load_checkpoint


def kept_curves(run_dir: Path, checkpoint: Path) -> list[dict[str, Any]]:
    """Return the rows of a run's ``metrics.csv`` that precede its checkpoint.

    The last epoch's scores are written after the checkpoint; if they are missing, the checkpoint's copy is used.

    Args:
        run_dir: The run's folder.
        checkpoint: The checkpoint that the run resumes from.
    """
    content = load_checkpoint(checkpoint)[1]
    steps, epoch = int(content["global_step"]), int(content["epoch"])
    try:
        with RunFolder(run_dir).metrics.open(newline="", encoding="utf-8") as file:
            rows = [{key: value for key, value in row.items() if value} for row in csv.DictReader(file)]
    except OSError:
        rows = []
    kept = [row for row in rows if int(float(row.get("step", steps))) < steps]
    scores = content["callbacks"].get(TrainingClock.__name__, {}).get(SCORES, {})
    written = any(row.get("epoch") == str(epoch) and not scores.keys().isdisjoint(row) for row in kept)
    return kept if written or not scores else [*kept, {"epoch": epoch, "step": steps - 1, **scores}]


def restore_curves(loggers: Sequence[Logger], rows: list[dict[str, Any]]) -> None:
    """Put rows back into the file that Lightning's CSV logger empties on opening, before anything is logged."""
    for logger in loggers:
        if isinstance(logger, CSVLogger):
            logger.experiment.metrics = list(rows)
            logger.save()
