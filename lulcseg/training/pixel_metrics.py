"""Loss and confusion matrix of training pixels, accumulated on the device without waiting for it."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from lulcseg.legend import IGNORE


class PixelConfusion(Metric):
    """Confusion matrix of labels and predictions, over ranks.

    torchmetrics' own ``MulticlassConfusionMatrix`` selects the labelled pixels, and counts by ``torch.bincount``:
    on a GPU both make the CPU wait for it, in every step. The counts are the same.

    Args:
        classes: Number of classes K.

    Attributes:
        counts: (K, K) int64, rows = labels, columns = predictions.
    """

    full_state_update = False
    counts: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.add_state("counts", torch.zeros(classes, classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, labels: Tensor) -> None:
        """Add pixels.

        Args:
            predicted: Class index, whole numbers of any shape.
            labels: Class index of the same shape, uint8; 255 for ignore.
        """
        cells = self.classes**2
        pair = labels.long() * self.classes + predicted
        pair = torch.where(labels == IGNORE, cells, pair)  # an extra cell for ignored pixels
        self.counts += _counted(pair, cells + 1)[:-1].view(self.classes, self.classes)

    def compute(self) -> Tensor:
        """Return the counts, (K, K) int64."""
        return self.counts


class PixelLoss(Metric):
    """Mean loss over labelled pixels, over ranks.

    (torchmetrics' ``MeanMetric`` checks for NaN, for which the CPU waits; with the check off, version 1.9 drops the
    weights.)

    Attributes:
        total: Sum of the losses, float32.
        pixels: Number of labelled pixels, int64.
    """

    full_state_update = False
    total: Tensor
    pixels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("pixels", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, total: Tensor, pixels: Tensor) -> None:
        """Add a batch: its loss summed over labelled pixels, and their number (scalars)."""
        self.total += total
        self.pixels += pixels

    def compute(self) -> Tensor:
        """Return the mean, scalar float32; 0 if no pixel was labelled."""
        return self.total / self.pixels.clamp(min=1)


def _counted(cells: Tensor, number: int) -> Tensor:
    """Return how often each of 0 … number − 1 occurs, int64."""
    if not cells.is_cuda:  # histc takes no whole numbers on a CPU, where bincount makes nothing wait
        return torch.bincount(cells.flatten(), minlength=number)
    return torch.histc(cells, bins=number, min=0, max=number)
