"""Cross-entropy."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lulcseg.legend import IGNORE
from lulcseg.settings.loss import LossSettings


class CrossEntropy(nn.Module):
    """Cross-entropy, with label smoothing.

    Args:
        settings: Of the loss.
    """

    def __init__(self, settings: LossSettings) -> None:
        super().__init__()
        self.label_smoothing = settings.label_smoothing

    def forward(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum over labelled pixels, and their number (:func:`summed_cross_entropy`)."""
        return summed_cross_entropy(logits, labels, label_smoothing=self.label_smoothing)


def summed_cross_entropy(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy summed over labelled pixels, and their number.

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) class index, 255 for ignore.
        label_smoothing: Share of the target spread over all classes.

    Returns:
        Scalar float32, 0 (with a gradient of 0) if no pixel is labelled; scalar int64.

    Examples:
        >>> logits = torch.zeros(1, 2, 1, 3)
        >>> total, pixels = summed_cross_entropy(logits, torch.tensor([[[0, 1, 255]]]))
        >>> round(total.item(), 4), pixels.item()
        (1.3863, 2)
    """
    deterministic = torch.are_deterministic_algorithms_enabled()  # CUDA's sum isn't, and refuses
    total = torch.nn.functional.cross_entropy(
        logits.float(),
        labels.long(),
        ignore_index=IGNORE,
        label_smoothing=label_smoothing,
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
