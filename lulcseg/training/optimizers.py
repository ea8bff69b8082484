"""Optimisers by name, or anybody's by its dotted path."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lulcseg.errors import LulcsegError
from lulcseg.settings.optim import OPTIMIZERS, OptimSettings
from lulcseg.settings.registry import build_target
from lulcseg.training.schedules import rate_factor, schedule_of

_TARGET = "optim._target_"

ParameterGroups = list[dict[str, Any]]


def build_optimizer(network: nn.Module, settings: OptimSettings, steps: int, *, fused: bool = False) -> dict[str, Any]:
    """Return Lightning's optimiser configuration.

    By name, weight decay spares biases and norms, whose size is no complexity. A target is called with all
    parameters, its arguments, and with ``lr`` and ``weight_decay`` of the settings if its signature names them.

    Args:
        network: What to train.
        settings: Optimiser and schedule.
        steps: Optimiser steps of the whole run.
        fused: Whether a step is one kernel over all weights; else PyTorch's default.

    Raises:
        LulcsegError: An unknown name, or a target that can't be imported, refuses its arguments or isn't an optimiser.
    """
    optimizer = _custom(network, settings) if settings.target else _by_name(network, settings, fused=fused)
    schedule, warmup = schedule_of(settings.schedule), settings.warmup
    scheduler = LambdaLR(optimizer, lambda step: rate_factor(step, steps, schedule=schedule, warmup=warmup))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def adamw(groups: ParameterGroups, settings: OptimSettings, *, fused: bool) -> Optimizer:
    """Return AdamW (Loshchilov & Hutter 2019) with PyTorch's other defaults."""
    return AdamW(groups, lr=settings.learning_rate, fused=fused or None)


def sgd(groups: ParameterGroups, settings: OptimSettings, *, fused: bool) -> Optimizer:
    """Return stochastic gradient descent with Nesterov's momentum."""
    return SGD(groups, lr=settings.learning_rate, momentum=settings.momentum, nesterov=True, fused=fused or None)


def _by_name(network: nn.Module, settings: OptimSettings, *, fused: bool) -> Optimizer:
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer: Optimizer = OPTIMIZERS.load(settings.name)(groups, settings, fused=fused)
    return optimizer


def _custom(network: nn.Module, settings: OptimSettings) -> Optimizer:
    assert settings.target is not None
    offered = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    weights = list(network.parameters())
    optimizer = build_target(settings.target, settings.arguments, _TARGET, weights, offered=offered)
    if not isinstance(optimizer, Optimizer):
        raise LulcsegError(
            f"{settings.target} returns {type(optimizer).__name__}",
            where=_TARGET,
            remedy="it must be a torch.optim.Optimizer",
        )
    return optimizer
