"""The run's checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lulcseg.training.checkpoints import RunCheckpoints
from lulcseg.training.monitor import Monitor


class Scored(pl.LightningModule):
    """Logs given scores, one an epoch."""

    def __init__(self, scores: Sequence[float], monitor: str) -> None:
        super().__init__()
        self.weight, self.scores, self.monitor = nn.Parameter(torch.zeros(1)), scores, monitor

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        return self.weight.sum()

    def on_train_epoch_end(self) -> None:
        self.log(self.monitor, self.scores[self.current_epoch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def chosen(
    folder: Path, scores: Sequence[float], monitor: Monitor, epochs: int | None = None, start: Path | None = None
) -> dict[str, int]:
    """Train, and return the epochs of both checkpoints, from 0."""
    callback = RunCheckpoints(folder, monitor, earlier=start)
    pl.Trainer(
        max_epochs=epochs or len(scores), accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[callback],
    ).fit(
        Scored(scores, monitor.name), DataLoader([torch.zeros(1)]),
        ckpt_path=None if start is None else str(start), weights_only=True,
    )  # fmt: skip
    assert callback.best_model_path == str(folder / "best.ckpt")
    return {name: torch.load(folder / f"{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last")}


def test_last_checkpoint_is_of_the_last_epoch_though_another_was_best(tmp_path: Path) -> None:
    assert chosen(tmp_path, (0.0, -1.0, -2.0), Monitor("score", "max")) == {"best": 0, "last": 2}


@pytest.mark.parametrize(
    ("monitor", "scores", "best"),
    [
        (Monitor("val/mean_f1", "max"), (0.0, 0.0, 0.0), 2),
        (Monitor("val/kappa", "max"), (0.1, 0.3, 0.3, 0.2), 2),
        (Monitor("val/loss", "min"), (0.5, 0.5, 0.6), 1),
        (Monitor("train/loss_epoch", "min"), (0.5, 0.5, 0.6), 0),  # the paper's experiments: as before
    ],
)
def test_of_equal_epochs_the_later_is_best(
    tmp_path: Path, monitor: Monitor, scores: tuple[float, ...], best: int
) -> None:
    assert chosen(tmp_path / "whole", scores, monitor)["best"] == best
    part = tmp_path / "part"
    chosen(part, scores, monitor, epochs=1)
    assert chosen(part, scores, monitor, start=part / "last.ckpt")["best"] == best, "not the same when it is resumed"


def test_a_resumed_training_in_another_folder_starts_with_the_earlier_best(tmp_path: Path) -> None:
    monitor = Monitor("val/kappa", "max")
    chosen(tmp_path / "first", (0.4, 0.2), monitor)
    last = tmp_path / "first" / "last.ckpt"
    assert chosen(tmp_path / "lower", (0.4, 0.2, 0.3), monitor, start=last) == {"best": 0, "last": 2}
    assert chosen(tmp_path / "equal", (0.4, 0.2, 0.4), monitor, start=last) == {"best": 2, "last": 2}
