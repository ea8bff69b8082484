"""The run's checkpoints: the best by a monitored score, and the last to go on from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from lulcseg.errors import LulcsegError
from lulcseg.training.record import load_checkpoint


class RunCheckpoints(ModelCheckpoint):
    """``best.ckpt`` and ``last.ckpt`` of a run, written at the end of each epoch.

    A run that goes on from another's checkpoint starts with that run's best, so that "best" stays
    the best of all epochs. (Lightning forgets it when the folder changes.)

    Args:
        folder: Where they go.
        monitor: The logged score.
        mode: Whether the best is the ``min`` or the ``max``.
        earlier: Checkpoint that training goes on from, if any.
    """

    CHECKPOINT_NAME_LAST = "last"

    def __init__(self, folder: Path, *, monitor: str, mode: str, earlier: Path | None = None) -> None:
        """Set Lightning's callback up."""
        super().__init__(
            dirpath=folder,
            filename="best",
            monitor=monitor,
            mode=mode,
            save_last=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self.earlier_best = None if earlier is None else earlier.parent / "best.ckpt"

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the best if this epoch is, and the last in any case (Lightning does with the best alone)."""
        super().on_train_epoch_end(trainer, pl_module)
        if self._last_global_step_saved != trainer.global_step:
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the earlier run's best checkpoint and its score."""
        score = state_dict.get("best_model_score")
        if self.earlier_best is None or not self.earlier_best.is_file() or not isinstance(score, torch.Tensor):
            return
        assert self.dirpath is not None
        mine = Path(self.dirpath) / "best.ckpt"
        mine.parent.mkdir(parents=True, exist_ok=True)
        if mine.resolve() != self.earlier_best.resolve():
            shutil.copyfile(self.earlier_best, mine)
        self.best_model_path = self.kth_best_model_path = str(mine)
        self.best_model_score = self.kth_value = score
        self.best_k_models = {str(mine): score}


def check_resumable(path: Path, epochs: int) -> None:
    """See that there is something left to train from a checkpoint.

    Args:
        path: The checkpoint to go on from.
        epochs: Epochs of the whole training.

    Raises:
        LulcsegError: No lulcseg checkpoint, or one that has had its epochs.
    """
    _, checkpoint = load_checkpoint(path)
    done = int(checkpoint.get("epoch", -1)) + 1
    if done >= epochs:
        raise LulcsegError(
            f"it has been trained for {done} epochs, of {epochs}", where=path, remedy="raise trainer.epochs to go on"
        )
