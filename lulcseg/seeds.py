"""Random generators, one for each purpose, so that no draw depends on another."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the random generator for a purpose: independent of what else is drawn with the seed.

    Args:
        seed: The seed, 0 or more.
        purpose: What is drawn, such as "points in <scene>".

    Example:
        >>> generator(0, "points in west").random() == generator(0, "points in west").random()
        True
        >>> generator(0, "points in west").random() == generator(0, "points in east").random()
        False
    """
    key = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")
    return np.random.default_rng([seed, key])
