"""Scores of a confusion matrix for the training curves, on the device."""

from __future__ import annotations

import torch
from torch import Tensor

CLASSES = "classes"
"""Name of the number of classes that the mean F1 is over, among an epoch's values."""


def curve_values(confusion: Tensor) -> dict[str, Tensor]:
    """Return overall accuracy, kappa and mean F1.

    Args:
        confusion: (K, K) counts, rows = labels, columns = predictions.

    Returns:
        Scalars ``accuracy``, ``kappa`` and ``mean_f1``, 0 if nothing was counted. The mean is over the classes that
        have labels (:func:`classes_averaged`): one that is never predicted counts 0.

    Examples:
        >>> values = curve_values(torch.tensor([[8, 2], [1, 9]]))
        >>> {name: round(value.item(), 3) for name, value in values.items()}
        {'accuracy': 0.85, 'kappa': 0.7, 'mean_f1': 0.85}
    """
    counts = confusion.double()
    total = counts.sum().clamp(min=1)
    hits, rows, columns = counts.diag(), counts.sum(dim=1), counts.sum(dim=0)
    accuracy = hits.sum() / total
    chance = (rows * columns).sum() / total**2
    kappa = torch.where(chance < 1, (accuracy - chance) / (1 - chance).clamp(min=1e-12), torch.zeros_like(chance))
    f1 = 2 * hits / (rows + columns).clamp(min=1)
    mean_f1 = (f1 * (rows > 0)).sum() / classes_averaged(counts).clamp(min=1)
    return {name: value.float() for name, value in (("accuracy", accuracy), ("kappa", kappa), ("mean_f1", mean_f1))}


def classes_averaged(confusion: Tensor) -> Tensor:
    """Return over how many classes the mean F1 is: those that have labels.

    Args:
        confusion: (K, K) counts, rows = labels, columns = predictions.

    Examples:
        >>> classes_averaged(torch.tensor([[8, 2, 0], [0, 0, 0], [1, 9, 0]])).item()
        2
    """
    return (confusion.sum(dim=1) > 0).sum()
