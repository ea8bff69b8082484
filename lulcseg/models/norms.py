"""Normalisation layers by name, for networks whose levels state how shallow they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lulcseg.settings.model import BATCH, GROUP, INSTANCE

_MOST_GROUPS = 32
_LEAST_CHANNELS = 8


class InstanceBatchNorm(nn.Module):
    """Instance norm of the first half of the channels, batch norm of the others (IBN-a of Pan et al. 2018).

    Args:
        channels: Number of channels, 2 or more.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.split = channels // 2
        self.instance = nn.InstanceNorm2d(self.split, affine=True)
        self.batch = nn.BatchNorm2d(channels - self.split)

    def forward(self, image: Tensor) -> Tensor:
        """Normalise (B, C, H, W), with H · W of 2 or more."""
        first, others = image[:, : self.split], image[:, self.split :]
        return torch.cat([self.instance(first), self.batch(others)], dim=1)


def norm_layer(name: str, channels: int, *, shallow: bool) -> nn.Module:
    """Return a normalisation layer, with a factor and an offset for each channel.

    Args:
        name: As in ``model.norm``.
        channels: Number of channels.
        shallow: Whether the layer is one that IBN-Net would mix; the others have batch norm there.

    Examples:
        >>> norm_layer("group", 64, shallow=True).num_groups
        8
        >>> type(norm_layer("instance_batch", 64, shallow=False)).__name__
        'BatchNorm2d'
    """
    if name == GROUP:
        return nn.GroupNorm(groups_of(channels), channels)
    if name == INSTANCE:
        return nn.InstanceNorm2d(channels, affine=True)
    if name == BATCH or not shallow:
        return nn.BatchNorm2d(channels)
    return InstanceBatchNorm(channels)


def groups_of(channels: int) -> int:
    """Return the number of groups of group norm: 32 (Wu & He 2018), or fewer, for groups of 8 channels or more.

    Examples:
        >>> [groups_of(channels) for channels in (4, 16, 32, 40, 68, 512)]
        [1, 2, 4, 5, 4, 32]
    """
    most = min(_MOST_GROUPS, max(1, channels // _LEAST_CHANNELS))
    return next(groups for groups in range(most, 0, -1) if channels % groups == 0)
