"""Parts as a user's own package would have them: named by dotted path in the settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn


class TinyNetwork(nn.Module):
    """Two convolutions."""

    def __init__(self, bands: int, classes: int, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(bands, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, classes, 1))

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


class FixedClasses(nn.Conv2d):
    """Knows nothing of the legend."""

    def __init__(self) -> None:
        super().__init__(3, 5, 1)


class FailingNetwork(nn.Module):
    """Raises an error of its own."""

    def forward(self, image: Tensor) -> Tensor:
        raise RuntimeError("deliberate")


class OnlySeveral(TinyNetwork):
    """Loses the axis of the patches where there is one."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image).squeeze()


def not_a_network(bands: int) -> int:
    return bands


class FocalLoss(nn.Module):
    """Mean over labelled pixels of (1 - p)^gamma times the cross-entropy."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        return focal_loss(logits, labels, self.gamma)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
    each = nn.functional.cross_entropy(logits, labels, ignore_index=255, reduction="none")
    return ((1 - torch.exp(-each)) ** gamma * each).sum() / (labels != 255).sum()


def without_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.detach().sum()


def unreduced(logits: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits, labels, ignore_index=255, reduction="none")


def halving(done: float) -> float:
    """Return a schedule's factor."""
    return 0.5**done


class Darker(nn.Module):
    """Darkens every patch by a draw."""

    def __init__(self, bands: int, darkest: float = 0.5) -> None:
        super().__init__()
        self.bands, self.darkest = bands, darkest

    def forward(
        self, image: Tensor, mask: Tensor, valid: Tensor, *, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        factor = 1 - self.darkest * torch.rand(len(image), 1, 1, 1, generator=generator)
        return image * factor.to(image.device), mask, valid


class EpochDiary(pl.Callback):
    """Writes each epoch's number into a file."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        with self.path.open("a") as file:
            file.write(f"{trainer.current_epoch}\n")


def one_in_each(features, n_patches, rng, *, extra=0):
    """Count one patch in each feature, and some more in the first."""
    counts = np.ones(len(features.area_m2), dtype=int)
    counts[0] += extra
    return counts


def halves(features, n_patches, rng):
    """Return no counts."""
    return np.full(len(features.area_m2), 0.5)


def failing_count(features, n_patches, rng):
    """Raise an error of its own."""
    raise KeyError("boom")
