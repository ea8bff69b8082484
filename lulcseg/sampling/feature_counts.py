"""How many patches each feature gets: by its class, then by its area."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Features(NamedTuple):
    """What the counts depend on: the features of all scenes.

    Attributes:
        class_index: Class of each feature, (m,) int64.
        area_m2: Area of each feature, (m,) float64, in m².
        names: The legend's class names.
    """

    class_index: NDArray[np.int64]
    area_m2: NDArray[np.float64]
    names: Sequence[str]


class Counts(NamedTuple):
    """Number of patches to draw.

    Attributes:
        feature: For each feature, (m,) int64.
        wanted: For each class with features, by its index; empty if the method sets no number for a class.
    """

    feature: NDArray[np.int64]
    wanted: Mapping[int, int]


type CountPatches = Callable[[Features, int, np.random.Generator], Counts]
"""``(features, number of patches, generator)`` → counts."""

type ShareAmongClasses = Callable[[ArrayLike, int, Sequence[str] | None], NDArray[np.int64]]
"""``(areas of the classes in m², number of patches, class names)`` → patches of each class."""

type ShareAmongFeatures = Callable[[int, ArrayLike], NDArray[np.int64]]
"""``(patches of the class, areas of its features)`` → patches of each feature."""


def by_class(among_classes: ShareAmongClasses, among_features: ShareAmongFeatures) -> CountPatches:
    """Return a count that shares patches among the classes that have features, then each class's among its features.

    Args:
        among_classes: Shares patches among classes.
        among_features: Shares a class's patches among its features.
    """

    def count(features: Features, n_patches: int, _rng: np.random.Generator) -> Counts:
        class_index, area, names = features
        present, member = np.unique(class_index, return_inverse=True)
        wanted = among_classes(np.bincount(member, weights=area), n_patches, [names[i] for i in present])
        feature = np.zeros(area.size, dtype=np.int64)
        for i, n in enumerate(wanted.tolist()):
            feature[member == i] = among_features(n, area[member == i])
        return Counts(feature, dict(zip(present.tolist(), wanted.tolist(), strict=True)))

    return count
