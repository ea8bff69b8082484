"""The progress bar of training, with patches a second."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import RichProgressBar
from pytorch_lightning.callbacks.progress.rich_progress import RichProgressBarTheme

BETWEEN = 0.5
"""Seconds for which the bar's values stand."""


class PatchProgress(RichProgressBar):
    """Lightning's bar, which shows time left, with the rate in patches a second."""

    def __init__(self) -> None:
        """Keep finished epochs' last line on the screen."""
        super().__init__(leave=False, theme=RichProgressBarTheme(metrics_format=".3f"))
        self._started = self._told = 0.0
        self._shown: dict[str, Any] = {}
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
        """Show the rate, the last loss and, where there is validation, its mean F1.

        Twice a second at most: fetching a value makes the CPU wait for the device.
        """
        now = time.perf_counter()
        if now - self._told < BETWEEN and self._shown:
            return self._shown
        self._told = now
        logged = super().get_metrics(trainer, pl_module)
        elapsed = now - self._started
        shown: dict[str, Any] = {}
        self._shown = shown
        if self._patches and elapsed > 0:
            shown["patches/s"] = f"{self._patches / elapsed:.1f}"
        if "train/loss_step" in trainer.callback_metrics:
            shown["loss"] = float(trainer.callback_metrics["train/loss_step"])
        if "val/mean_f1" in logged:
            shown["val F1"] = logged["val/mean_f1"]
        return shown
