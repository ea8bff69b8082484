"""Seeds and generators derived for single purposes, so that no draw depends on what else was drawn.

Every derivation of the package stands here:

- :func:`generator`: by a seed and a purpose in words (places of patches, points);
- :func:`keyed`: by a seed and whole numbers (the order of an epoch, the parts of a synthetic landscape);
- :func:`mixed_seed`: one seed from whole numbers, for generators of other libraries (augmentation of a batch);
- :func:`seed_from_draw`: a seed from a number in [0, 1), for draws that follow from a draw (noise of a sample).
"""

from __future__ import annotations

import hashlib

import numpy as np

from lulcseg.errors import LulcsegError


def check_seed(seed: int, where: str) -> int:
    """Return a seed.

    Args:
        seed: The seed.
        where: Option that gave it, for the error.

    Raises:
        LulcsegError: It is below 0.
    """
    if seed < 0:
        raise LulcsegError(f"{seed} is not a seed", where=where, remedy="give a whole number of 0 or more")
    return seed


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the random generator for a purpose: independent of what else is drawn with the seed.

    Args:
        seed: The plan's seed, 0 or more.
        purpose: What it is for, such as "points in <scene>".

    Examples:
        >>> bool(generator(0, "points").random() == generator(0, "points").random())
        True
        >>> bool(generator(0, "points").random() == generator(0, "order").random())
        False
    """
    key = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")
    return keyed(seed, key)


def keyed(seed: int, *keys: int) -> np.random.Generator:
    """Return the generator of a seed and further whole numbers, 0 or more each.

    Args:
        seed: The seed.
        *keys: What distinguishes its uses, such as the epoch.

    Examples:
        >>> keyed(1, 2).permutation(4).tolist() == keyed(1, 2).permutation(4).tolist()
        True
    """
    return np.random.default_rng([seed, *keys])


def mixed_seed(*parts: int) -> int:
    """Mix whole numbers, 0 or more each, into one seed.

    Args:
        *parts: Such as the run's seed, the epoch, the step and the rank.

    Returns:
        A whole number from 0 to 2³² − 1.

    Examples:
        >>> mixed_seed(1, 2, 3, 0) == mixed_seed(1, 2, 3, 0)
        True
        >>> len({mixed_seed(1, 2, 3, rank) for rank in range(8)})
        8
    """
    return int(np.random.SeedSequence(list(parts)).generate_state(1)[0])


def seed_from_draw(draw: float) -> int:
    """Turn a draw in [0, 1) into a seed from 0 to 2³¹ − 1.

    Examples:
        >>> seed_from_draw(0.5)
        1073741824
    """
    return int(draw * 2**31)
