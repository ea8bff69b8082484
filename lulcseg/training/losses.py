"""What training minimises."""

from __future__ import annotations

import torch
from torch import Tensor

from lulcseg.legend import IGNORE


def cross_entropy(logits: Tensor, target: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy over labelled pixels.

    Args:
        logits: (B, K, H, W).
        target: (B, H, W) class index, 255 where it doesn't count.
        label_smoothing: Share of the target spread over all classes.

    Returns:
        Scalar float32; 0 (with a gradient of 0) where no pixel is labelled.
    """
    total = torch.nn.functional.cross_entropy(
        logits.float(), target.long(), ignore_index=IGNORE, label_smoothing=label_smoothing, reduction="sum"
    )
    return total / (target != IGNORE).sum().clamp(min=1)
