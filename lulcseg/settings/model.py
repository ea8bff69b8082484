"""The network (``model:``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lulcseg.settings.registry import Registry
from lulcseg.settings.schema import arguments_setting, setting, target_setting

NETWORKS = Registry(
    "network",
    "model.name",
    {"unet": "lulcseg.models.unet.build_unet", "smp": "lulcseg.models.smp_network.build_smp"},
)
"""Networks by name: functions of (settings, bands, classes) that return the module."""


@dataclass
class ModelSettings:
    """The network."""

    name: str = setting("unet", "The paper's U-Net, or one of segmentation-models-pytorch.", choices=tuple(NETWORKS))
    filters: int = setting(32, "Filters of the first level; they double at each level (unet).", least=1)
    depth: int = setting(4, "Number of 2×2 poolings (unet).", least=1, most=7)
    architecture: str = setting("Unet", "Architecture's name in segmentation-models-pytorch (smp).")
    encoder: str = setting("resnet34", "Encoder's name in segmentation-models-pytorch (smp).")
    encoder_weights: str | None = setting(None, "Pretrained weights of the encoder: a name, or null (smp).")
    target: str | None = target_setting("network")
    arguments: dict[str, Any] = arguments_setting()
