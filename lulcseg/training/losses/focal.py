"""Focal loss: cross-entropy that discounts pixels which are classified well already."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lulcseg.legend import IGNORE
from lulcseg.settings.loss import LossSettings
from lulcseg.training.losses.cross_entropy import pixel_cross_entropy, weights_tensor


class FocalLoss(nn.Module):
    """Focal loss of the softmax, with class weights.

    Args:
        settings: Of the loss.
        class_weights: One number a class (α of the paper); None: all 1.
    """

    weights: Tensor | None

    def __init__(self, settings: LossSettings, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.gamma = settings.focal_gamma
        self.register_buffer("weights", weights_tensor(class_weights), persistent=False)

    def forward(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum over labelled pixels, and their number (:func:`summed_focal`)."""
        return summed_focal(logits, labels, gamma=self.gamma, weights=self.weights)


def summed_focal(
    logits: Tensor, labels: Tensor, *, gamma: float, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the focal loss summed over labelled pixels, and their number.

    A pixel's loss is −w(y) (1 − p)^γ log p, p being its label's softmax probability (Lin et al. 2017, "Focal loss for
    dense object detection", Eq. 5, there for two classes).

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) class index, 255 for ignore.
        gamma: γ, at least 0; 0 is cross-entropy.
        weights: (K,), one number a class; None: all 1.

    Returns:
        Scalar float32, 0 (with a gradient of 0) if no pixel is labelled; scalar int64.

    Examples:
        >>> total, pixels = summed_focal(torch.zeros(1, 2, 1, 3), torch.tensor([[[0, 1, 255]]]), gamma=2.0)
        >>> round(total.item(), 4), pixels.item()  # a quarter of the cross-entropy, at p = 0.5
        (0.3466, 2)
    """
    each = pixel_cross_entropy(logits, labels)
    missing = -torch.expm1(-each)  # 1 − p, exact near p = 1
    missing = missing.clamp(min=torch.finfo(each.dtype).tiny)  # where 0 ** (γ − 1) of the gradient would be infinite
    loss = missing**gamma * each
    if weights is not None:
        loss = loss * weights.to(loss.dtype)[torch.where(labels == IGNORE, 0, labels.long())]
    return loss.sum(), (labels != IGNORE).sum()
