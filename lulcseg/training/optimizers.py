"""Optimiser and learning-rate schedule."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from lulcseg.settings.optim import OptimSettings


def rate_factor(step: int, steps: int, *, schedule: str, warmup: float) -> float:
    """Return the learning rate at a step, as a share of its peak.

    Args:
        step: Steps done.
        steps: Steps of the whole run.
        schedule: ``constant``, ``cosine`` or ``linear`` after the warm-up; the last two end at 0.
        warmup: Share of the steps over which the rate rises linearly from near 0.

    Examples:
        >>> [rate_factor(step, 100, schedule="linear", warmup=0.1) for step in (0, 9, 10, 55, 100)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    done = min(1.0, (step - rising) / max(1, steps - rising))
    return {"constant": 1.0, "cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1.0 - done}[schedule]


def build_optimizer(network: nn.Module, settings: OptimSettings, steps: int, *, fused: bool = False) -> dict[str, Any]:
    """Return Lightning's optimiser configuration.

    Weight decay spares biases and norms, whose size is no complexity.

    Args:
        network: What to train.
        settings: Optimiser and schedule.
        steps: Optimiser steps of the whole run.
        fused: Whether a step is one kernel over all weights; else PyTorch's default.
    """
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer: torch.optim.Optimizer
    if settings.name == "sgd":
        optimizer = torch.optim.SGD(
            groups, lr=settings.learning_rate, momentum=settings.momentum, nesterov=True, fused=fused or None
        )
    else:
        optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=fused or None)
    schedule, warmup = settings.schedule, settings.warmup
    scheduler = LambdaLR(optimizer, lambda step: rate_factor(step, steps, schedule=schedule, warmup=warmup))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
