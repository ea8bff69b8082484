"""The score by which the best epoch is chosen, and stopping once it no longer improves."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping

from lulcseg.errors import LulcsegError
from lulcseg.settings.trainer import AUTO, MONITORS, TrainerSettings
from lulcseg.training.checkpoint_file import read_checkpoint
from lulcseg.training.time_budget import time_spent

ON_HELD_OUT, ON_TRAINING = "val/mean_f1", "train/loss_epoch"
"""Scores that ``trainer.monitor=auto`` stands for: with held-out ground, and without."""


@dataclass(frozen=True)
class Monitor:
    """A logged score, and which of its values is the best.

    Attributes:
        name: Name of the score.
        mode: ``max`` or ``min``.
    """

    name: str
    mode: str


def monitor_of(settings: TrainerSettings, *, validates: bool) -> Monitor:
    """Return the score by which the best epoch is chosen.

    Args:
        settings: Of the training.
        validates: Whether ground is held out.

    Raises:
        LulcsegError: A score on held-out ground where none is held out.

    Examples:
        >>> monitor_of(TrainerSettings(), validates=True)
        Monitor(name='val/mean_f1', mode='max')
        >>> monitor_of(TrainerSettings(), validates=False)
        Monitor(name='train/loss_epoch', mode='min')
    """
    name = settings.monitor
    if name == AUTO:
        name = ON_HELD_OUT if validates else ON_TRAINING
    if name.startswith("val/") and not validates:
        raise LulcsegError(
            f"{name} can't be computed, as no ground is held out for validation",
            where="trainer.monitor",
            remedy="set validation.fraction=0.1 (or validation.block to smaller blocks), or trainer.monitor=auto",
        )
    return Monitor(name, MONITORS[name])


class StopWithoutProgress(EarlyStopping):
    """Stops the training once the monitored score has not improved for a number of epochs.

    Only a score that has once moved can stand still. Not counted are epochs that end within the learning rate's
    warm-up, and epochs before the score has been above 0 (a kappa or F1 of 0 or less is that of a network that has
    learnt nothing yet) or, if the lowest is the best, finite. Later, a score that isn't finite is no progress.

    A training that is resumed after it stopped does not train another epoch, unless its patience was raised.

    Args:
        monitor: The score.
        patience: Epochs.
        warmup: Share of all optimiser steps, or of the time, over which the learning rate rises.
    """

    def __init__(self, monitor: Monitor, patience: int, *, warmup: float = 0.0) -> None:
        super().__init__(
            monitor.name, mode=monitor.mode, patience=patience, check_finite=False, check_on_train_epoch_end=True
        )
        self.warmup = warmup

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare the epoch's score with the best, and count the epoch if it counts."""
        patience, waited = self.patience, self.wait_count
        moved = self.best_score > 0 if self.mode == "max" else torch.isfinite(self.best_score)
        warming = trainer.global_step <= round(self.warmup * trainer.estimated_stepping_batches)
        warming = warming and time_spent(trainer)() <= self.warmup
        counts = bool(moved) and not warming
        self.patience = patience if counts else sys.maxsize
        super().on_train_epoch_end(trainer, pl_module)
        self.patience = patience
        if not counts:
            self.wait_count = min(self.wait_count, waited)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the epochs waited for, but not the patience, which may have been raised."""
        super().load_state_dict(state_dict | {"patience": self.patience})

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Stop at once if the training had stopped when its checkpoint was written."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


def stopped_after(checkpoint: Path, patience: int | None) -> int | None:
    """Return after which epoch a training stopped for lack of progress, if it would stop there by this patience.

    Args:
        checkpoint: Its last checkpoint.
        patience: Epochs without progress after which it is to stop; None: it never does.
    """
    if patience is None:
        return None
    content = read_checkpoint(checkpoint)
    states: dict[str, Any] = content.get("callbacks", {})
    waited = [s["wait_count"] for key, s in states.items() if key.startswith(StopWithoutProgress.__qualname__)]
    return int(content["epoch"]) + 1 if waited and waited[0] >= patience else None
