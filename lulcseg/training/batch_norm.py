"""Batch norm's running statistics, taken again of other patches than those trained on.

The weights stay as they were trained; what each layer takes as the mean and variance of its input becomes that of the
mosaic (Li et al. 2018, "Adaptive batch normalization for practical domain adaptation", Pattern Recognition 80).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lulcseg.errors import LulcsegError
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.predictor import PatchPredictor

BatchNormStatistics = Mapping[str, Tensor]
"""Means, variances and numbers of batches by their names in the network's ``state_dict``."""

_OF_LAYER = ("running_mean", "running_var", "num_batches_tracked")


def batch_norms(network: nn.Module) -> dict[str, _BatchNorm]:
    """Return the layers of a network that keep running statistics, by name.

    Examples:
        >>> list(batch_norms(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.GroupNorm(2, 4))))
        ['1']
    """
    found = {name: layer for name, layer in network.named_modules() if isinstance(layer, _BatchNorm)}
    return {name: layer for name, layer in found.items() if layer.running_mean is not None}


def check_batch_norm(network: nn.Module, where: str | Path) -> None:
    """Check that a network has batch norm.

    Raises:
        LulcsegError: It has no layer with running statistics.
    """
    if not batch_norms(network):
        raise LulcsegError(
            "its network has no batch norm, whose statistics could be those of the mosaic",
            where=where,
            remedy="set adapt=histogram, or adapt=none",
        )


def trained_shares(record: ModelRecord) -> NDArray[np.float64]:
    """Return each class's share of the pixels that a model was trained on, (K,).

    Raises:
        LulcsegError: Its record has none.
    """
    if record.class_shares is None:
        raise LulcsegError(
            "the model's record doesn't hold the classes' shares of its training patches, by which patches for batch "
            "norm's statistics are drawn",
            where="adapt",
            remedy="set adapt=histogram or adapt=none, or train it again with this version",
        )
    return np.array(record.class_shares, dtype=np.float64)


def take_statistics(predictor: PatchPredictor, batches: Iterable[tuple[Tensor, Tensor]]) -> BatchNormStatistics:
    """Set the statistics of a predictor's network to the mean over batches, and return them.

    Every batch counts the same, as in :func:`torch.optim.swa_utils.update_bn`. All other layers stay in evaluation
    mode, so that nothing is dropped out.

    Args:
        predictor: Its network is changed.
        batches: Images (B, C, P, P) in the imagery's own type and validity (B, P, P), of at least two patches each.

    Returns:
        The statistics, on the CPU.
    """
    layers = batch_norms(predictor.task.network)
    momenta = {name: layer.momentum for name, layer in layers.items()}
    for layer in layers.values():
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative mean
        layer.train()
    try:
        for image, valid in batches:
            predictor(image.to(predictor.device), valid.to(predictor.device))
    finally:
        for name, layer in layers.items():
            layer.momentum = momenta[name]
            layer.eval()
    state = predictor.task.network.state_dict()
    return {key: state[key].detach().cpu().clone() for name in layers for key in (f"{name}.{own}" for own in _OF_LAYER)}


def put_statistics(network: nn.Module, statistics: BatchNormStatistics) -> None:
    """Give a network's layers other statistics, in place."""
    known = network.state_dict()
    for name, value in statistics.items():
        known[name].copy_(value)
