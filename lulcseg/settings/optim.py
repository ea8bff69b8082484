"""Optimiser and learning rate (``optim:``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lulcseg.settings.registry import OpenChoices, Registry
from lulcseg.settings.schema import arguments_setting, refuse, setting, target_setting

OPTIMIZERS = Registry(
    "optimiser",
    "optim.name",
    {"adamw": "lulcseg.training.optimizers.adamw", "sgd": "lulcseg.training.optimizers.sgd"},
)
"""Optimisers by name: functions of (parameter groups, settings, fused)."""

SCHEDULES = Registry(
    "schedule",
    "optim.schedule",
    {name: f"lulcseg.training.schedules.{name}" for name in ("constant", "cosine", "linear", "one_cycle")},
)
"""Learning-rate schedules by name: functions from the share of training done, 0…1, to a factor on the rate."""


ONE_CYCLE = "one_cycle"


@dataclass
class OptimSettings:
    """Optimiser and learning-rate schedule; the paper prints neither."""

    name: str = setting("adamw", "Name of the optimiser.", choices=tuple(OPTIMIZERS))
    learning_rate: float = setting(3e-3, "Peak learning rate.", least=0.0)
    encoder_rate: float = setting(1.0, "Factor on the learning rate of the encoder's weights (model=smp).", least=0.0)
    weight_decay: float = setting(1e-2, "Decoupled weight decay.", least=0.0)
    momentum: float = setting(0.9, "Momentum (sgd).", least=0.0, most=1.0)
    schedule: str = setting(
        ONE_CYCLE,
        "Learning-rate schedule after the warm-up (one_cycle brings its own); or the dotted path of a function from "
        "the share done to a factor on the rate.",
        choices=OpenChoices(SCHEDULES),
    )
    warmup: float = setting(
        0.05,
        "Share of all optimiser steps over which the learning rate rises from 0 (all schedules but one_cycle).",
        least=0.0,
        most=0.5,
    )
    rise: float = setting(
        0.3,
        "Share of all optimiser steps over which the learning rate rises to its peak (one_cycle, in place of warmup).",
        least=0.0,
        most=0.9,
    )
    target: str | None = target_setting("optimiser")
    arguments: dict[str, Any] = arguments_setting()

    def __post_init__(self) -> None:
        """Refuse an encoder that has no learning rate."""
        if self.encoder_rate == 0:
            refuse("optim.encoder_rate=0 trains no encoder", "set model.freeze=encoder, which also keeps its norms")

    @property
    def rising_share(self) -> float:
        """Share of all optimiser steps over which the learning rate rises."""
        return self.rise if self.schedule == ONE_CYCLE else self.warmup
