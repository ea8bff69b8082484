"""How many patches each feature gets, by the name of the method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.sampling.allocation import class_patches, equal_classes, feature_patches, inverse_classes, share_exactly


class Features(NamedTuple):
    """The features of all scenes, as far as counts depend on them.

    Attributes:
        class_index: Class of each, (m,) int64.
        area_m2: Area of each, (m,) float64, in m².
        names: The legend's class names.
    """

    class_index: NDArray[np.int64]
    area_m2: NDArray[np.float64]
    names: Sequence[str]


class Counts(NamedTuple):
    """How many patches are to be drawn.

    Attributes:
        feature: For each feature, (m,) int64.
        wanted: For each class with features, by its index; empty where the method names no number.
    """

    feature: NDArray[np.int64]
    wanted: Mapping[int, int]


type Method = Callable[[Features, int, np.random.Generator], Counts]
"""``(features, number of patches, generator)`` → counts."""

type _ClassShare = Callable[[ArrayLike, int, Sequence[str] | None], NDArray[np.int64]]
type _FeatureShare = Callable[[int, ArrayLike], NDArray[np.int64]]


def _by_class(among_classes: _ClassShare, among_features: _FeatureShare) -> Method:
    """Share patches among the classes that have features, then each class's among its features."""

    def count(features: Features, n_patches: int, _rng: np.random.Generator) -> Counts:
        class_index, area, names = features
        present, member = np.unique(class_index, return_inverse=True)
        wanted = among_classes(np.bincount(member, weights=area), n_patches, [names[i] for i in present])
        feature = np.zeros(area.size, dtype=np.int64)
        for i, n in enumerate(wanted.tolist()):
            feature[member == i] = among_features(n, area[member == i])
        return Counts(feature, dict(zip(present.tolist(), wanted.tolist(), strict=True)))

    return count


def _uniform(features: Features, n_patches: int, rng: np.random.Generator) -> Counts:
    """Draw each patch's feature with probability in proportion to area: uniform over the labelled ground."""
    area = features.area_m2
    return Counts(rng.multinomial(n_patches, area / area.sum()).astype(np.int64), {})


METHODS: Mapping[str, Method] = {
    "uniform": _uniform,
    "balanced": _by_class(lambda areas, n, _: equal_classes(areas, n), share_exactly),
    "inverse_frequency": _by_class(inverse_classes, share_exactly),
}
"""Ways to count without class totals to choose from."""

STRATIFIED: Mapping[str, Method] = {
    "per_feature": _by_class(class_patches, feature_patches),
    "exact": _by_class(class_patches, share_exactly),
}
"""Eq. 1 with each way to share a class's patches; ``covered`` starts from ``per_feature``."""
