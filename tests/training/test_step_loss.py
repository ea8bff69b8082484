"""An optimiser step's loss over ranks and micro-batches, and the task's correction of class shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from lulcseg.training.losses.cross_entropy import cross_entropy, summed_cross_entropy
from lulcseg.training.losses.logit_adjustment import adjust_logits
from lulcseg.training.step_loss import StepLoss
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
    torch.testing.assert_close(loss, cross_entropy(network(features), target).detach().float())


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
