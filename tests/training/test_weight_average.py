"""The moving average of weights, held against PyTorch's own, and resumed exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from lulcseg.training.checkpoints import RunCheckpoints
from lulcseg.training.monitor import Monitor
from lulcseg.training.weight_average import TRAINED, WeightAverage, decay_at

DECAY = 0.6
DATA = [torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(i)) for i in range(12)]


class Small(pl.LightningModule):
    """A network with batch norm and a frozen layer, whose weights after each optimiser step are kept."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Conv2d(5, 2, 1))
        self.network[2].requires_grad_(False)
        self.after: list[dict[str, Tensor]] = []
        self.validated: list[dict[str, Tensor]] = []

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        return self.network(batch).square().mean()

    def on_train_batch_end(self, *_: Any) -> None:
        state = {k: v.clone() for k, v in self.network.state_dict().items()}
        if self.global_step > len(self.after):
            self.after.append(state)

    def validation_step(self, batch: Tensor, index: int) -> None:
        self.validated.append({k: v.clone() for k, v in self.network.state_dict().items()})

    def on_train_epoch_end(self) -> None:
        self.log("score", float(self.current_epoch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([p for p in self.parameters() if p.requires_grad], lr=0.3)


def fitted(folder: Path, epochs: int, *, start: Path | None = None, accumulate: int = 1) -> Small:
    module = Small()
    pl.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[RunCheckpoints(folder, Monitor("score", "max"), earlier=start), WeightAverage(DECAY)],
        accumulate_grad_batches=accumulate, num_sanity_val_steps=0,
    ).fit(
        module, DataLoader(DATA, batch_size=2), DataLoader(DATA[:2]),
        ckpt_path=None if start is None else str(start), weights_only=True,
    )  # fmt: skip
    return module


@pytest.mark.parametrize("accumulate", [1, 2])
def test_checkpoints_and_validation_have_the_average_that_pytorch_computes(tmp_path: Path, accumulate: int) -> None:
    module = fitted(tmp_path, 2, accumulate=accumulate)
    assert len(module.after) == 12 // accumulate

    def average(ours: Tensor, theirs: Tensor, count: Tensor | int) -> Tensor:
        decay = min(DECAY, (1 + int(count)) / (10 + int(count)))
        return decay * ours + (1 - decay) * theirs

    reference = AveragedModel(Small().network, avg_fn=average, use_buffers=True)
    reference.n_averaged += 1  # PyTorch copies the first weights instead
    network = Small().network
    for state in module.after:
        network.load_state_dict(state)
        reference.update_parameters(network)
    expected = reference.module.state_dict()
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    for name, value in expected.items():
        found = checkpoint["state_dict"][f"network.{name}"]
        if value.is_floating_point():
            torch.testing.assert_close(found, value, rtol=1e-5, atol=1e-7)
        else:
            assert found == module.after[-1][name]
        assert torch.equal(found, module.validated[-1][name]), "it was not validated with these weights"
        assert torch.equal(checkpoint[TRAINED][name], module.after[-1][name])
    assert not torch.equal(expected["0.weight"], module.after[-1]["0.weight"])
    assert torch.equal(checkpoint["state_dict"]["network.2.weight"], Small().network[2].weight), "a frozen weight moved"
    assert checkpoint.keys() >= {"state_dict", "optimizer_states", TRAINED}


def test_an_interrupted_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole = fitted(tmp_path / "whole", 3)
    fitted(tmp_path / "part", 2)
    resumed = fitted(tmp_path / "part", 3, start=tmp_path / "part" / "last.ckpt")
    one, other = (torch.load(tmp_path / name / "last.ckpt", weights_only=True) for name in ("whole", "part"))
    for part in ("state_dict", TRAINED):
        assert one[part].keys() == other[part].keys()
        for name, value in one[part].items():
            assert torch.equal(value, other[part][name]), name
    assert torch.equal(whole.network[0].weight, resumed.network[0].weight)


def test_the_first_steps_keep_little() -> None:
    assert decay_at(1, 0.999) == pytest.approx(2 / 11)
    assert decay_at(10**6, 0.999) == 0.999
