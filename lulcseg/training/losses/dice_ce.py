"""Dice and cross-entropy together."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lulcseg.settings.loss import LossSettings
from lulcseg.training.losses.cross_entropy import CrossEntropy, at_least_float32
from lulcseg.training.losses.tversky import summed_tversky


class DiceCrossEntropy(nn.Module):
    """The weighted mean of the Dice loss of each patch's classes and the cross-entropy of its pixels.

    Label smoothing and class weights act on the cross-entropy: Dice's mean over classes counts a patch's rare classes
    as much as its frequent ones already. (Isensee et al. 2021, "nnU-Net", take the sum of both, which is twice the
    mean with equal shares.)

    Args:
        settings: Of the loss.
        class_weights: One number a class; None: all 1.
    """

    def __init__(self, settings: LossSettings, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.share = settings.dice_share
        self.cross_entropy = CrossEntropy(settings, class_weights)

    def forward(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum over patches and pixels, and the number of labelled pixels.

        Args:
            logits: (B, K, H, W).
            labels: (B, H, W) class index, 255 for ignore.
        """
        logits = at_least_float32(logits)  # once, so that both gradients are added in it
        dice, pixels = summed_tversky(logits, labels, alpha=0.5, beta=0.5)
        entropy, _ = self.cross_entropy(logits, labels)
        return self.share * dice + (1 - self.share) * entropy, pixels
