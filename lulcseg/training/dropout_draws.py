"""Dropout's random draws: seeded for each micro-batch, as augmentation's are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from lulcseg.seeds import mixed_seed

_PURPOSE = 1
"""Set apart from augmentation, whose draws are seeded by the parts alone."""


@contextmanager
def dropout_draws(share: float, device: torch.device, parts: Sequence[int]) -> Iterator[None]:
    """Seed the global generators, which dropout draws from, and leave them as they were; nothing without dropout.

    Args:
        share: Share of the channels that are dropped.
        device: Of the network.
        parts: Seed, epoch, number of the batch within the epoch, and rank: the same numbers give the same draws.
    """
    if not share:
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(mixed_seed(*parts, _PURPOSE))
        yield
