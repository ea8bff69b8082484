"""Generators for single purposes, so that no draw depends on what else was drawn."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator of a purpose: the same for a seed whatever else is drawn.

    Args:
        seed: The plan's seed, 0 or more.
        purpose: What it is for, as "points in <scene>".
    """
    key = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")
    return np.random.default_rng([seed, key])
