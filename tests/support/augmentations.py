"""Augmentations to try."""

from __future__ import annotations

from typing import Any

from lulcseg.augment.augmentation import Augmentation
from lulcseg.augment.build_augmentation import build


def only(name: str, bands: int, **settings: Any) -> Augmentation:
    """Return an augmentation that applies one operation to every sample."""
    return build("none", bands, p={name: 1.0}, **settings)
