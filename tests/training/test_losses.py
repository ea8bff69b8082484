"""Losses: our own, and anybody's as a sum over labelled pixels."""

from __future__ import annotations

import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE
from lulcseg.settings.loss import LossSettings
from lulcseg.training.losses.cross_entropy import cross_entropy, summed_cross_entropy
from lulcseg.training.losses.pixel_losses import build_loss
from tests.support.custom_parts import focal_loss

CUSTOM = "tests.support.custom_parts."


def pixels(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (2, 6, 6), generator=draw).to(torch.uint8)
    labels[0, :3] = IGNORE
    return torch.randn(2, 4, 6, 6, generator=draw).requires_grad_(), labels


def test_cross_entropy_by_name_takes_its_settings() -> None:
    logits, labels = pixels()
    found = build_loss(LossSettings(label_smoothing=0.1), 4)(logits, labels)
    assert found[0] == summed_cross_entropy(logits, labels, label_smoothing=0.1)[0]


@pytest.mark.parametrize("name", ["FocalLoss", "focal_loss"])
def test_anybodys_mean_becomes_a_sum(name: str) -> None:
    logits, labels = pixels()
    loss = build_loss(LossSettings(target=CUSTOM + name, arguments={"gamma": 1.5}), 4)
    total, number = loss(logits, labels)
    assert number == (labels != IGNORE).sum()
    torch.testing.assert_close(total / number, focal_loss(logits, labels.long(), 1.5))


def test_anybodys_loss_survives_a_batch_without_labels() -> None:
    logits, labels = pixels()
    loss = build_loss(LossSettings(target="torch.nn.CrossEntropyLoss", arguments={"ignore_index": IGNORE}), 4)
    total, number = loss(logits, torch.full_like(labels, IGNORE))
    total.backward()
    assert (total.item(), number.item()) == (0.0, 0)
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize(
    ("target", "arguments", "words"),
    [
        (CUSTOM + "unreduced", {}, "doesn't return a scalar with a gradient"),
        (CUSTOM + "without_gradient", {}, "doesn't return a scalar with a gradient"),
        ("torch.nn.CrossEntropyLoss", {}, "fails on a small batch"),  # 255 is out of range
        (CUSTOM + "focal_loss", {"alpha": 1}, "refuses its arguments"),
    ],
)
def test_a_loss_that_breaks_the_protocol_is_a_sentence(target: str, arguments: dict[str, int], words: str) -> None:
    with pytest.raises(LulcsegError, match=rf"loss\._target_: .*{words}"):
        build_loss(LossSettings(target=target, arguments=arguments), 4)


def test_loss_ignores_unlabelled_pixels_and_survives_none() -> None:
    logits = torch.randn(2, 9, 8, 8, requires_grad=True)
    target = torch.randint(0, 9, (2, 8, 8), dtype=torch.uint8)
    target[0] = IGNORE
    expected = torch.nn.functional.cross_entropy(logits[1:], target[1:].long())
    torch.testing.assert_close(cross_entropy(logits, target), expected)
    nothing = cross_entropy(logits, torch.full_like(target, IGNORE))
    nothing.backward()
    assert nothing.item() == 0
    assert torch.isfinite(logits.grad).all()


def test_the_loss_is_the_same_by_deterministic_kernels() -> None:
    logits, labels = torch.randn(2, 9, 8, 8), torch.randint(0, 9, (2, 8, 8)).to(torch.uint8)
    labels[0] = IGNORE
    usual = summed_cross_entropy(logits, labels, label_smoothing=0.1)
    torch.use_deterministic_algorithms(True)
    try:
        strict = summed_cross_entropy(logits, labels, label_smoothing=0.1)
    finally:
        torch.use_deterministic_algorithms(False)
    torch.testing.assert_close(strict, usual)
