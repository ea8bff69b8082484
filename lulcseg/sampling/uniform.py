"""The method ``uniform``: patches centred on points uniform over all the labelled ground."""

from __future__ import annotations

import numpy as np

from lulcseg.sampling.draw_in_features import counted_in_features
from lulcseg.sampling.feature_counts import Counts, Features


def count_uniform(features: Features, n_patches: int, rng: np.random.Generator) -> Counts:
    """Draw each patch's feature with probability proportional to area.

    Args:
        features: The features.
        n_patches: Total number of patches, met exactly.
        rng: Source of randomness.
    """
    area = features.area_m2
    return Counts(rng.multinomial(n_patches, area / area.sum()).astype(np.int64), {})


UNIFORM = counted_in_features(count_uniform)
