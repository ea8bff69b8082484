"""An optimiser step's loss over ranks and micro-batches, logit adjustment, and the last checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lulcseg.legend import IGNORE
from lulcseg.patches.batches import PlanBatches, StepSchedule
from lulcseg.settings.loss import LossSettings
from lulcseg.settings.optim import OptimSettings
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.training.checkpoints import RunCheckpoints
from lulcseg.training.losses.cross_entropy import cross_entropy, summed_cross_entropy
from lulcseg.training.losses.logit_adjustment import adjust_logits
from lulcseg.training.steploss import StepLoss
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.support.models import record

SIZE, PATCHES, BATCH = 8, 13, 8


def samples() -> list[dict[str, Tensor]]:
    """Return patches with very unequal numbers of labels, some with none."""
    torch.manual_seed(0)
    made = []
    for i in range(PATCHES):
        mask = torch.randint(0, 9, (SIZE, SIZE), dtype=torch.uint8)
        mask.view(-1)[: SIZE * SIZE * (i % 5) // 4] = IGNORE
        image = torch.randint(0, 255, (3, SIZE, SIZE), dtype=torch.uint8)
        made.append({"image": image, "mask": mask, "valid": torch.ones(SIZE, SIZE, dtype=torch.bool)})
    return made


class Plain(SegmentationTask):
    """Keeps gradients as the optimiser gets them; batch norm keeps to its first statistics."""

    def __init__(self, settings: TrainingSettings | None = None, **more: Any) -> None:
        torch.manual_seed(3)
        super().__init__(record(patch_size=SIZE), settings, **more)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        self.norms: list[float] = []

    def optimizer_step(self, epoch: int, index: int, optimizer: Any, closure: Any = None) -> None:
        super().optimizer_step(epoch, index, optimizer, closure)
        self.norms.append(float(torch.stack([p.grad.norm() for p in self.network.parameters()]).norm()))


def trained(micro: int | None, clip: float | None, data: Sequence[Any], **trainer: Any) -> Plain:
    optim = OptimSettings(name="sgd", learning_rate=0.5, schedule="constant", warmup=0.0, weight_decay=0.0)
    task = Plain(TrainingSettings(optim=optim, trainer=TrainerSettings(batch_size=BATCH)))
    steps = StepSchedule(len(data), BATCH, 1, micro)
    loader = DataLoader(data, batch_sampler=PlanBatches(range(len(data)), steps))  # type: ignore[arg-type]
    pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, gradient_clip_val=clip, accumulate_grad_batches=steps.accumulate,
        log_every_n_steps=1, **trainer,
    ).fit(task, loader)  # fmt: skip
    return task


@pytest.mark.parametrize("clip", [None, 0.05])
def test_accumulated_steps_are_whole_ones(clip: float | None) -> None:
    data = samples()
    whole = trained(None, clip, data)
    assert len(whole.norms) == 2
    for micro in (1, 3):
        parts = trained(micro, clip, data)
        assert parts.norms == pytest.approx(whole.norms, rel=1e-5)
        for name, weight in whole.network.state_dict().items():
            torch.testing.assert_close(parts.network.state_dict()[name], weight, rtol=0, atol=1e-6, msg=name)
        for key in ("train/loss_step", "train/loss_epoch"):
            logged = parts.trainer.callback_metrics[key]
            torch.testing.assert_close(logged, whole.trainer.callback_metrics[key], rtol=1e-5, atol=0)
    if clip is not None:
        assert max(whole.norms) <= clip * 1.001


@pytest.mark.parametrize("micro", [None, 2])
def test_a_step_without_labels_changes_nothing(micro: int | None) -> None:
    data = samples()
    for sample in data:
        sample["mask"].fill_(IGNORE)
    before = Plain().network.state_dict()
    after = trained(micro, None, data)
    assert after.norms == [0.0, 0.0]
    assert all(torch.equal(weight, before[name]) for name, weight in after.network.state_dict().items())


def test_ranks_gradients_average_to_those_of_all_pixels() -> None:
    """Two ranks of two micro-batches in double precision: what DDP and Lightning average, rescaled."""
    torch.manual_seed(1)
    features, network = torch.randn(4, 5, 6, 6, dtype=torch.float64), nn.Conv2d(5, 3, 1).double()
    target = torch.randint(0, 3, (4, 6, 6), dtype=torch.uint8)
    target[0], target[1, 1:], target[2, :5] = IGNORE, IGNORE, IGNORE
    cross_entropy(network(features), target).backward()
    expected = [p.grad.clone() for p in network.parameters()]
    gradients, counted = [], []
    for rank in (0, 1):
        network.zero_grad()
        step = StepLoss(4, 4 * 36)
        for part in (rank, rank + 2):
            batch = slice(part, part + 1)
            (step.add(*summed_cross_entropy(network(features[batch]), target[batch])) / 2).backward()
        gradients.append([p.grad.clone() for p in network.parameters()])
        counted.append(torch.stack([step._total.double(), step._pixels.double()]))
    for parameter, one, two in zip(network.parameters(), *gradients, strict=True):
        parameter.grad = (one + two) / 2
    optimizer = torch.optim.SGD(network.parameters())
    loss = step.finish(optimizer, lambda mine: mine + counted[0])
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(loss, cross_entropy(network(features), target).detach())


def fitted_probabilities(correction: Tensor | None, sampled: np.ndarray, likelihood: np.ndarray) -> np.ndarray:
    """Train a linear model of three kinds of ground to convergence on biased shares; return P(class | kind)."""
    weights = torch.tensor(sampled[:, None] * likelihood)  # (class, kind): how often the sample holds which
    logits = torch.zeros(1, 2, 1, 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = torch.zeros((), dtype=torch.float64)
        for k in (0, 1):
            for kind in range(3):
                one = torch.full((1, 1, 1), k)
                loss = loss + weights[k, kind] * cross_entropy(
                    adjust_logits(logits, correction)[..., kind : kind + 1].double(), one
                )
        loss.backward()
        return loss

    optimizer.step(closure)
    return logits.softmax(dim=1).detach().numpy()[0, :, 0]


def test_logit_adjustment_gives_back_the_natural_shares() -> None:
    natural, likelihood = np.array([0.95, 0.05]), np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    sampled = natural * [1, 10]  # the rare class is drawn ten times too often
    sampled /= sampled.sum()

    def bayes(prior: np.ndarray) -> np.ndarray:
        joint = prior[:, None] * likelihood
        return joint / joint.sum(axis=0)

    shift = torch.tensor(np.log(sampled / natural))
    np.testing.assert_allclose(fitted_probabilities(shift, sampled, likelihood), bayes(natural), atol=1e-3)
    np.testing.assert_allclose(fitted_probabilities(None, sampled, likelihood), bayes(sampled), atol=1e-3)
    assert np.abs(bayes(natural) - bayes(sampled)).max() > 0.3


def test_the_tasks_correction_acts_in_training_alone() -> None:
    shift = [0.1 * k for k in range(9)]
    assert Plain(prior_shift=shift).prior_shift is None, "off by default"
    settings = TrainingSettings(loss=LossSettings(prior_correction=0.5))
    task = Plain(settings, prior_shift=shift)
    torch.testing.assert_close(task.prior_shift, 0.5 * torch.tensor(shift))
    assert "prior_shift" not in task.state_dict()
    with pytest.raises(ValueError, match="needs prior_shift"):
        Plain(settings)
    with pytest.raises(ValueError, match="2 values, the legend 9"):
        Plain(settings, prior_shift=[0.0, 1.0])

    batch = torch.utils.data.default_collate(samples())
    task.step_loss = StepLoss(1, 1)
    with torch.no_grad():
        logits = task(batch["image"], batch["valid"])
        plain, adjusted = (cross_entropy(adjust_logits(logits, s), batch["mask"]) for s in (None, task.prior_shift))
        torch.testing.assert_close(task.training_step(batch, 0), adjusted)
        task.validation_step(batch, 0)
    torch.testing.assert_close(task.val_loss.compute(), plain)
    assert not torch.isclose(plain, adjusted)


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

    callback = RunCheckpoints(tmp_path, monitor="score", mode="max")
    pl.Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[callback],
    ).fit(Worse(), DataLoader([torch.zeros(1)]))  # fmt: skip
    epochs = {name: torch.load(tmp_path / f"{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last")}
    assert epochs == {"best": 0, "last": 2}
