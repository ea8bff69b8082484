"""The run's checkpoints: the best by a monitored score, and the last to go on from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from lulcseg.errors import LulcsegError
from lulcseg.run_folder.folder import BEST
from lulcseg.training.model_record import TRAINING, load_checkpoint

_EPOCHS = "trainer.epochs"
_SCHEDULE = "optim.schedule"


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
        self.earlier_best = None if earlier is None else earlier.parent / BEST

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
        mine = Path(self.dirpath) / BEST
        mine.parent.mkdir(parents=True, exist_ok=True)
        if mine.resolve() != self.earlier_best.resolve():
            shutil.copyfile(self.earlier_best, mine)
        self.best_model_path = self.kth_best_model_path = str(mine)
        self.best_model_score = self.kth_value = score
        self.best_k_models = {str(mine): score}


def training_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that every step of a training depends on, by their names.

    ``trainer.micro_batch`` is one of them where patches are augmented, as each micro-batch draws for itself.
    Without augmentation it changes a step only a little, through batch norm and batch scaling.

    Args:
        settings: Plain mapping with the sections ``augment``, ``loss``, ``optim`` and ``trainer``; those that
            are missing are left out.
    """
    whole = {
        f"{section}.{name}": value
        for section in ("augment", "loss", "optim")
        for name, value in settings.get(section, {}).items()
    }
    trainer = settings.get("trainer", {})
    seen = ("batch_size", "epochs", "micro_batch") if _augments(settings) else ("batch_size", "epochs")
    return whole | {f"trainer.{name}": trainer[name] for name in seen if name in trainer}


def epochs_done(path: Path, settings: Mapping[str, Any]) -> int:
    """Return how many epochs a checkpoint has had, if a training can go on from it as it was begun.

    Args:
        path: The checkpoint to go on from.
        settings: What :func:`training_settings` takes, of the training that is to go on.

    Raises:
        LulcsegError: No lulcseg checkpoint, or one of other settings.
    """
    _, checkpoint = load_checkpoint(path)
    mine = training_settings(settings)
    theirs = checkpoint.get(TRAINING, mine)  # earlier checkpoints don't say
    differing = [name for name, value in mine.items() if name != _EPOCHS and theirs.get(name) != value]
    if differing:
        raise LulcsegError(
            f"it was trained with another {', '.join(differing)}", where=path, remedy="use the same settings"
        )
    epochs, laid_out = mine[_EPOCHS], theirs.get(_EPOCHS)
    if epochs != laid_out and mine[_SCHEDULE] != "constant":
        raise LulcsegError(
            f"its {mine[_SCHEDULE]} learning rate is laid out over {laid_out} epochs, not {epochs}",
            where=path,
            remedy=f"set trainer.epochs={laid_out}; optim.schedule=constant alone can be prolonged",
        )
    return int(checkpoint.get("epoch", -1)) + 1


def check_resumable(path: Path, settings: Mapping[str, Any]) -> None:
    """See that a training can go on from a checkpoint as it was begun, and has epochs to go.

    Raises:
        LulcsegError: What :func:`epochs_done` says, or a checkpoint that has had its epochs.
    """
    done, mine = epochs_done(path, settings), training_settings(settings)
    if done >= mine[_EPOCHS]:
        constant = mine[_SCHEDULE] == "constant"
        raise LulcsegError(
            f"it has been trained for {done} epochs, of {mine[_EPOCHS]}",
            where=path,
            remedy="raise trainer.epochs to go on" if constant else "take it as it is, or train anew for longer",
        )


def _augments(settings: Mapping[str, Any]) -> bool:
    """Tell whether any patch may be augmented: by a preset, or by operations asked for one by one."""
    augment = settings.get("augment", {})
    return augment.get("name", "none") != "none" or any(augment.get("p", {}).values())
