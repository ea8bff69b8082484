"""The loss (``loss:``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lulcseg.settings.registry import Registry
from lulcseg.settings.schema import arguments_setting, setting, target_setting

LOSSES = Registry("loss", "loss.name", {"cross_entropy": "lulcseg.training.losses.cross_entropy.CrossEntropy"})
"""Losses by name: functions of the settings that return a ``SummedLoss``."""


@dataclass
class LossSettings:
    """The loss that training minimises. Pixels labelled `ignore` never count."""

    name: str = setting("cross_entropy", "Name of the loss.", choices=tuple(LOSSES))
    label_smoothing: float = setting(
        0.0, "Share of each target spread evenly over all classes, 0 to 0.5.", least=0.0, most=0.5
    )
    prior_correction: float = setting(
        0.0,
        "Share of the shift in class frequencies, caused by sampling, that logit adjustment corrects; 0: none, 1: all.",
        least=0.0,
        most=1.0,
    )
    target: str | None = target_setting("loss")
    arguments: dict[str, Any] = arguments_setting()
