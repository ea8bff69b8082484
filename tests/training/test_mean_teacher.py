"""Self-training: what the teacher labels, how it follows, and what a step adds of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lulcseg.augment.stretch import Limits
from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.settings.self_training import SelfTrainingSettings
from lulcseg.training.mean_teacher import MeanTeacher
from lulcseg.training.task import SegmentationTask
from tests.support.models import save
from tests.support.self_training import SIDE, batch, pool, task_of


def test_it_labels_only_where_it_is_sure() -> None:
    teacher = MeanTeacher(torch.nn.Conv2d(3, 3, 1), SelfTrainingSettings(confidence=0.8), pool())
    logits = torch.randn(5, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2
    valid = pool(5).valid
    shares = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(axis=1, keepdims=True)
    expected = np.where((shares.max(axis=1) >= 0.8) & valid.numpy(), shares.argmax(axis=1), 255)
    found = teacher.labels(logits, valid).numpy()
    assert 0.05 < (found != 255).mean() < 0.95
    np.testing.assert_array_equal(found, expected)


def test_it_follows_as_a_moving_average_and_learns_nothing_itself() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    teacher = MeanTeacher(network, SelfTrainingSettings(decay=0.6), pool())
    expected = {name: value.clone().numpy() for name, value in network.state_dict().items()}
    for step in range(1, 6):
        for _ in range(2):  # the second micro-batch of a step changes nothing
            with torch.no_grad():
                for value in network.parameters():
                    value.add_(0.1 / 2)
        network.train()(torch.rand(2, 3, 4, 4))
        teacher.follow(network, step)
        teacher.follow(network, step)
        decay = min(0.6, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            now = value.numpy()
            expected[name] = now if now.dtype == np.int64 else decay * expected[name] + (1 - decay) * now
    for name, value in teacher.network.state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[name], rtol=1e-5)
    assert not [p for p in teacher.parameters() if p.requires_grad]
    assert not teacher.train().network[1].training


def test_it_rests_from_the_beginning_as_lightning_calls_no_train() -> None:
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5)]
    network = torch.nn.Sequential(*layers).train()
    teacher = MeanTeacher(network, SelfTrainingSettings(), pool())
    assert not any(layer.training for layer in teacher.modules())
    assert network.training
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    image, valid = pool()[:2]
    first, again = (teacher.labelled(lambda x, n: n(x), network, image.float(), valid) for _ in range(2))
    assert torch.equal(first, again), "dropout is drawn"
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    task = task_of(SelfTrainingSettings(weight=1.0))
    assert not any(layer.training for layer in task.teacher.modules())


def test_draws_depend_on_the_numbers_alone() -> None:
    limits = Limits(*(torch.arange(6.0).view(6, 1, 1, 1) + k for k in range(2)))
    teacher = MeanTeacher(torch.nn.Conv2d(3, 3, 1), SelfTrainingSettings(share=0.5), pool()._replace(limits=limits))
    first, again, other = (teacher.draw(7, [1, 2, 3, rank]) for rank in (0, 0, 1))
    assert len(first.image) == 4
    assert torch.equal(first.image, again.image)
    assert not torch.equal(first.image, other.image)
    rows = first.limits.offset[:, 0, 0, 0].long()
    assert torch.equal(first.image, pool().image[rows])
    assert torch.equal(first.limits.span[:, 0, 0, 0], rows + 1.0)
    assert len(teacher.draw(1, [0]).image) == 1


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_a_step_is_the_mean_over_both_kinds_of_pixels(weight: float) -> None:
    task = task_of(SelfTrainingSettings(weight=weight, confidence=0.0, begins=0.0)).train()
    alone = task_of(task.settings.self_training).train()
    loss = task.training_step(batch(), 0)
    image, mask = alone.prepared(batch(), 0)
    more, taught = alone._taught(4, 0)
    logits = alone.network(torch.cat([image, more]))
    each = torch.nn.functional.cross_entropy(
        logits.float(), torch.cat([mask, taught]).long(), ignore_index=255, reduction="none"
    )
    counts = (torch.cat([mask, taught]) != 255).float()
    weights = torch.cat([torch.ones(len(mask)), torch.full((len(taught),), weight)]).view(-1, 1, 1)
    assert (taught != 255).any()
    torch.testing.assert_close(loss, (each * weights).sum() / (counts * weights).sum())


def test_before_it_begins_a_step_is_as_without_it() -> None:
    settings = SelfTrainingSettings(weight=1.0, confidence=0.0, begins=0.5)
    plain = task_of(SelfTrainingSettings()).train().training_step(batch(), 0)
    assert torch.equal(task_of(settings, step=49).train().training_step(batch(), 0), plain)
    assert not torch.equal(task_of(settings, step=50).train().training_step(batch(), 0), plain)


def test_a_model_of_it_is_a_model_like_any_other(tmp_path: Path) -> None:
    task = task_of(SelfTrainingSettings(weight=1.0)).eval()
    back = SegmentationTask.load_from_checkpoint(save(task, tmp_path / "a.ckpt"))
    assert back.teacher is None
    image, valid = pool()[:2]
    with torch.no_grad():
        torch.testing.assert_close(back(image, valid), task(image, valid))


def test_the_teacher_is_in_the_checkpoint_and_the_patches_are_not() -> None:
    names = task_of(SelfTrainingSettings(weight=1.0)).state_dict()
    assert {n.removeprefix("teacher.") for n in names if n.startswith("teacher.")} == {
        n for n in names if n.startswith("network.")
    }


def test_statistics_of_its_own_without_self_training_are_refused() -> None:
    with pytest.raises(LulcsegError, match=r"self_training\.batch_norm=own does nothing with self_training\.weight=0"):
        compose("train", ["self_training.batch_norm=own"])


def test_what_it_needs_is_said() -> None:
    with pytest.raises(LulcsegError, match=r"self_training\.weight=1: there are no unlabelled mosaics"):
        compose("train", ["self_training.weight=1"])
    with pytest.raises(LulcsegError, match=r"self_training doesn't go with augment\.margin"):
        compose("train", ["self_training.weight=1", "scenes.unlabelled=[synthetic2015]", "augment.margin=8"])
    assert replace(SelfTrainingSettings(), weight=1.0).weight == 1.0
