"""What training minimises."""

from __future__ import annotations

import torch
from torch import Tensor

from lulcseg.legend import IGNORE


def summed_cross_entropy(logits: Tensor, target: Tensor, *, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy summed over labelled pixels, and their number.

    Args:
        logits: (B, K, H, W).
        target: (B, H, W) class index, 255 where it doesn't count.
        label_smoothing: Share of the target spread over all classes.

    Returns:
        Scalar float32, 0 (with a gradient of 0) where no pixel is labelled; scalar int64.
    """
    deterministic = torch.are_deterministic_algorithms_enabled()  # CUDA's sum isn't, and refuses
    total = torch.nn.functional.cross_entropy(
        logits.float(),
        target.long(),
        ignore_index=IGNORE,
        label_smoothing=label_smoothing,
        reduction="none" if deterministic else "sum",
    ).sum()
    return total, (target != IGNORE).sum()


def cross_entropy(logits: Tensor, target: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy over labelled pixels, 0 where there are none.

    The arguments are those of :func:`summed_cross_entropy`.
    """
    total, pixels = summed_cross_entropy(logits, target, label_smoothing=label_smoothing)
    return total / pixels.clamp(min=1)


def adjust_logits(logits: Tensor, prior_shift: Tensor | None) -> Tensor:
    """Add the shift of class shares that sampling brought, so that the network need not learn it.

    The softmax of the sum then fits the sampled shares, and that of the logits alone the natural ones
    (logit adjustment: Menon et al. 2021, "Long-tail learning via logit adjustment", Eq. 10, there with
    the logarithm of the class shares; here of the sampled over the natural share).

    Args:
        logits: (B, K, H, W).
        prior_shift: (K,), log(sampled share / natural share) of each class; None: nothing is added.

    Returns:
        (B, K, H, W).
    """
    return logits if prior_shift is None else logits + prior_shift.view(1, -1, 1, 1)
