"""Seeds and generators: derivations stay as they are, since every drawn number depends on them."""

from __future__ import annotations

import numpy as np
import torch

from lulcseg.augment.operation import seeds
from lulcseg.seeds import generator, keyed, mixed_seed, seed_from_draw


def test_derivations_never_change() -> None:
    assert generator(7, "points in a").integers(1 << 30) == 804246838
    assert keyed(7, 3).permutation(5).tolist() == [3, 0, 2, 4, 1]
    assert mixed_seed(1, 2, 3, 0) == 3822189696
    assert [seed_from_draw(u) for u in (0.0, 0.3, 0.999999)] == [0, 644245094, 2147481500]


def test_draws_repeat_and_ranks_differ() -> None:
    assert mixed_seed(1, 2, 3, 0) == mixed_seed(1, 2, 3, 0)
    assert len({mixed_seed(1, 2, 3, rank) for rank in range(8)}) == 8


def test_samples_seeds_are_their_draws() -> None:
    u = torch.from_numpy(np.random.default_rng(0).random(1000))
    assert seeds(u) == (u * 2**31).long().tolist()
