"""The run's checkpoints: the best by a monitored score, and the last to resume from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from lulcseg.errors import LulcsegError
from lulcseg.run_folder.folder import BEST, LAST
from lulcseg.run_folder.selection_entry import SelectionEntry
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.training.checkpoint_file import read_checkpoint
from lulcseg.training.curve_scores import CLASSES
from lulcseg.training.model_record import KEY, TRAINING
from lulcseg.training.monitor import ON_HELD_OUT, ON_TRAINING, Monitor, stopped_after
from lulcseg.training.record_reading import load_checkpoint
from lulcseg.training.time_budget import budget_is_spent
from lulcseg.training.training_settings import EPOCHS, MINUTES, TrainingSettings


class RunCheckpoints(ModelCheckpoint):
    """``best.ckpt`` and ``last.ckpt`` of a run, written at the end of each epoch.

    A run that resumes from another's checkpoint starts with that run's best, so that "best" stays
    the best of all epochs. (Lightning forgets it when the folder changes.)

    Of epochs with equal scores the last is the best: a score that stays at 0 while the network predicts a single class
    says nothing for the first epoch. Of equal training losses the first is, as in the paper's experiments.

    Args:
        folder: Where they go.
        monitor: The logged score that the best epoch is chosen by.
        earlier: Checkpoint that training resumes from, if any.

    Attributes:
        classes: Number of classes that a monitored mean F1 of validation is over; None: another score, or no epoch yet.
    """

    CHECKPOINT_NAME_LAST = "last"

    def __init__(self, folder: Path, monitor: Monitor, *, earlier: Path | None = None) -> None:
        super().__init__(
            dirpath=folder,
            filename="best",
            monitor=monitor.name,
            mode=monitor.mode,
            save_last=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self.earlier_best = None if earlier is None else earlier.parent / BEST
        self.classes: int | None = None

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the best if this epoch is, and the last in any case (Lightning writes it only with a new best)."""
        if self.monitor == ON_HELD_OUT and (classes := trainer.callback_metrics.get(f"val/{CLASSES}")) is not None:
            self.classes = int(classes)
        super().on_train_epoch_end(trainer, pl_module)
        if self._last_global_step_saved != trainer.global_step:
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def check_monitor_top_k(self, trainer: pl.Trainer, current: torch.Tensor | None = None) -> bool:
        """Return whether an epoch's score is the best so far, or equal to it."""
        if current is not None and self.best_k_models and self.monitor != ON_TRAINING:
            equal = bool(current == self.best_k_models[self.kth_best_model_path])
            if trainer.strategy.reduce_boolean_decision(equal):
                return True
        return bool(super().check_monitor_top_k(trainer, current))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Copy the earlier run's best checkpoint, and keep its score."""
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


def describe_selection(folder: Path, checkpoints: RunCheckpoints, settings: TrainerSettings) -> SelectionEntry:
    """Return how the best checkpoint was chosen, for the run's record.

    Args:
        folder: Of the checkpoints.
        checkpoints: The callback, after training.
        settings: Of the training.
    """
    best, last = (read_checkpoint(folder / name) for name in (BEST, LAST))
    trained = int(last["epoch"]) + 1
    spent = budget_is_spent(folder / LAST)
    score = checkpoints.best_model_score
    classes = checkpoints.classes
    over = {} if classes is None else {"classes": classes, "of_classes": len(best[KEY]["legend"])}
    return SelectionEntry.of(
        monitor=str(checkpoints.monitor),
        mode=checkpoints.mode,
        value=None if score is None else float(score),
        **over,
        epoch=int(best["epoch"]) + 1,
        epochs=trained,
        stopped_early=spent or trained < settings.epochs,
        **({"minutes": settings.minutes} if spent else {}),
        ema=settings.ema,
    )


def epochs_done(path: Path, settings: TrainingSettings) -> int:
    """Return how many epochs a checkpoint was trained for, if training can resume from it unchanged.

    Args:
        path: The checkpoint to resume from.
        settings: Of the training that is to resume.

    Raises:
        LulcsegError: Not a lulcseg checkpoint, or one of other settings.
    """
    _, checkpoint = load_checkpoint(path)
    theirs = checkpoint.get(TRAINING, settings.fixed())  # earlier checkpoints have no such entry
    if differing := settings.differing(theirs):
        raise LulcsegError(
            f"it was trained with another {', '.join(differing)}", where=path, remedy="use the same settings"
        )
    epochs, planned, schedule = settings.trainer.epochs, theirs.get(EPOCHS), settings.optim.schedule
    if epochs != planned and schedule != "constant":
        raise LulcsegError(
            f"its {schedule} learning rate is laid out over {planned} epochs, not {epochs}",
            where=path,
            remedy=f"set trainer.epochs={planned}; optim.schedule=constant alone can be prolonged",
        )
    if (minutes := theirs.get(MINUTES)) != settings.trainer.minutes and schedule != "constant":
        stated = "null" if minutes is None else f"{minutes:g}"
        raise LulcsegError(
            f"its {schedule} learning rate is laid out by trainer.minutes={stated}",
            where=path,
            remedy=f"set trainer.minutes={stated}; optim.schedule=constant alone can be prolonged",
        )
    return int(checkpoint.get("epoch", -1)) + 1


def check_resumable(path: Path, settings: TrainingSettings) -> None:
    """Check that training can resume from a checkpoint unchanged, and has epochs left.

    Raises:
        LulcsegError: As :func:`epochs_done`; or no epochs or minutes are left, or it stopped early.
    """
    done = epochs_done(path, settings)
    if budget_is_spent(path):
        raise LulcsegError(
            f"its training stopped in epoch {done}, as its minutes were spent (trainer.minutes)",
            where=path,
            remedy="use best.ckpt beside it as it is, or train again with more minutes",
        )
    if done >= settings.trainer.epochs:
        constant = settings.optim.schedule == "constant"
        raise LulcsegError(
            f"it has been trained for {done} epochs, of {settings.trainer.epochs}",
            where=path,
            remedy="raise trainer.epochs to continue" if constant else "use it as it is, or train again for longer",
        )
    patience = settings.trainer.patience
    if (stopped := stopped_after(path, patience)) is not None:
        raise LulcsegError(
            f"its training stopped early, after epoch {stopped}: {patience} epochs brought nothing better",
            where=path,
            remedy="use best.ckpt beside it as it is, or raise trainer.patience to continue",
        )
