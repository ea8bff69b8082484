"""The progress of training in a log file: a line now and then, with rate and time left."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from lulcseg.progress import Bars, Progress


class TrainingLines(pl.Callback):
    """Writes lines of the optimiser steps done, where no bar can be drawn."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._report: Progress | None = None
        self._done, self._planned = -1, 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Begin, in the first process alone."""
        if trainer.is_global_zero:
            self._bars = Bars().__enter__()
            self._report = self._bars("Training", "steps")
            self._planned = int(trainer.estimated_stepping_batches)
            self._count(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Count a step."""
        self._count(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Say how many steps it took, which may be fewer than planned."""
        if self._report is not None:
            self._report(max(1, trainer.global_step), max(1, trainer.global_step))
        self._leave()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:  # noqa: ARG002
        """Leave off."""
        self._leave()

    def _count(self, trainer: pl.Trainer) -> None:
        if self._report is not None and trainer.global_step != self._done:
            self._done = trainer.global_step
            if self._done < self._planned:
                self._report(self._done, self._planned)

    def _leave(self) -> None:
        if self._bars is not None:
            self._bars.__exit__(None, None, None)
            self._bars = self._report = None
