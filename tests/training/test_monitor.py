"""The score that the best epoch is chosen by, and stopping early."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    """Logs given scores, one an epoch of a single step."""

    def __init__(self, scores: Sequence[float] = SCORES) -> None:
        super().__init__()
        self.scores = scores
        self.weight = nn.Parameter(torch.zeros(1))
        self.trained: list[int] = []

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        self.trained.append(self.current_epoch)
        return self.weight.sum()

    def on_train_epoch_end(self) -> None:
        self.log("score", self.scores[self.current_epoch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fitted(
    folder: Path,
    patience: int,
    epochs: int | None = None,
    start: Path | None = None,
    scores: Sequence[float] = SCORES,
    mode: str = "max",
    warmup: float = 0.0,
) -> list[int]:
    """Return the epochs that were trained."""
    monitor, module, epochs = Monitor("score", mode), Scored(scores), epochs or len(scores)
    stopping = StopWithoutProgress(monitor, patience, warmup=warmup)
    callbacks: list[Any] = [RunCheckpoints(folder, monitor, earlier=start), stopping]
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


@pytest.mark.parametrize(
    ("scores", "trained"),
    [
        ((0.0, 0.0, 0.0, 0.0, 0.3, 0.2, 0.1, 0.4), 7),  # counted from the first epoch above 0
        ((-0.1, -0.2, 0.0, 0.0, 0.0, 0.0), 6),  # never better than chance: never stops
        ((math.nan, math.nan, math.nan, 0.2, 0.1, math.nan, 0.3), 6),  # NaN counts once the score has moved
        ((0.5, 0.0, 0.0, 0.6), 3),  # a score that fell to 0 had moved
    ],
)
def test_a_score_that_has_not_moved_is_no_plateau(tmp_path: Path, scores: tuple[float, ...], trained: int) -> None:
    assert len(fitted(tmp_path, patience=2, scores=scores)) == trained


def test_a_loss_counts_from_its_first_finite_value(tmp_path: Path) -> None:
    scores = (math.nan, math.nan, 2.0, 2.1, math.nan, 1.0)
    assert len(fitted(tmp_path, patience=2, scores=scores, mode="min")) == 5


def test_epochs_of_the_warm_up_are_not_waited_for(tmp_path: Path) -> None:
    scores = (0.5, 0.4, 0.3, 0.2, 0.2, 0.2, 0.6, 0.1, 0.1, 0.1)
    assert len(fitted(tmp_path / "without", patience=2, scores=scores)) == 3
    # the warm-up of 4 steps ends with the fourth epoch: the fifth is the first that counts
    assert len(fitted(tmp_path / "with", patience=2, scores=scores, warmup=0.4)) == 6
    last = tmp_path / "part" / "last.ckpt"
    assert len(fitted(tmp_path / "part", patience=2, scores=scores, warmup=0.4, epochs=5)) == 4
    state = torch.load(last, weights_only=True)["callbacks"]
    (stopping,) = (each for key, each in state.items() if key.startswith("StopWithoutProgress"))
    assert (stopping["patience"], stopping["wait_count"], float(stopping["best_score"])) == (2, 2, 0.5)


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
