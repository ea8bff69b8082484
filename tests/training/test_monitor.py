"""The score that the best epoch is chosen by, and stopping early."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lulcseg.errors import LulcsegError
from lulcseg.settings.trainer import MONITORS, TrainerSettings
from lulcseg.training.checkpoints import RunCheckpoints
from lulcseg.training.monitor import Monitor, StopWithoutProgress, monitor_of, stopped_after

SCORES = (0.1, 0.5, 0.4, 0.45, 0.3, 0.6, 0.2)


class Scored(pl.LightningModule):
    """Logs given scores, one an epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.trained: list[int] = []

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        self.trained.append(self.current_epoch)
        return self.weight.sum()

    def on_train_epoch_end(self) -> None:
        self.log("score", SCORES[self.current_epoch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fitted(folder: Path, patience: int, epochs: int = len(SCORES), start: Path | None = None) -> list[int]:
    monitor, module = Monitor("score", "max"), Scored()
    callbacks: list[Any] = [RunCheckpoints(folder, monitor, earlier=start), StopWithoutProgress(monitor, patience)]
    resumed = None if start is None else str(start)
    pl.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=callbacks,
    ).fit(module, DataLoader([torch.zeros(1)]), ckpt_path=resumed, weights_only=True)  # fmt: skip
    assert Path(callbacks[0].best_model_path).is_file()
    return module.trained


def test_training_stops_after_epochs_without_progress_and_an_interruption_does_not_count(tmp_path: Path) -> None:
    assert fitted(tmp_path / "whole", patience=3) == [0, 1, 2, 3, 4]
    last = tmp_path / "part" / "last.ckpt"
    assert fitted(tmp_path / "part", patience=3, epochs=4) == [0, 1, 2, 3]
    assert stopped_after(last, 3) is None
    assert fitted(tmp_path / "part", patience=3, start=last) == [4], "the epochs before the interruption do not count"
    assert torch.load(tmp_path / "part" / "best.ckpt", weights_only=True)["epoch"] == 1


def test_a_training_that_had_stopped_goes_on_only_with_more_patience(tmp_path: Path) -> None:
    last = tmp_path / "last.ckpt"
    fitted(tmp_path, patience=3)
    assert (stopped_after(last, 3), stopped_after(last, 4), stopped_after(last, None)) == (5, None, None)
    assert fitted(tmp_path, patience=3, start=last) == []
    assert fitted(tmp_path, patience=4, start=last) == [5, 6]
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == 5


def test_what_it_does_not_validate_on_is_refused() -> None:
    for name, mode in MONITORS.items():
        settings = TrainerSettings(monitor=name)
        assert monitor_of(settings, validates=True) == Monitor(name, mode)
        if name.startswith("val/"):
            with pytest.raises(LulcsegError, match=rf"{name} can't be computed, as no ground is held out"):
                monitor_of(settings, validates=False)
        else:
            assert monitor_of(settings, validates=False) == Monitor(name, mode)
    assert {mode for name, mode in MONITORS.items() if "loss" in name} == {"min"}
