"""Time and energy of a training, accumulated across resumes, and its progress, for other processes to read."""

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
    """Accumulates training time and energy across resumes; the clock starts when it is constructed.

    Args:
        waited: Returns the seconds spent waiting for data so far.
        meter: Measures energy; None: energy is not known.
        folder: Folder of the run, where the epoch is written after each; None: not in this process.
    """

    def __init__(self, waited: Callable[[], float], meter: EnergyMeter | None, folder: Path | None) -> None:
        self._waited, self._meter, self._folder = waited, meter, folder
        self._began = time.perf_counter()
        self._begun = False
        self._trainer: pl.Trainer | None = None
        self._earlier: dict[str, Any] = {"seconds": 0.0, "reading_seconds": 0.0, "energy_wh": 0.0}

    @property
    def seconds(self) -> float:
        """Seconds of training, including those spent waiting for data."""
        return float(self._earlier["seconds"]) + time.perf_counter() - self._began

    @property
    def reading_seconds(self) -> float:
        """Seconds of training that this process spent waiting for data."""
        return float(self._earlier["reading_seconds"]) + self._waited()

    @property
    def energy_wh(self) -> float | None:
        """Energy used, in watt hours; None if it is not known for all of the training."""
        if self._meter is None or self._earlier["energy_wh"] is None:
            return None
        return float(self._earlier["energy_wh"]) + self._meter.wh

    @property
    def energy_of(self) -> str | None:
        """What the energy was measured of: the devices ("gpu") or the processors ("cpu")."""
        return None if self.energy_wh is None or self._meter is None else self._meter.of

    def stop(self) -> dict[str, Any]:
        """Stop measuring energy, and return time and energy as a run's record has them."""
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
        """Continue from a checkpoint's sums."""
        self._earlier = dict(state_dict)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:  # noqa: ARG002
        """Keep the trainer, whose logged scores go into the checkpoint."""
        self._trainer = trainer

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Write the epoch, and have the loggers write their curves before the checkpoint that includes them."""
        for logger in trainer.loggers:
            logger.save()
        self._write(trainer, trainer.current_epoch + 1)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Write the epochs done before, once: a folder with this file is one in which a batch was trained on."""
        if not self._begun:
            self._begun = True
            self._write(trainer, trainer.current_epoch)

    def _write(self, trainer: pl.Trainer, epoch: int) -> None:
        if self._folder is not None:
            done = {"epoch": epoch, "epochs": trainer.max_epochs, "seconds": round(self.seconds, 3)}
            write_json(RunFolder(self._folder).progress, done)
