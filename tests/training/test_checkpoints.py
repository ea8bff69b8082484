"""The run's checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lulcseg.training.checkpoints import RunCheckpoints
from lulcseg.training.monitor import Monitor


def test_last_checkpoint_is_of_the_last_epoch_though_another_was_best(tmp_path: Path) -> None:
    class Worse(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def training_step(self, batch: Tensor, index: int) -> Tensor:
            return self.weight.sum()

        def on_train_epoch_end(self) -> None:
            self.log("score", -float(self.current_epoch))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    callback = RunCheckpoints(tmp_path, Monitor("score", "max"))
    pl.Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[callback],
    ).fit(Worse(), DataLoader([torch.zeros(1)]))  # fmt: skip
    epochs = {name: torch.load(tmp_path / f"{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last")}
    assert epochs == {"best": 0, "last": 2}
