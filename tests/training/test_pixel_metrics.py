"""Loss and confusion matrix of training pixels."""

from __future__ import annotations

import torch
from torchmetrics.classification import MulticlassConfusionMatrix

from lulcseg.legend import IGNORE
from lulcseg.training.pixel_metrics import PixelConfusion


def test_pixels_are_counted_as_torchmetrics_does() -> None:
    ours, theirs = PixelConfusion(9), MulticlassConfusionMatrix(9, ignore_index=IGNORE)
    for _ in range(3):
        predicted, labels = torch.randint(0, 9, (2, 50, 40)), torch.randint(0, 9, (2, 50, 40))
        labels[torch.rand(labels.shape) < 0.3] = IGNORE
        ours.update(predicted, labels.to(torch.uint8))
        theirs.update(predicted, labels)
    assert torch.equal(ours.compute(), theirs.compute())
    ours.reset()
    assert ours.compute().sum() == 0
