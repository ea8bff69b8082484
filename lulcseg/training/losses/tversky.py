"""Tversky loss, and Dice, which is one of it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lulcseg.settings.loss import LossSettings
from lulcseg.training.losses.patch_regions import regions_of, summed_over_patches


class TverskyLoss(nn.Module):
    """Tversky loss of each patch's classes.

    Args:
        settings: Of the loss.
        class_weights: None; the settings refuse weights for it.
    """

    def __init__(self, settings: LossSettings, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        assert class_weights is None
        self.alpha, self.beta = settings.tversky_alpha, settings.tversky_beta

    def forward(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum over patches, weighted by their labelled pixels (:func:`summed_tversky`)."""
        return summed_tversky(logits, labels, alpha=self.alpha, beta=self.beta)


def summed_tversky(logits: Tensor, labels: Tensor, *, alpha: float, beta: float) -> tuple[Tensor, Tensor]:
    """Return the Tversky loss of each patch, summed with the patch's labelled pixels as its weight.

    The loss of a class in a patch is 1 − TP / (TP + α FP + β FN), with TP, FP and FN summed from softmax probabilities
    over the patch's labelled pixels (Salehi et al. 2017, "Tversky loss function for image segmentation using 3D fully
    convolutional deep networks", Eq. 1 and 2); a patch's is the mean over the classes that its labels have.
    α = β = 0.5 is the Dice loss (Milletari et al. 2016, there with squares in the denominator).

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) class index, 255 for ignore.
        alpha: Weight α of false positives, above 0.
        beta: Weight β of false negatives, above 0.

    Returns:
        Scalar float32, 0 (with a gradient of 0) if no pixel is labelled; scalar int64, the labelled pixels.

    Examples:
        >>> import torch
        >>> logits, labels = torch.zeros(1, 2, 1, 4), torch.tensor([[[0, 0, 0, 255]]])
        >>> total, pixels = summed_tversky(logits, labels, alpha=0.5, beta=0.5)
        >>> round((total / pixels).item(), 4), pixels.item()  # 1 − 1.5 / (1.5 + 0 + 0.5 · 1.5)
        (0.3333, 3)
    """
    regions = regions_of(logits, labels)
    hit = (regions.probabilities * regions.truth).sum(dim=(2, 3))
    predicted, labelled = regions.probabilities.sum(dim=(2, 3)), regions.truth.sum(dim=(2, 3))
    # a class without labels doesn't count, but 0 / 0 would leave a gradient of NaN
    whole = (hit + alpha * (predicted - hit) + beta * (labelled - hit)).masked_fill(labelled == 0, 1)
    return summed_over_patches(1 - hit / whole, regions)
