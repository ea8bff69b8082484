"""Which settings change a run's result: the one list that fingerprints and the comparison of replicates share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

FREE = (
    "run_dir", "output", "name", "trial", "study", "cache", "logger", "show", "reading", "mosaic.workers",
    "mosaic.shares", "mosaic.strip", "trainer.activation_checkpointing", "trust_target",
)  # fmt: skip
"""Settings, or sections of settings, that don't change a run's result."""

FILES = ("scene", "scenes", "ckpt_path", "checkpoint", "members", "sampling.plan", "mosaic.region", "calibration")
"""Settings that name a file: the file's content changes the result, its path doesn't."""

ADDED: Mapping[str, Any] = {
    "adapt": "none",
    "augment.most": None,
    "calibration": "auto",
    "combine": "mean",
    "exchange.beta": 0.01,
    "exchange.kind": "histogram",
    "exchange.least": 1.0,
    "exchange.p": 0.0,
    "loss.class_weights": "none",
    "loss.dice_share": 0.5,
    "loss.effective_beta": 0.999,
    "loss.focal_gamma": 2.0,
    "loss.tversky_alpha": 0.3,
    "loss.tversky_beta": 0.7,
    "members": "all",
    "model.dropout": 0.0,
    "model.encoder_deviation": None,
    "model.encoder_mean": None,
    "model.freeze": "none",
    "model.norm": "batch",
    "mosaic.review_precision": None,
    "mosaic.scale": 1.0,
    "optim.encoder_rate": 1.0,
    "optim.rise": 0.3,
    "scaling.before_augmentation": False,
    "scenes.sources": [],
    "self_training.batch_norm": "shared",
    "self_training.begins": 0.3,
    "self_training.confidence": 0.9,
    "self_training.decay": 0.99,
    "self_training.share": 0.5,
    "self_training.weight": 0.0,
    "trainer.ema": 0.0,
    "trainer.minutes": None,
    "trainer.monitor": "auto",
    "trainer.patience": None,
    "trainer.threads": None,
}
"""Settings that were added after runs had been made, with the values that stand for what earlier versions did (mostly
their defaults): at these they count as absent."""

OF_A_REPLICATE = ("seed", "ckpt_path", "checkpoint", "members")
"""Settings in which the replicates of a value differ by design."""


def settings_without(settings: Mapping[str, Any], left_out: Sequence[str]) -> dict[str, Any]:
    """Return settings by their dotted names, without some settings or whole sections.

    >>> settings_without({"seed": 1, "mosaic": {"batch_size": 8, "workers": 2}}, FREE)
    {'seed': 1, 'mosaic.batch_size': 8}
    """
    return {
        key: value
        for key, value in _flat(settings).items()
        if not any(key == name or key.startswith(f"{name}.") for name in left_out)
    }


def without_added(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by their dotted names, without those of :data:`ADDED` that have their default.

    >>> without_added({"seed": 1, "calibration": "auto"})
    {'seed': 1}
    """
    return {key: value for key, value in settings.items() if key not in ADDED or ADDED[key] != value}


def settings_digest(config: Path) -> str | None:
    """Return a digest of a run's settings that is equal for the replicates of a value.

    Args:
        config: The run's ``config.yaml``.

    Returns:
        16 hexadecimal digits; None if the file can't be read.
    """
    try:
        settings = yaml.load(config.read_text(encoding="utf-8"), _Loader)
    except (OSError, yaml.YAMLError):
        return None
    if not isinstance(settings, Mapping):
        return None
    counted = without_added(settings_without(settings, (*FREE, *OF_A_REPLICATE)))
    return hashlib.sha256(json.dumps(counted, sort_keys=True, default=str).encode()).hexdigest()[:16]


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""YAML's loader in C where it is installed: a trial has a hundred of these files."""


def _flat(plain: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in plain.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + str(key): value}
    return found
