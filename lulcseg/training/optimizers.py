"""Optimisers by name, or anybody's by its dotted path."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lulcseg.errors import LulcsegError
from lulcseg.models.freezing import encoder_of
from lulcseg.settings.optim import OPTIMIZERS, OptimSettings
from lulcseg.settings.registry import build_target
from lulcseg.training.schedules import rate_curve

_TARGET = "optim._target_"

ParameterGroups = list[dict[str, Any]]


def build_optimizer(
    network: nn.Module,
    settings: OptimSettings,
    steps: int,
    *,
    fused: bool = False,
    frozen: Collection[nn.Parameter] = (),
    spent: Callable[[], float] = lambda: 0.0,
) -> dict[str, Any]:
    """Return Lightning's optimiser configuration.

    By name, weight decay spares biases and norms, whose size is no complexity. A target is called with all
    parameters, its arguments, and with ``lr`` and ``weight_decay`` of the settings if its signature names them. An
    encoder with a rate of its own is in groups of its own.

    Args:
        network: What to train.
        settings: Optimiser and schedule.
        steps: Optimiser steps of the whole run.
        fused: Whether a step is one kernel over all weights; else PyTorch's default.
        frozen: Parameters that are left out.
        spent: Returns the share of the training's time that is spent (:func:`~lulcseg.training.schedules.rate_curve`).

    Raises:
        LulcsegError: An unknown name, a target that can't be imported, refuses its arguments or isn't an optimiser, or
            a rate for the encoder of a network without one.
    """
    parts = _parts(network, settings, frozen)
    optimizer = _custom(parts, settings) if settings.target else _by_name(parts, settings, fused=fused)
    scheduler = LambdaLR(optimizer, rate_curve(settings, steps, spent))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def adamw(groups: ParameterGroups, settings: OptimSettings, *, fused: bool) -> Optimizer:
    """Return AdamW (Loshchilov & Hutter 2019) with PyTorch's other defaults."""
    return AdamW(groups, lr=settings.learning_rate, fused=fused or None)


def sgd(groups: ParameterGroups, settings: OptimSettings, *, fused: bool) -> Optimizer:
    """Return stochastic gradient descent with Nesterov's momentum."""
    return SGD(groups, lr=settings.learning_rate, momentum=settings.momentum, nesterov=True, fused=fused or None)


def _parts(
    network: nn.Module, settings: OptimSettings, frozen: Collection[nn.Parameter]
) -> list[tuple[list[nn.Parameter], float]]:
    """Return what is trained: the network's parameters, or the encoder's and the others', with factors on the rate."""
    left_out = {id(parameter) for parameter in frozen}
    trained = [parameter for parameter in network.parameters() if id(parameter) not in left_out]
    if settings.encoder_rate == 1:
        return [(trained, 1.0)]
    encoder = encoder_of(network, f"optim.encoder_rate={settings.encoder_rate}")
    of_encoder = {id(parameter) for parameter in encoder.parameters()}
    parts = [
        ([p for p in trained if id(p) in of_encoder], settings.encoder_rate),
        ([p for p in trained if id(p) not in of_encoder], 1.0),
    ]
    return [part for part in parts if part[0]]


def _by_name(
    parts: Sequence[tuple[Sequence[nn.Parameter], float]], settings: OptimSettings, *, fused: bool
) -> Optimizer:
    groups: ParameterGroups = []
    for parameters, factor in parts:
        own_rate = {} if factor == 1 else {"lr": factor * settings.learning_rate}
        weights, others = ([p for p in parameters if (p.ndim > 1) == decays] for decays in (True, False))
        groups += [
            {"params": weights, "weight_decay": settings.weight_decay, **own_rate},
            {"params": others, "weight_decay": 0.0, **own_rate},
        ]
    optimizer: Optimizer = OPTIMIZERS.load(settings.name)(groups, settings, fused=fused)
    return optimizer


def _custom(parts: Sequence[tuple[Sequence[nn.Parameter], float]], settings: OptimSettings) -> Optimizer:
    assert settings.target is not None
    offered = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    rate = settings.arguments.get("lr", settings.learning_rate)
    groups = [{"params": list(parameters)} | ({} if f == 1 else {"lr": f * rate}) for parameters, f in parts]
    weights = groups if len(groups) > 1 else groups[0]["params"]
    optimizer = build_target(settings.target, settings.arguments, _TARGET, weights, offered=offered)
    if not isinstance(optimizer, Optimizer):
        raise LulcsegError(
            f"{settings.target} returns {type(optimizer).__name__}",
            where=_TARGET,
            remedy="it must be a torch.optim.Optimizer",
        )
    return optimizer
