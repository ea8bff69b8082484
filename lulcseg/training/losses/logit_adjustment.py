"""Correction of the logits for the shift of class shares that sampling brings."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


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

    Examples:
        >>> import torch
        >>> adjust_logits(torch.zeros(1, 2, 1, 1), torch.tensor([0.5, -0.5])).flatten().tolist()
        [0.5, -0.5]
    """
    return logits if prior_shift is None else logits + prior_shift.view(1, -1, 1, 1)


def correction_of(shift: Sequence[float] | None, strength: float, classes: int) -> Tensor | None:
    """Return what is added to the logits in training.

    Args:
        shift: (K,), the shift of each class's log prior; None: not known.
        strength: Share of it to correct; 0: none.
        classes: Number of classes K.

    Returns:
        (K,) float32; None if nothing is corrected.

    Raises:
        ValueError: A shift of another length, or none although it is to be corrected.
    """
    if shift is not None and len(shift) != classes:
        raise ValueError(f"prior_shift has {len(shift)} values, the legend {classes} classes")
    if strength == 0:
        return None
    if shift is None:
        raise ValueError("loss.prior_correction needs prior_shift")
    return strength * torch.tensor(list(shift), dtype=torch.float32)
