"""Batch norm of patches of another domain by their own statistics, which leave the running ones alone (decision 36)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lulcseg.errors import LulcsegError


@contextmanager
def by_own_statistics(network: nn.Module, learner: nn.Module) -> Iterator[None]:
    """Have batch norm normalise a batch by its own mean and variance, without moving the running ones.

    It concerns the layers that take statistics of their batches in the network that learns; those that rest (frozen
    parts) go by their running statistics here too. All other layers stay in their mode.

    Args:
        network: The network that learns, or one of the same layers that labels for it.
        learner: The network that learns, in training mode.

    Examples:
        >>> import torch
        >>> norm = nn.BatchNorm2d(1)
        >>> with by_own_statistics(norm, norm):
        ...     norm(torch.tensor([4.0, 6.0]).view(2, 1, 1, 1)).flatten().round().tolist()
        [-1.0, 1.0]
        >>> norm.running_mean.item()
        0.0
    """
    moving = [name for name, layer in learner.named_modules() if isinstance(layer, _BatchNorm) and layer.training]
    layers = [layer for layer in map(network.get_submodule, moving) if isinstance(layer, _BatchNorm)]
    before = [(layer.training, layer.track_running_stats) for layer in layers]
    for layer in layers:
        layer.training, layer.track_running_stats = True, False
    try:
        yield
    finally:
        for layer, (training, tracks) in zip(layers, before, strict=True):
            layer.training, layer.track_running_stats = training, tracks


def check_batch_statistics(network: nn.Module, where: str | Path) -> None:
    """Check that a network has batch norm.

    Raises:
        LulcsegError: It has no layer that takes statistics of its batches.
    """
    if not any(isinstance(layer, _BatchNorm) for layer in network.modules()):
        raise LulcsegError(
            "the network has no batch norm, whose statistics could be those of each domain",
            where=where,
            remedy="leave it out, or set model.norm=batch",
        )
