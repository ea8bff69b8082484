"""What training takes, and how far it is: kept over interruptions, and told while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from lulcseg.files import write_json
from lulcseg.run_folder.folder import RunFolder
from lulcseg.training.resources import EnergyMeter

SCORES = "scores"


class TrainingClock(pl.Callback):
    """Adds up what a training takes, that of earlier attempts included, from the moment it is made.

    Args:
        waited: Tells the seconds that were waited for data so far.
        meter: Counts energy, or None.
        folder: Folder of the run, to tell the epoch there; None: not this process.
    """

    def __init__(self, waited: Callable[[], float], meter: EnergyMeter | None, folder: Path | None) -> None:
        """Start."""
        self._waited, self._meter, self._folder = waited, meter, folder
        self._began = time.perf_counter()
        self._trainer: pl.Trainer | None = None
        self._earlier: dict[str, Any] = {"seconds": 0.0, "reading_seconds": 0.0, "energy_wh": 0.0}

    @property
    def seconds(self) -> float:
        """Seconds in training, waiting for data included."""
        return float(self._earlier["seconds"]) + time.perf_counter() - self._began

    @property
    def reading_seconds(self) -> float:
        """Seconds of those in which this process waited for data."""
        return float(self._earlier["reading_seconds"]) + self._waited()

    @property
    def energy_wh(self) -> float | None:
        """Energy used, in watt hours; None where it isn't known for all of the training."""
        if self._meter is None or self._earlier["energy_wh"] is None:
            return None
        return float(self._earlier["energy_wh"]) + self._meter.wh

    @property
    def energy_of(self) -> str | None:
        """Whose energy it is: the devices' ("gpu") or the processors' ("cpu")."""
        return None if self.energy_wh is None or self._meter is None else self._meter.of

    def stop(self) -> dict[str, Any]:
        """Stop counting energy, and return what the training took, as a run's record says it."""
        took = {
            "training_seconds": round(self.seconds, 3),
            "reading_seconds": round(self.reading_seconds, 3),
            "energy_wh": self.energy_wh,
            "energy_of": self.energy_of,
        }
        if self._meter is not None:
            self._meter.stop()
        return took

    def state_dict(self) -> dict[str, Any]:
        """Return the sums so far, for the checkpoint, and the epoch's scores, which are logged after it is written."""
        sums = {"seconds": self.seconds, "reading_seconds": self.reading_seconds, "energy_wh": self.energy_wh}
        logged = {} if self._trainer is None else self._trainer.callback_metrics
        scores = {k: float(v) for k, v in logged.items() if k.startswith("train/") and not k.endswith("_step")}
        return sums | {SCORES: scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint's sums."""
        self._earlier = dict(state_dict)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:  # noqa: ARG002
        """Learn whose scores to keep."""
        self._trainer = trainer

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Tell how far it is, and let curves be written before the checkpoint that has them behind it."""
        for logger in trainer.loggers:
            logger.save()
        if self._folder is not None:
            done = {"epoch": trainer.current_epoch + 1, "epochs": trainer.max_epochs, "seconds": round(self.seconds, 3)}
            write_json(RunFolder(self._folder).progress, done)
