"""The settings as a fingerprint counts them, the same as before presets stood in files.

Runs of earlier versions named a preset and left its values unset. A preset's values therefore count as unset as long as
the preset is the one that earlier versions had; those of a preset that was changed since, or is new, count in full.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from lulcseg.run_folder.settings_without_effect import FILES, FREE, settings_without, without_added
from lulcseg.settings.config import PredictConfig, TrainConfig
from lulcseg.settings.presets import GROUPS, load_preset, preset_names
from lulcseg.settings.schema import TARGET

LEFT_OUT = (*FREE, *FILES)
"""Settings that aren't part of the fingerprint: they don't change the result, or a file's content counts instead."""

SCALED_FIRST = "scaling.before_augmentation"

_EARLIER = {
    "augment/geometry": "c0c1785d7941b30c",
    "augment/light": "337b6f6c1244b87c",
    "augment/none": "44136fa355b3678a",
    "augment/paper": "7a3e73fb53809007",
    "mosaic/cheap": "14721ae8cace593f",
    "mosaic/crop": "1b895ace27893595",
    "mosaic/grids": "709e252a7281d209",
    "mosaic/multiple": "6bcca996a4372ea1",
    "mosaic/rotations": "b8981d38cdaa8a66",
    "mosaic/single": "44136fa355b3678a",
}
"""Digests of the presets of earlier versions."""


def fingerprinted_settings(config: TrainConfig | PredictConfig) -> dict[str, Any]:
    """Return the settings that count, by their dotted names.

    Args:
        config: A run's settings, with the values of their presets.
    """
    settings = without_added(settings_without(asdict(config), LEFT_OUT))
    unset = f".{TARGET.strip('_')}"
    settings = {key: value for key, value in settings.items() if value is not None or not key.endswith(unset)}
    if isinstance(config, TrainConfig) and not config.scaling.comes_first:
        settings.pop(SCALED_FIRST, None)  # as in runs of versions that always scaled after augmentation
    for group in GROUPS:
        if (section := getattr(config, group, None)) is not None:
            settings = _without_preset(settings, group, type(section), section.name)
    return settings


def _without_preset(settings: dict[str, Any], group: str, section: type, name: str) -> dict[str, Any]:
    """Return the settings with the values of a preset of earlier versions as they were then: unset."""
    if name not in preset_names(group) or _digest(group, name) != _EARLIER.get(f"{group}/{name}"):
        return settings
    named = settings_without(asdict(section(name=name)), ())
    values = settings_without(asdict(section(name=name).with_preset()), ())
    counted = {}
    for key, value in settings.items():
        own = key.removeprefix(f"{group}.")
        if key == own or own not in values or values[own] != value:
            counted[key] = value
        elif own in named:
            counted[key] = named[own]
    return counted


def _digest(group: str, name: str) -> str:
    content = json.dumps(load_preset(group, name), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
