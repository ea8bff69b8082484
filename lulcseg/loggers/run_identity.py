"""A run's names at a logger: its trial, its value in it, its seed, its stage, its tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST_TAG = 64
"""Longest tag that Weights & Biases accepts, in characters."""


@dataclass(frozen=True)
class TrialPlace:
    """A run's place in a trial.

    Attributes:
        name: Name of the trial.
        value: Name of the value that the run tries.
        level: The number that the value represents, if any.
    """

    name: str
    value: str
    level: float | None = None


@dataclass(frozen=True)
class Identity:
    """A run's names.

    Attributes:
        trial: Its place in a trial.
        seed: Its seed.
        stage: ``train`` or ``predict``.
        tags: Its tags, to filter runs by.
        detail: Distinguishes several runs of the same stage, such as by the name of their map.
    """

    trial: TrialPlace
    seed: int
    stage: str
    tags: Sequence[str]
    detail: str = ""

    @property
    def name(self) -> str:
        """Value and seed, such as ``patch512_grid_seed3``."""
        whole = f"{self.trial.value}_seed{self.seed}"
        return f"{whole}_{self.detail}" if self.detail else whole

    @property
    def model(self) -> str:
        """Name of its model, unique to the trial, value and seed."""
        return f"{self.trial.name}-{self.trial.value}-seed{self.seed}"


def trial_of(config: Mapping[str, Any]) -> TrialPlace:
    """Return a run's place in a trial; a single run is a trial of its own, with one value.

    Args:
        config: The run's settings as plain Python, with ``trial`` (``name``, ``value``, ``level``) or without it.
    """
    name = str(config.get("name") or "run")
    trial = config.get("trial") or {}
    return TrialPlace(trial.get("name") or name, trial.get("value") or name, trial.get("level"))


def identity_of(
    config: Mapping[str, Any], scenes: Sequence[str], *, stage: str = "train", detail: str = ""
) -> Identity:
    """Return a run's names.

    Args:
        config: The run's settings as plain Python (``config.yaml``).
        scenes: Names of the scenes it trains on or maps.
        stage: ``train`` or ``predict``.
        detail: Distinguishes several runs of the same stage.
    """
    trial = trial_of(config)
    tags = [
        trial.name,
        trial.value,
        f"sampling:{config['sampling']['method']}",
        f"patch:{config['sampling']['patch_size']}",
        f"augment:{config['augment']['name']}",
        f"scaling:{config['scaling']['method']}",
        *(f"scene:{scene}" for scene in scenes),
    ]
    cut = tuple(dict.fromkeys(tag[:_LONGEST_TAG] for tag in tags))
    return Identity(trial, int(config["seed"]), stage, cut, detail)
