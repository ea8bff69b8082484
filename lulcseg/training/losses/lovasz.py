"""Lovász-Softmax: the convex surrogate of the Jaccard index."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lulcseg.settings.loss import LossSettings
from lulcseg.training.losses.patch_regions import regions_of, summed_over_patches


class LovaszSoftmax(nn.Module):
    """Lovász-Softmax of each patch's classes.

    Args:
        settings: Of the loss.
        class_weights: None; the settings refuse weights for it.
    """

    def __init__(self, settings: LossSettings, class_weights: Sequence[float] | None = None) -> None:  # noqa: ARG002 (as every loss)
        super().__init__()
        assert class_weights is None

    def forward(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum over patches, weighted by their labelled pixels (:func:`summed_lovasz`)."""
        return summed_lovasz(logits, labels)


def summed_lovasz(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Lovász-Softmax loss of each patch, summed with the patch's labelled pixels as its weight.

    Berman et al. 2018, "The Lovász-Softmax loss", Eq. 8 and 9 and Algorithm 1: the errors |y − p| of a class, sorted,
    are weighted by the growth of the Jaccard loss as each pixel is added to the mispredicted; per image, over the
    classes present in it.

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) class index, 255 for ignore.

    Returns:
        Scalar float32, 0 (with a gradient of 0) if no pixel is labelled; scalar int64, the labelled pixels.

    Examples:
        >>> total, pixels = summed_lovasz(torch.zeros(1, 2, 1, 4), torch.tensor([[[0, 0, 1, 255]]]))
        >>> round((total / pixels).item(), 4), pixels.item()  # every error is 0.5, and so is its extension
        (0.5, 3)
    """
    regions = regions_of(logits, labels)
    errors = (regions.truth.to(regions.probabilities.dtype) - regions.probabilities).abs().flatten(2)
    with torch.no_grad():
        # the extension is linear between changes of the order, so that its slopes are constants of the gradient
        ignored = ~regions.labelled.flatten(1)
        slopes = torch.stack(
            [
                _jaccard_slopes(errors[:, k].masked_fill(ignored, -1), regions.truth[:, k].flatten(1))
                for k in range(errors.shape[1])
            ],
            dim=1,
        )
    return summed_over_patches((errors * slopes).sum(dim=2), regions)


def _jaccard_slopes(errors: Tensor, truth: Tensor) -> Tensor:
    """Return by how much the Jaccard loss grows with each pixel's error (Algorithm 1).

    Counts are whole numbers: exact in any patch, and on CUDA the same in every run.

    Args:
        errors: (B, N) errors; those of ignored pixels are below all others.
        truth: (B, N) bool, whether a pixel is labelled with the class.

    Returns:
        (B, N), of the errors' type; what ignored pixels get doesn't matter, their errors are 0.
    """
    order = errors.argsort(dim=1, descending=True, stable=True)
    hit = truth.gather(1, order)
    labelled = truth.sum(dim=1, keepdim=True)
    missed = hit.cumsum(dim=1)
    union = labelled + torch.arange(1, hit.shape[1] + 1, device=hit.device) - missed
    jaccard = 1 - (labelled - missed).to(errors.dtype) / union.clamp(min=1).to(errors.dtype)
    jaccard[:, 1:] -= jaccard[:, :-1].clone()
    return torch.empty_like(jaccard).scatter_(1, order, jaccard)
