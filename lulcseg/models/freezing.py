"""Parts of a network that keep their weights in training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lulcseg.errors import LulcsegError
from lulcseg.settings.model import frozen_stages

_IMAGE = 64
"""Width and height of the image that shows which weights a stage depends on, if the encoder takes it."""


@dataclass(frozen=True)
class Frozen:
    """What a network doesn't train.

    Attributes:
        parameters: Without gradient, to be left out of the optimiser.
        modules: To be kept in evaluation mode, so that batch norm keeps its statistics.
    """

    parameters: tuple[nn.Parameter, ...] = ()
    modules: tuple[nn.Module, ...] = ()

    def rest(self) -> None:
        """Put the parts into evaluation mode."""
        for module in self.modules:
            module.eval()


def encoder_of(network: nn.Module, setting: str) -> nn.Module:
    """Return a network's encoder.

    Args:
        network: The network.
        setting: The setting that needs it, to name in the error.

    Raises:
        LulcsegError: It has none.
    """
    encoder = getattr(network, "encoder", None)
    if isinstance(encoder, nn.Module):
        return encoder
    raise LulcsegError(
        f"{type(network).__name__} has no encoder",
        where=setting,
        remedy=f"use model=smp, or leave {setting.partition('=')[0]} out",
    )


def freeze(network: nn.Module, part: str) -> Frozen:
    """Freeze a part of a network.

    Args:
        network: The network; its parameters are changed in place.
        part: ``none``, ``encoder`` or ``first_n``, as in ``model.freeze``.

    Raises:
        LulcsegError: The network has no encoder, or not as many stages.
    """
    if part == "none":
        return Frozen()
    encoder = encoder_of(network, f"model.freeze={part}")
    stages = frozen_stages(part)
    chosen = list(encoder.parameters()) if stages is None else _first(encoder, stages)
    for parameter in chosen:
        parameter.requires_grad = False
    if stages is None:
        frozen = Frozen(tuple(chosen), (encoder,))
    else:
        ids = {id(parameter) for parameter in chosen}
        own = ((module, list(module.parameters(recurse=False))) for module in encoder.modules())
        modules = tuple(m for m, parameters in own if parameters and all(id(p) in ids for p in parameters))
        frozen = Frozen(tuple(chosen), modules)
    frozen.rest()
    return frozen


def _first(encoder: nn.Module, number: int) -> list[nn.Parameter]:
    """Return the parameters of the first stages: all that the feature map of that number depends on."""
    stages = stage_parameters(encoder)
    if number > len(stages):
        raise LulcsegError(
            f"the encoder has {len(stages)} stages",
            where=f"model.freeze=first_{number}",
            remedy=f"use first_1 to first_{len(stages)}, or encoder",
        )
    return stages[number - 1]


def stage_parameters(encoder: nn.Module, bands: int | None = None, size: int | None = None) -> list[list[nn.Parameter]]:
    """Return the parameters that each of an encoder's feature maps depends on, the first map's first.

    They are found by differentiation, whatever the encoder is made of. The encoder and the random generators are left
    as they were.

    Args:
        encoder: Returns a list of feature maps, or a tuple whose first item is one.
        bands: Of its input; None: as its first convolution takes.
        size: Width and height of the image that it is tried with; None: 64 pixels, or what it takes alone.

    Raises:
        LulcsegError: It returns something else.
    """
    parameters = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    convolution = next(module for module in encoder.modules() if isinstance(module, nn.Conv2d))
    side = size or fixed_size(encoder) or _IMAGE
    weight = convolution.weight
    image = torch.zeros(1, bands or convolution.in_channels, side, side, device=weight.device, dtype=weight.dtype)
    trains = {module: module.training for module in encoder.modules()}
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        features = encoder.eval()(image)
        found = features[0] if isinstance(features, tuple) else features
        if not isinstance(found, list) or not all(isinstance(each, Tensor) for each in found):
            raise LulcsegError(
                "the encoder doesn't return a list of feature maps",
                where="model.freeze",
                remedy="use model.freeze=encoder, or none",
            )
        stages: list[list[nn.Parameter]] = []
        for each in (feature for feature in found if feature.requires_grad and feature.numel()):
            grads = torch.autograd.grad(each.sum(), parameters, retain_graph=True, allow_unused=True)
            stages.append([p for p, grad in zip(parameters, grads, strict=True) if grad is not None])
    for module, mode in trains.items():
        module.training = mode
    return stages


def fixed_size(encoder: nn.Module) -> int | None:
    """Return the one width and height that an encoder of timm takes, in pixels; None: it takes others too."""
    for module in encoder.modules():
        size = getattr(module, "img_size", None)
        if getattr(module, "strict_img_size", False) and isinstance(size, (tuple, list)):
            return None if getattr(module, "dynamic_img_pad", False) else int(size[0])
    return None
