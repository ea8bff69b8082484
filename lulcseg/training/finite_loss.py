"""Stops a training whose loss is no longer a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from lulcseg.errors import LulcsegError
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.training.pixel_metrics import PixelLoss


class FiniteLoss(pl.Callback):
    """Raises an error once the training loss is NaN or infinite.

    It is looked at where Lightning logs it, every ``log_every_n_steps`` steps, which fetches it from the device in any
    case, and at the end of each epoch, before a checkpoint is written. All ranks see the same loss.

    ``16-mixed`` skips steps that overflow, and goes on with a smaller scale: there, an epoch whose last step was sound
    goes on.

    Args:
        settings: Of the training, for the remedy.
        cause: Looks for a cause in the imagery: what is wrong, and the remedy; None if it finds none.

    Raises:
        LulcsegError: The loss isn't finite.
    """

    def __init__(self, settings: TrainerSettings, cause: Callable[[], tuple[str, str] | None] = lambda: None) -> None:
        self._settings = settings
        self._cause = cause
        self._checked = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Begin where an earlier attempt ended."""
        self._checked = trainer.global_step

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Check the loss of a step that is logged."""
        step = trainer.global_step
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set by its logger connector
        if step == self._checked or step % every or trainer.precision == "16-mixed":
            return
        self._checked = step
        self._check(trainer, float(trainer.callback_metrics["train/loss_step"]))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check the epoch's loss; Lightning calls this before the epoch's checkpoint is written."""
        metric: PixelLoss = pl_module.train_loss  # type: ignore[assignment]  # nn.Module declares no attributes
        loss = float(metric.compute())  # which the metric keeps: it isn't reduced over the ranks twice
        if trainer.precision == "16-mixed" and math.isfinite(float(trainer.callback_metrics["train/loss_step"])):
            return
        self._check(trainer, loss)

    def _check(self, trainer: pl.Trainer, loss: float) -> None:
        if math.isfinite(loss):
            return
        rate = max(group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups)
        found = self._cause()
        why = f"(learning rate {rate:.2g})" if found is None else f"since {found[0]}"
        raise LulcsegError(
            f"the training loss is {loss} by step {trainer.global_step:,}, in epoch {trainer.current_epoch + 1} {why}",
            where="training",
            remedy=self._remedy() if found is None else found[1],
        )

    def _remedy(self) -> str:
        unclipped = ", trainer.gradient_clip=1" if self._settings.gradient_clip == 0 else ""
        precision = "" if self._settings.precision == "32-true" else ", or trainer.precision=32-true"
        return f"set optim.learning_rate lower (lulcseg rate-range suggests one){unclipped}{precision}"
