"""Properties of all losses: ignored pixels, splitting of a step, extremes, deterministic kernels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lulcseg.legend import IGNORE
from lulcseg.settings.loss import LOSSES, LossSettings
from lulcseg.training.losses.pixel_losses import SummedLoss, build_loss
from lulcseg.training.step_loss import StepLoss

K = 5
WEIGHTED = ("cross_entropy", "focal", "dice_ce")


def loss_of(name: str, weights: list[float] | None = None) -> SummedLoss:
    smoothing = 0.1 if name in ("cross_entropy", "dice_ce") else 0.0
    given = "none" if weights is None else weights
    return build_loss(LossSettings(name=name, label_smoothing=smoothing, class_weights=given), K, weights)


def drawn(seed: int, patches: int = 3, size: int = 6) -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, K, (patches, size, size)).astype(np.uint8)
    labels[draw.random(labels.shape) < draw.random((patches, 1, 1))] = IGNORE
    logits = torch.from_numpy(draw.normal(0, 3, (patches, K, size, size)))
    return logits, torch.from_numpy(labels)


def value_and_gradient(loss: SummedLoss, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    free = logits.clone().requires_grad_()
    total, _ = loss(free, labels)
    total.backward()
    assert free.grad is not None
    return total.detach(), free.grad


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), extreme=st.sampled_from([0.0, 1.0, -1e4, 1e30]))
def test_an_ignored_pixel_never_contributes(name: str, seed: int, extreme: float) -> None:
    logits, labels = drawn(seed)
    loss = loss_of(name, [1.0, 0.2, 3.0, 0.0, 1.0] if name in WEIGHTED else None)
    within = (labels != IGNORE).unsqueeze(1).expand_as(logits)
    other = torch.from_numpy(np.random.default_rng(seed + 1).normal(size=logits.shape)) * extreme
    changed = torch.where(within, logits, other)
    (total, gradient), (again, changed_gradient) = (value_and_gradient(loss, z, labels) for z in (logits, changed))
    assert torch.equal(total, again)
    assert torch.equal(gradient, changed_gradient)
    assert not gradient[~within].any()
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("micro", [1, 2])
def test_a_split_step_is_the_whole_one(name: str, micro: int) -> None:
    """Gradients of a step in micro-batches, and over two ranks of them, through StepLoss, in double precision."""
    weights = [1.0, 0.2, 3.0, 0.0, 1.0] if name in WEIGHTED else None
    loss, size = loss_of(name, weights), 6
    torch.manual_seed(1)
    features, network = torch.randn(4, 3, size, size, dtype=torch.float64), nn.Conv2d(3, K, 1).double()
    _, labels = drawn(3, patches=4, size=size)
    labels[0] = IGNORE
    labels[1, 1:] = IGNORE
    optimizer = torch.optim.SGD(network.parameters())

    def gradients(parts: list[slice], ranks: int) -> tuple[list[Tensor], Tensor]:
        """Average over parts, as Lightning and DDP do, and rescale."""
        optimizer.zero_grad()
        step = StepLoss(len(parts), 4 * size**2)
        for part in parts:
            (step.add(*loss(network(features[part]), labels[part])) / len(parts)).backward()
        value = step.finish(optimizer, (lambda mine: mine) if ranks > 1 else None)
        return [p.grad.clone() for p in network.parameters() if p.grad is not None], value

    whole, value = gradients([slice(0, 4)], 1)
    parts, again = gradients([slice(at, at + micro) for at in range(0, 4, micro)], 2)
    torch.testing.assert_close(again, value)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-14)
    total, pixels = loss(network(features), labels)
    torch.testing.assert_close(value, (total / pixels).float().detach())


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_labels_and_a_saturated_one_have_finite_gradients(name: str) -> None:
    loss, (logits, labels) = loss_of(name), drawn(0)
    total, gradient = value_and_gradient(loss, logits.float(), torch.full_like(labels, IGNORE))
    assert total == 0
    assert not gradient.any()
    for sign in (1, -1):
        sure = sign * 200 * torch.nn.functional.one_hot(labels.long() % K, K).movedim(3, 1).float()
        total, gradient = value_and_gradient(loss, sure, labels)
        assert torch.isfinite(total)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_computed_in_float32_and_kernels_are_deterministic(name: str) -> None:
    loss, (logits, labels) = loss_of(name), drawn(0)
    half = logits.bfloat16()
    total, gradient = value_and_gradient(loss, half.float(), labels)
    torch.use_deterministic_algorithms(True)
    try:
        same, half_gradient = value_and_gradient(loss, half, labels)
    finally:
        torch.use_deterministic_algorithms(False)
    assert same.dtype == torch.float32
    torch.testing.assert_close(same, total)
    torch.testing.assert_close(half_gradient.float(), gradient, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_without_discount_is_cross_entropy_and_saturates_without_nan(gamma: float) -> None:
    logits, labels = drawn(0)
    loss = build_loss(LossSettings(name="focal", focal_gamma=gamma), K)
    if gamma == 0:
        torch.testing.assert_close(loss(logits, labels)[0], build_loss(LossSettings(), K)(logits, labels)[0])
    sure = 100.0 * torch.nn.functional.one_hot(labels.long() % K, K).movedim(3, 1)
    assert torch.isfinite(value_and_gradient(loss, sure, labels)[1]).all()


def test_losses_move_their_weights_and_keep_none_in_a_checkpoint() -> None:
    for name in WEIGHTED:
        module = loss_of(name, [1.0] * K)
        assert isinstance(module, nn.Module)
        assert len(list(module.buffers())) == 1
        assert module.state_dict() == {}
