"""Networks with encoders, small, and files of their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from lulcseg.models.networks import build_network
from lulcseg.settings.model import ModelSettings

LITE0 = "tu-tf_efficientnet_lite0"


def smp(encoder: str = "resnet18", **settings: Any) -> ModelSettings:
    """Return settings of a network of segmentation-models-pytorch."""
    return ModelSettings(name="smp", encoder=encoder, **settings)


def encoder(name: str = "resnet18", bands: int = 3, seed: int = 1) -> nn.Module:
    """Return an encoder with random weights of a seed."""
    torch.manual_seed(seed)
    found = build_network(smp(name), bands, 2).encoder
    assert isinstance(found, nn.Module)
    return found


def save_encoder(path: Path, name: str = "resnet18", bands: int = 3, prefix: str = "") -> dict[str, torch.Tensor]:
    """Write an encoder's weights and a classifier's, and return the encoder's."""
    tensors = dict(encoder(name, bands).state_dict())
    torch.save({f"{prefix}{k}": v for k, v in tensors.items()} | {f"{prefix}fc.weight": torch.zeros(9, 512)}, path)
    return tensors
