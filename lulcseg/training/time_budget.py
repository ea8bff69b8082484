"""A budget in minutes: training stops once it is spent, and the learning rate has then come to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from lulcseg.training.checkpoint_file import read_checkpoint
from lulcseg.training.clock import TrainingClock

SPENT = "spent"


class TimeBudget(pl.Callback):
    """Stops the training after the optimiser step, or the validation, in which its budget is spent.

    Time is the clock's, so that it goes on where an interrupted training resumes. It is read in each optimiser
    step before the weights change, and after each epoch: all ranks take the first one's, and learning rate and
    stopping agree.

    Lightning's ``Timer`` also stops between the micro-batches of a step, and doesn't say how far the time is.

    Args:
        minutes: The budget.
        clock: Of the training.

    Attributes:
        spent: Share of the budget spent at the last reading; 1 and more: all of it.
    """

    def __init__(self, minutes: float, clock: TrainingClock) -> None:
        self.spent = 0.0
        self._seconds, self._clock = 60 * minutes, clock

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Stop at once if the budget was spent when the checkpoint was written."""
        trainer.should_stop = trainer.should_stop or self.spent >= 1

    def on_before_optimizer_step(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,  # noqa: ARG002
        optimizer: torch.optim.Optimizer,  # noqa: ARG002
    ) -> None:
        """Read the clock."""
        self._read(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Stop if the budget is spent; between the micro-batches of a step, the share is still the last step's."""
        trainer.should_stop = trainer.should_stop or self.spent >= 1

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Stop if the validation has spent the rest, before the checkpoint is written."""
        self._read(trainer)
        trainer.should_stop = trainer.should_stop or self.spent >= 1

    def state_dict(self) -> dict[str, Any]:
        """Return the share spent, for the checkpoint."""
        return {SPENT: self.spent}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the share spent."""
        self.spent = float(state_dict[SPENT])

    def _read(self, trainer: pl.Trainer) -> None:
        self.spent = float(trainer.strategy.broadcast(self._clock.seconds / self._seconds))


def time_spent(trainer: pl.Trainer) -> Callable[[], float]:
    """Return a function that returns the share of a training's time budget spent, 0 without a budget."""
    budgets = [each for each in trainer.callbacks if isinstance(each, TimeBudget)]  # type: ignore[attr-defined]
    return lambda: max((each.spent for each in budgets), default=0.0)


def budget_is_spent(checkpoint: Path) -> bool:
    """Return whether a training stopped because its time budget was spent.

    Args:
        checkpoint: Its last checkpoint.
    """
    content = read_checkpoint(checkpoint)
    states: dict[str, Any] = content.get("callbacks", {})
    return any(state[SPENT] >= 1 for key, state in states.items() if key.startswith(TimeBudget.__qualname__))
