"""Losses against independent implementations: NumPy in double precision by the papers, kornia, smp where right."""

from __future__ import annotations

from collections.abc import Callable

import kornia.losses
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from segmentation_models_pytorch.losses import DiceLoss, FocalLoss, LovaszLoss
from torch import Tensor

from lulcseg.legend import IGNORE
from lulcseg.settings.loss import LossSettings
from lulcseg.training.losses.pixel_losses import build_loss

K, WEIGHTS = 4, [0.5, 2.0, 0.0, 3.0]
type Floats = NDArray[np.float64]


def drawn(seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Return four patches: one whole, one partly labelled, one of one class, one without labels."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, K, (4, 6, 5), generator=draw).to(torch.uint8)
    labels[1, :4] = IGNORE
    labels[1, 4:] %= 2
    labels[2] = 3
    labels[3] = IGNORE
    return (2 * torch.randn(4, K, 6, 5, generator=draw, dtype=dtype)).requires_grad_(), labels


def softmax(logits: Tensor) -> Floats:
    values = logits.detach().numpy().astype(np.float64)
    exp = np.exp(values - values.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def pixels_of(logits: Tensor, labels: Tensor) -> list[tuple[Floats, NDArray[np.int64]]]:
    """Return each patch's probabilities (n, K) and labels (n,) of its labelled pixels."""
    found = []
    for p, y in zip(softmax(logits), labels.numpy().astype(np.int64), strict=True):
        flat = y.ravel()
        found.append((p.reshape(K, -1).T[flat != IGNORE], flat[flat != IGNORE]))
    return found


def focal_by_loops(logits: Tensor, labels: Tensor, gamma: float, weights: list[float]) -> float:
    return -sum(
        weights[y] * (1 - p[y]) ** gamma * np.log(p[y])
        for probabilities, truth in pixels_of(logits, labels)
        for p, y in zip(probabilities, truth, strict=True)
    )


def smoothed_by_loops(logits: Tensor, labels: Tensor, epsilon: float, weights: list[float]) -> float:
    total = 0.0
    for probabilities, truth in pixels_of(logits, labels):
        for p, y in zip(probabilities, truth, strict=True):
            log = np.log(p) * weights
            total -= (1 - epsilon) * log[y] + epsilon * log.mean()
    return total


def by_patch(logits: Tensor, labels: Tensor, of_class: Callable[[Floats, NDArray[np.bool_]], float]) -> float:
    """Sum over patches: labelled pixels times the mean over the classes present."""
    total = 0.0
    for probabilities, truth in pixels_of(logits, labels):
        if truth.size:
            total += truth.size * np.mean([of_class(probabilities[:, k], truth == k) for k in np.unique(truth)])
    return float(total)


def tversky_of_class(alpha: float, beta: float) -> Callable[[Floats, NDArray[np.bool_]], float]:
    def found(p: Floats, truth: NDArray[np.bool_]) -> float:
        hit, wrong, missed = p[truth].sum(), p[~truth].sum(), (1 - p[truth]).sum()
        return float(1 - hit / (hit + alpha * wrong + beta * missed))

    return found


def lovasz_of_class(p: Floats, truth: NDArray[np.bool_]) -> float:
    """Sum of errors times the increments of the Jaccard loss of sets (Eq. 8 and 9), each set counted anew."""
    errors = np.abs(truth - p)
    order = np.argsort(-errors, kind="stable")

    def jaccard_loss(mispredicted: NDArray[np.intp]) -> float:
        wrong = np.zeros(truth.size, dtype=bool)
        wrong[mispredicted] = True
        predicted = truth ^ wrong
        return float(1 - (truth & predicted).sum() / (truth | predicted).sum())

    steps = [jaccard_loss(order[: i + 1]) - (jaccard_loss(order[:i]) if i else 0.0) for i in range(truth.size)]
    return float(errors[order] @ steps)


CASES: dict[str, tuple[LossSettings, list[float] | None, Callable[[Tensor, Tensor], float]]] = {
    "cross-entropy": (
        LossSettings(class_weights=WEIGHTS, label_smoothing=0.2), WEIGHTS,
        lambda z, y: smoothed_by_loops(z, y, 0.2, WEIGHTS),
    ),
    "focal": (
        LossSettings(name="focal", focal_gamma=1.5, class_weights=WEIGHTS), WEIGHTS,
        lambda z, y: focal_by_loops(z, y, 1.5, WEIGHTS),
    ),
    "focal, γ < 1": (
        LossSettings(name="focal", focal_gamma=0.5), None, lambda z, y: focal_by_loops(z, y, 0.5, [1.0] * K),
    ),
    "dice_ce": (
        LossSettings(name="dice_ce", dice_share=0.3, class_weights=WEIGHTS, label_smoothing=0.1), WEIGHTS,
        lambda z, y: 0.3 * by_patch(z, y, tversky_of_class(0.5, 0.5)) + 0.7 * smoothed_by_loops(z, y, 0.1, WEIGHTS),
    ),
    "tversky": (
        LossSettings(name="tversky", tversky_alpha=0.2), None, lambda z, y: by_patch(z, y, tversky_of_class(0.2, 0.7)),
    ),
    "lovasz": (LossSettings(name="lovasz"), None, lambda z, y: by_patch(z, y, lovasz_of_class)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_values_and_gradients_are_those_of_the_formula(case: str, seed: int) -> None:
    """Values by loops over pixels, gradients by central differences of these."""
    settings, weights, reference = CASES[case]
    logits, labels = drawn(seed)
    loss = build_loss(settings, K, weights)
    total, pixels = loss(logits, labels)
    assert total.dtype == torch.float64
    assert pixels == (labels != IGNORE).sum()
    assert total.item() == pytest.approx(reference(logits, labels), rel=1e-9)
    total.backward()
    assert logits.grad is not None
    assert torch.autograd.gradcheck(lambda z: loss(z, labels)[0], (logits,), eps=1e-7, atol=1e-6)
    step = 1e-6
    for place in [(0, 1, 2, 3), (0, 3, 0, 0), (1, 0, 5, 1), (2, 3, 3, 3), (2, 0, 1, 1), (3, 0, 0, 0), (1, 2, 0, 0)]:
        above, below = logits.detach().clone(), logits.detach().clone()
        above[place] += step
        below[place] -= step
        slope = (reference(above, labels) - reference(below, labels)) / (2 * step)
        assert logits.grad[place].item() == pytest.approx(slope, rel=1e-4, abs=1e-6), place


def test_kornia_agrees_where_it_is_right_about_ignored_pixels() -> None:
    """Its focal sum, and its Tversky and macro Dice of one patch alone; its means count ignored pixels or patches."""
    logits, labels = drawn()
    target = labels.long()
    found, pixels = build_loss(LossSettings(name="focal", class_weights=WEIGHTS), K, WEIGHTS)(logits, labels)
    weight = torch.tensor(WEIGHTS, dtype=torch.float64)
    theirs = kornia.losses.focal_loss(logits, target, None, 2.0, "sum", weight=weight, ignore_index=IGNORE)
    torch.testing.assert_close(found, theirs)
    mean = kornia.losses.focal_loss(logits, target, None, 2.0, "mean", ignore_index=IGNORE)
    plain = build_loss(LossSettings(name="focal"), K)(logits, labels)[0]
    assert mean.item() == pytest.approx((plain / labels.numel() / K).item()), "counts ignored pixels, and classes"
    assert pixels < labels.numel()

    sizes = (labels != IGNORE).sum(dim=(1, 2))
    for settings, theirs_of in (
        (LossSettings(name="tversky"), lambda z, y: kornia.losses.tversky_loss(z, y, 0.3, 0.7, ignore_index=IGNORE)),
        (
            LossSettings(name="dice_ce", dice_share=1.0),
            lambda z, y: kornia.losses.dice_loss(z, y, "macro", ignore_index=IGNORE),
        ),
    ):
        each = torch.stack([theirs_of(logits[[b]], target[[b]]) for b in range(4)])
        assert each[3] == 1, "a patch without labels enters its mean as loss 1"
        torch.testing.assert_close(build_loss(settings, K)(logits, labels)[0], (each * sizes).sum())


def test_smp_agrees_with_lovasz_patch_by_patch_and_not_with_dice_and_focal() -> None:
    """What docs/losses.md says of segmentation-models-pytorch 0.6; if a later version differs, so should the page."""
    logits, labels = drawn(dtype=torch.float32)  # its Lovász takes no other type
    target = labels.long()
    lovasz = LovaszLoss("multiclass", per_image=True, ignore_index=IGNORE)
    each = torch.stack([lovasz(logits[[b]], target[[b]]) for b in range(3)])
    sizes = (labels != IGNORE).sum(dim=(1, 2))
    torch.testing.assert_close(build_loss(LossSettings(name="lovasz"), K)(logits, labels)[0], (each * sizes[:3]).sum())
    assert lovasz(logits[[3]], target[[3]]).shape != (), "no scalar for a patch without labels"

    one = slice(2, 3)  # a patch of one class: smp's Dice divides by all classes, absent ones with loss 0
    dice = build_loss(LossSettings(name="dice_ce", dice_share=1.0), K)(logits[one], labels[one])
    theirs = DiceLoss("multiclass", ignore_index=IGNORE)(logits[one], target[one])
    torch.testing.assert_close(theirs, dice[0] / dice[1] / K)
    focal = build_loss(LossSettings(name="focal"), K)(logits, labels)
    assert not torch.isclose(FocalLoss("multiclass", ignore_index=IGNORE)(logits, target), focal[0] / focal[1])
