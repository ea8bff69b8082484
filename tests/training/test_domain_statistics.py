"""Batch norm by domain: what a step of self-training is then, and whose statistics the model keeps."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from lulcseg.errors import LulcsegError
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.self_training import OWN, SHARED, SelfTrainingSettings
from lulcseg.training.domain_statistics import by_own_statistics
from lulcseg.training.recompute import recompute
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.support.models import record
from tests.support.self_training import batch, pool, task_of


def taught_task(batch_norm: str = OWN, weight: float = 2.0) -> SegmentationTask:
    """A task whose unlabelled patches are much brighter than the labelled ones' random values."""
    task = task_of(SelfTrainingSettings(weight=weight, confidence=0.0, begins=0.0, batch_norm=batch_norm))
    assert task.teacher is not None
    task.teacher.image = (task.teacher.image // 8) + 200
    return task.train()


def running(network: nn.Module) -> dict[str, torch.Tensor]:
    return {
        k: v.clone() for k, v in network.state_dict().items() if k.rsplit(".", 1)[1].startswith(("running", "num_"))
    }


def stepped(task: SegmentationTask) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    loss = task.training_step(batch(), 0)
    loss.backward()
    return loss.detach(), running(task.network)


def test_the_model_keeps_the_statistics_of_labelled_patches() -> None:
    _, alone = stepped(task_of(SelfTrainingSettings()).train())
    _, apart = stepped(taught_task())
    _, together = stepped(taught_task(SHARED))
    for name, value in alone.items():
        torch.testing.assert_close(apart[name], value)
    assert any(not torch.allclose(together[name], value, rtol=0.01) for name, value in alone.items())


def test_a_step_is_of_two_batches_through_one_network() -> None:
    """Loss and gradients by a copy of the network for each domain, in float64."""
    task, weight = taught_task(), 2.0
    networks = [deepcopy(task.network).double() for _ in range(2)]
    (image, mask), (more, taught) = task.prepared(batch(), 0), task._taught(4, 0)
    assert (taught != 255).any()
    losses = [
        torch.nn.functional.cross_entropy(network(x.double()), y.long(), ignore_index=255, reduction="sum")
        for network, x, y in zip(networks, (image, more), (mask, taught), strict=True)
    ]
    pixels = (mask != 255).sum() + weight * (taught != 255).sum()
    expected = (losses[0] + weight * losses[1]) / pixels
    expected.backward()
    loss, _ = stepped(task)
    torch.testing.assert_close(loss.double(), expected.detach(), rtol=1e-4, atol=1e-6)
    for mine, *theirs in zip(task.network.parameters(), *(network.parameters() for network in networks), strict=True):
        torch.testing.assert_close(mine.grad.double(), sum(p.grad for p in theirs), rtol=1e-2, atol=1e-5)


def test_the_teacher_labels_by_the_unlabelled_patches_own_statistics() -> None:
    task = taught_task()
    assert task.teacher is not None
    before = running(task.teacher.network)
    raw, valid, _ = task.teacher.draw(4, task._numbers(0))
    image = task.inputs.at_prediction(raw, valid, None)
    alike = deepcopy(task.teacher.network)
    for layer in alike.modules():
        layer.training = True
    shares = alike(image).softmax(1)
    seen = {}
    labels = task.teacher.labels

    def spied(logits: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        seen["shares"] = logits.softmax(1)
        return labels(logits, valid)

    task.teacher.labels = spied  # type: ignore[method-assign]
    task._taught(4, 0)
    torch.testing.assert_close(seen["shares"], shares, rtol=1e-3, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in running(task.teacher.network).items())
    assert not any(layer.training for layer in task.teacher.network.modules())


def test_layers_that_rest_go_on_resting() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.BatchNorm2d(3)).train()
    network[0].eval()
    other = deepcopy(network).eval()
    with by_own_statistics(other, network):
        assert [layer.training for layer in other] == [False, False, True]
        image = torch.rand(4, 3, 5, 5) * 9
        plain = torch.nn.functional.batch_norm(other[0](image), None, None, training=True)
        torch.testing.assert_close(other(image), plain)
    assert [layer.training for layer in other] == [False, False, False]
    assert [layer.track_running_stats for layer in other if hasattr(layer, "track_running_stats")] == [True, True]
    assert int(other[2].num_batches_tracked) == 0


def test_recomputed_activations_leave_the_statistics_alone_too() -> None:
    plain, recomputed = taught_task(), taught_task()
    recompute(recomputed.network)
    (loss, kept), (again, others) = stepped(plain), stepped(recomputed)
    torch.testing.assert_close(loss, again)
    for name, value in kept.items():
        torch.testing.assert_close(others[name], value)
    for one, other in zip(plain.network.parameters(), recomputed.network.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-6)


def test_a_compiled_network_does_so_too() -> None:
    plain, compiled = taught_task(), taught_task()
    compiled.network.compile(backend="eager", dynamic=False)
    for _ in range(2):
        (loss, kept), (again, others) = stepped(plain), stepped(compiled)
        torch.testing.assert_close(loss, again)
        for name, value in kept.items():
            torch.testing.assert_close(others[name], value)


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_a_network_without_batch_norm_is_refused(norm: str) -> None:
    known: dict[str, Any] = {"model": ModelSettings(filters=4, depth=2, norm=norm)}
    settings = TrainingSettings(self_training=SelfTrainingSettings(weight=1.0, batch_norm=OWN))
    with pytest.raises(LulcsegError, match=r"self_training\.batch_norm: the network has no batch norm.*model\.norm=b"):
        SegmentationTask(record(**known), settings, unlabelled=pool())
