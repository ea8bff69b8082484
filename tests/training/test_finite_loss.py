"""A training whose loss is no longer a number ends with a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import rasterio
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run.train import train
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.training.checkpoints import RunCheckpoints
from lulcseg.training.finite_loss import FiniteLoss
from lulcseg.training.monitor import Monitor
from lulcseg.training.pixel_metrics import PixelLoss
from tests.conftest import write_raster

Make = Callable[..., Path]


class Given(pl.LightningModule):
    """Logs given losses, one a step, as the task does."""

    def __init__(self, losses: Sequence[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.losses = losses
        self.train_loss = PixelLoss()
        self.done = 0

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        loss = torch.tensor(self.losses[self.done])
        self.done += 1
        self.train_loss.update(loss, torch.tensor(1))
        self.log("train/loss_step", loss)
        return self.weight.sum()

    def on_train_epoch_end(self) -> None:
        self.log("train/loss_epoch", self.train_loss.compute())
        self.train_loss.reset()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.25)


def fit(losses: Sequence[float], folder: Path, *, every: int = 2, an_epoch: int = 5, mixed: bool = False) -> Given:
    module = Given(losses)
    trainer = pl.Trainer(
        max_epochs=len(losses) // an_epoch, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, log_every_n_steps=every,
        callbacks=[RunCheckpoints(folder, Monitor("train/loss_epoch", "min")), FiniteLoss(TrainerSettings())],
    )  # fmt: skip
    if mixed:
        trainer.strategy.precision_plugin.precision = "16-mixed"  # as it says of itself on a GPU
    trainer.fit(module, DataLoader(TensorDataset(torch.zeros(an_epoch, 1))))
    return module


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_step_that_is_logged_next_is_the_last(tmp_path: Path, value: float) -> None:
    losses = [1.0] * 7 + [value] * 8
    with pytest.raises(LulcsegError) as caught:
        fit(losses, tmp_path)
    assert str(caught.value).startswith(f"training: the training loss is {value} by step 8, in epoch 2 (learning rate")
    assert "0.25); set optim.learning_rate lower" in str(caught.value)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == 0, "of the epoch before"


def test_between_the_logged_steps_the_end_of_the_epoch_finds_it(tmp_path: Path) -> None:
    with pytest.raises(LulcsegError, match="inf by step 5, in epoch 1"):
        fit([1.0, 1.0, math.inf, 1.0, 1.0] * 2, tmp_path, every=50)
    assert not list(tmp_path.iterdir()), "no checkpoint of it is written"


def test_of_mixed_16_bits_a_skipped_step_is_none_of_its_business(tmp_path: Path) -> None:
    assert fit([1.0, math.inf, 1.0, 1.0, 1.0], tmp_path, mixed=True).done == 5
    with pytest.raises(LulcsegError, match="nan by step 10, in epoch 2"):
        fit([1.0] * 5 + [math.nan] * 5, tmp_path / "all", mixed=True)


def test_finite_losses_pass(tmp_path: Path) -> None:
    assert fit([1.0] * 10, tmp_path).done == 10


def test_undeclared_fill_is_named_with_its_scene_and_patch(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    path = make_scene()
    with rasterio.open(path.parent / "image.tif") as source:
        values = source.read().astype(np.float32) / 255
    values[1, 40:] = np.float32(-3.4028234663852886e38)
    write_raster(path.parent / "image.tif", values)
    config = compose("train", [
        f"scene={path}", f"cache={cache}", f"run_dir={tmp_path / 'run'}", "sampling.patch_size=32",
        "sampling.patches=8", "trainer.batch_size=4", "trainer.epochs=3", "trainer.accelerator=cpu",
        "trainer.precision=32-true", "reading.workers=0", "logger.name=none", "model.filters=4", "model.depth=2",
        "validation.fraction=0",
    ])  # fmt: skip
    with pytest.raises(LulcsegError) as caught:
        train(config)
    said = str(caught.value)
    assert "since patch " in said
    assert "of scene 'scene', at x 330,0" in said
    assert (
        "holds -3.40282e+38 in its band 2; declare it in the scene file, imagery.nodata: -3.4028234663852886e+38"
        in said
    )


def test_a_run_that_diverges_fails_with_the_reason_and_maps_nothing(
    make_scene: Make, cache: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = compose("train", [
        f"scene={make_scene()}", f"cache={cache}", f"run_dir={run}", "sampling.patch_size=32", "sampling.patches=8",
        "trainer.batch_size=4", "trainer.epochs=3", "trainer.accelerator=cpu", "trainer.precision=32-true",
        "reading.workers=0", "logger.name=none", "model.filters=4", "model.depth=2", "validation.fraction=0",
        "optim.learning_rate=1e30", "optim.warmup=0", "trainer.gradient_clip=0",
    ])  # fmt: skip
    with pytest.raises(LulcsegError, match=r"the training loss is .*; set optim.learning_rate lower .*gradient_clip=1"):
        train(config)
    record = RunRecord.load(RunFolder(run))
    assert record.state == "failed"
    assert "the training loss is" in str(record.error)
    assert not (run / "maps").exists()
    assert not (run / "checkpoints" / "best.ckpt").exists()
