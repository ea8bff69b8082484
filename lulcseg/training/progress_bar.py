"""The progress bar of training, with patches per second."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import RichProgressBar
from pytorch_lightning.callbacks.progress.rich_progress import RichProgressBarTheme
from rich.console import Console

from lulcseg.training.progress_lines import TrainingLines

BETWEEN = 0.5
"""Seconds between updates of the bar's values."""


class PatchProgress(RichProgressBar):
    """Lightning's progress bar, which displays the time left, with the rate in patches per second."""

    def __init__(self) -> None:
        super().__init__(leave=False, theme=RichProgressBarTheme(metrics_format=".3f"))
        self._started = self._updated = 0.0
        self._displayed: dict[str, Any] = {}
        self._patches = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start counting."""
        super().on_train_epoch_start(trainer, pl_module)
        self._started, self._patches = time.perf_counter(), 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch over all devices."""
        self._patches += len(batch["mask"]) * trainer.world_size  # ranks differ by one at most
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """Return the rate, the last loss and, with validation, its mean F1.

        Updated twice a second at most: fetching a value makes the CPU wait for the device.
        """
        now = time.perf_counter()
        if now - self._updated < BETWEEN and self._displayed:
            return self._displayed
        self._updated = now
        logged = super().get_metrics(trainer, pl_module)
        elapsed = now - self._started
        displayed: dict[str, Any] = {}
        self._displayed = displayed
        if self._patches and elapsed > 0:
            displayed["patches/s"] = f"{self._patches / elapsed:.1f}"
        if "train/loss_step" in trainer.callback_metrics:
            displayed["loss"] = float(trainer.callback_metrics["train/loss_step"])
        if "val/mean_f1" in logged:
            displayed["val F1"] = logged["val/mean_f1"]
        return displayed


def training_progress() -> pl.Callback:
    """Return what displays the progress of training: a bar on a terminal, lines in a log file."""
    return PatchProgress() if Console().is_interactive else TrainingLines()
