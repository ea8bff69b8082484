"""The network (``model:``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lulcseg.settings.registry import Registry
from lulcseg.settings.schema import arguments_setting, refuse, setting, target_setting

NETWORKS = Registry(
    "network",
    "model.name",
    {"unet": "lulcseg.models.unet.build_unet", "smp": "lulcseg.models.smp_network.build_smp"},
)
"""Networks by name: functions of (settings, bands, classes) that return the module."""

BATCH, GROUP, INSTANCE, INSTANCE_BATCH = NORMS = ("batch", "group", "instance", "instance_batch")
"""Normalisation layers by name."""


_WIDEST = 16_384
"""Most filters of a level: its two convolutions then take about 20 GB."""


@dataclass
class ModelSettings:
    """The network."""

    name: str = setting("unet", "The paper's U-Net, or one of segmentation-models-pytorch.", choices=tuple(NETWORKS))
    filters: int = setting(32, "Filters of the first level; they double at each level (unet).", least=1)
    depth: int = setting(4, "Number of 2×2 poolings (unet).", least=1, most=7)
    norm: str = setting(
        BATCH,
        "Normalisation (unet): batch, group, instance, or instance_batch: half of the channels each, on the way down.",
        choices=NORMS,
    )
    dropout: float = setting(
        0.0, "Share of the channels of the bottom level that are dropped in training (unet).", least=0.0, most=0.9
    )
    architecture: str = setting("Unet", "Architecture's name in segmentation-models-pytorch (smp).")
    encoder: str = setting("resnet34", "Encoder's name in segmentation-models-pytorch (smp).")
    encoder_weights: str | None = setting(
        None,
        "Pretrained weights of the encoder (smp): imagenet or another name of smp or timm, a name of TorchGeo's "
        "(ResNet18_Weights.SENTINEL2_RGB_MOCO), a file (.safetensors, .pth, .pt, .ckpt), or null: random weights.",
    )
    encoder_mean: list[float] | None = setting(
        None,
        "Mean that the weights expect, one for all bands or one each, on the scale 0 to 1 that scaling ends in; null: "
        "the weights' own.",
    )
    encoder_deviation: list[float] | None = setting(
        None, "Standard deviation that goes with model.encoder_mean; null: the weights' own."
    )
    freeze: str = setting(
        "none",
        "Part that keeps its weights in training: none, encoder, or first_1, first_2, … stages of it.",
    )
    target: str | None = target_setting("network")
    arguments: dict[str, Any] = arguments_setting()

    def __post_init__(self) -> None:
        """Refuse a part to freeze that isn't one, statistics that are none, and what a network doesn't take."""
        if self.freeze not in {"none", "encoder"} and frozen_stages(self.freeze) is None:
            refuse(f"model.freeze={self.freeze} is not a part to freeze", "use none, encoder, or first_2 (stages)")
        if (self.encoder_mean is None) != (self.encoder_deviation is None):
            refuse("model.encoder_mean and model.encoder_deviation go together", "set both, or neither")
        if self.encoder_deviation is not None and not all(value > 0 for value in self.encoder_deviation):
            refuse(f"model.encoder_deviation={self.encoder_deviation} must be above 0", "use the weights' own")
        self._refuse_parts_of_unet()
        if self.target is None and self.name == "unet" and self.filters * 2**self.depth > _WIDEST:
            refuse(
                f"model.filters={self.filters} and model.depth={self.depth} make {self.filters * 2**self.depth:,} "
                f"filters at the bottom level, more than {_WIDEST:,}",
                "lower one of them",
            )

    def _refuse_parts_of_unet(self) -> None:
        asked = [f"model.norm={self.norm}"] if self.norm != BATCH else []
        asked += [f"model.dropout={self.dropout:g}"] if self.dropout else []
        if asked and (self.target is not None or self.name != "unet"):
            network = self.target or f"model={self.name}"
            refuse(
                f"{asked[0]} is of the U-Net, and {network} has layers of its own", "leave it out, or use model=unet"
            )
        if self.norm == INSTANCE_BATCH and self.filters < 2:
            refuse("model.norm=instance_batch halves the channels of a level", "use model.filters of 2 or more")


WEIGHTS_FILES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
"""Endings of files of weights."""


def names_file(weights: str | None) -> bool:
    """Whether ``model.encoder_weights`` names a file, and not weights of a library.

    >>> names_file("imagenet"), names_file("weights/resnet.pth"), names_file(None)
    (False, True, False)
    """
    return weights is not None and (weights.endswith(WEIGHTS_FILES) or "/" in weights)


def frozen_stages(freeze: str) -> int | None:
    """Return the number of stages in ``first_n``, n ≥ 1; None for anything else.

    >>> frozen_stages("first_2"), frozen_stages("encoder")
    (2, None)
    """
    found = re.fullmatch(r"first_([1-9]\d?)", freeze)
    return int(found.group(1)) if found else None
