"""Cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lulcseg.legend import IGNORE
from lulcseg.settings.loss import LossSettings


class CrossEntropy(nn.Module):
    """Cross-entropy, with label smoothing and class weights.

    Args:
        settings: Of the loss.
        class_weights: One number a class; None: all 1.
    """

    weights: Tensor | None

    def __init__(self, settings: LossSettings, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.label_smoothing = settings.label_smoothing
        self.register_buffer("weights", weights_tensor(class_weights), persistent=False)

    def forward(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum over labelled pixels, and their number (:func:`summed_cross_entropy`)."""
        return summed_cross_entropy(logits, labels, label_smoothing=self.label_smoothing, weights=self.weights)


def weights_tensor(class_weights: Sequence[float] | None) -> Tensor | None:
    """Return class weights as a tensor, (K,) float32; None if there are none."""
    return None if class_weights is None else torch.tensor(list(class_weights), dtype=torch.float32)


def at_least_float32(values: Tensor) -> Tensor:
    """Return values in float32, or in float64 if they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def pixel_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    label_smoothing: float = 0.0,
    weights: Tensor | None = None,
    reduction: str = "none",
) -> Tensor:
    """Return each pixel's cross-entropy, weighted by class.

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) class index, 255 for ignore.
        label_smoothing: Share ε of the target spread over all classes.
        weights: (K,), one number a class; None: all 1. With label smoothing, the log-probability of each class is
            weighted by that class, as in PyTorch.
        reduction: ``none``, or ``sum`` for their sum.

    Returns:
        (B, H, W) or a scalar, float32 (or float64 if the logits are); 0 at ignored pixels.

    Examples:
        >>> labels, weights = torch.tensor([[[0, 1, 255]]]), torch.tensor([1.0, 3.0])
        >>> pixel_cross_entropy(torch.zeros(1, 2, 1, 3), labels, weights=weights)
        tensor([[[0.6931, 2.0794, 0.0000]]])
    """
    values = at_least_float32(logits)
    return torch.nn.functional.cross_entropy(
        values,
        labels.long(),
        weight=None if weights is None else weights.to(values.dtype),
        ignore_index=IGNORE,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )


def summed_cross_entropy(
    logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy summed over labelled pixels, and their number.

    The number counts every labelled pixel once, whatever its weight: the mean is Σ w(y) CE / n. (PyTorch's own mean
    divides by Σ w(y), which differs between micro-batches and ranks, so that a step could not be split exactly.)

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) class index, 255 for ignore.
        label_smoothing: Share of the target spread over all classes.
        weights: (K,), one number a class; None: all 1.

    Returns:
        Scalar float32, 0 (with a gradient of 0) if no pixel is labelled; scalar int64.

    Examples:
        >>> logits = torch.zeros(1, 2, 1, 3)
        >>> total, pixels = summed_cross_entropy(logits, torch.tensor([[[0, 1, 255]]]))
        >>> round(total.item(), 4), pixels.item()
        (1.3863, 2)
    """
    deterministic = torch.are_deterministic_algorithms_enabled()  # CUDA's sum isn't, and refuses
    total = pixel_cross_entropy(
        logits,
        labels,
        label_smoothing=label_smoothing,
        weights=weights,
        reduction="none" if deterministic else "sum",
    ).sum()
    return total, (labels != IGNORE).sum()


def cross_entropy(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy over labelled pixels, 0 if there are none.

    The arguments are those of :func:`summed_cross_entropy`.

    Examples:
        >>> round(cross_entropy(torch.zeros(1, 2, 1, 3), torch.tensor([[[0, 1, 255]]])).item(), 4)
        0.6931
    """
    total, pixels = summed_cross_entropy(logits, labels, label_smoothing=label_smoothing)
    return total / pixels.clamp(min=1)
