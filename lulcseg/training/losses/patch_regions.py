"""What Dice, Tversky and Lovász-Softmax share: one value a patch, of the classes that its labels have."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lulcseg.legend import IGNORE
from lulcseg.training.losses.cross_entropy import at_least_float32


class PatchRegions(NamedTuple):
    """Predicted and labelled regions of each patch's classes, without its ignored pixels.

    Attributes:
        probabilities: (B, K, H, W) softmax, 0 at ignored pixels, where no gradient passes either.
        truth: (B, K, H, W) bool, whether a pixel is labelled with the class.
        labelled: (B, H, W) bool.
    """

    probabilities: Tensor
    truth: Tensor
    labelled: Tensor


def regions_of(logits: Tensor, labels: Tensor) -> PatchRegions:
    """Return the predicted and the labelled regions.

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) class index, 255 for ignore.
    """
    labelled = labels != IGNORE
    within = labelled.unsqueeze(1)
    classes = torch.arange(logits.shape[1], device=labels.device).view(1, -1, 1, 1)
    values = torch.where(within, at_least_float32(logits), 0)
    probabilities = torch.where(within, values.softmax(dim=1), 0)
    return PatchRegions(probabilities, labels.unsqueeze(1) == classes, labelled)


def summed_over_patches(losses: Tensor, regions: PatchRegions) -> tuple[Tensor, Tensor]:
    """Return the losses of classes as a sum over patches, each weighted by its labelled pixels.

    Args:
        losses: (B, K), the loss of each class in each patch; those of classes that the patch hasn't don't count.
        regions: What they are the losses of.

    Returns:
        Σ n(b) · mean loss of the classes in patch b, n being its labelled pixels, scalar, 0 (with a gradient of 0) if
        no pixel is labelled; and Σ n(b), scalar int64.
    """
    present = regions.truth.any(dim=3).any(dim=2)
    pixels = regions.labelled.sum(dim=(1, 2))
    mean = torch.where(present, losses, 0).sum(dim=1) / present.sum(dim=1).clamp(min=1)
    return (mean * pixels).sum(), pixels.sum()
