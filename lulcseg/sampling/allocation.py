"""Numbers of patches for each class and each feature: Equations 1 and 2 of Clark, Phinn & Scarth.

Pure arithmetic on areas. The unit of area matters: Eq. 1 is a ratio of logarithms, and only
areas in square metres give the paper's published counts (Table 4). Two other ways to share patches
among classes are there for comparison with Eq. 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.errors import LulcsegError

_SLACK = 1e-9
"""Relative excess over a whole number that counts as rounding error and is not rounded up."""


def class_patches(areas_m2: ArrayLike, n_patches: int, names: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Share patches among classes by the logarithm of their area (Eq. 1).

    ``N_cp = ceil(N_p · ln(a_c) / Σ ln(a_i))``. Rounding up makes the sum exceed ``n_patches``
    by fewer patches than there are classes.

    Args:
        areas_m2: Area of each class, (n_classes,), in m².
        n_patches: N_p, the requested total number of patches.
        names: Class names for the error message.

    Returns:
        Patches per class, (n_classes,) int64.

    Raises:
        LulcsegError: There is no class, ``n_patches`` is below 1, or a class has 1 m² or less,
            where its logarithm would be zero or negative.

    Example:
        >>> class_patches([60_000, 5_400, 150], 60).tolist()
        [27, 21, 13]
    """
    areas = np.asarray(areas_m2, dtype=np.float64)
    if areas.size == 0:
        raise LulcsegError("there is no class to share patches among", where="polygons")
    _check_requested(n_patches)
    small = np.flatnonzero(~(areas > 1.0))
    if small.size:
        first = int(small[0])
        name = names[first] if names is not None else f"number {first}"
        raise LulcsegError(
            f"class '{name}' covers {areas[first]:g} m², and Eq. 1's logarithm needs more than 1 m²",
            where="polygons",
            remedy="check that the CRS is metric and the polygons are not degenerate, or drop the class",
        )
    logs = np.log(areas)
    return _ceil(n_patches * logs / logs.sum())


def equal_classes(areas_m2: ArrayLike, n_patches: int) -> NDArray[np.int64]:
    """Share patches equally among classes (``balanced``); the remainder goes to the larger classes.

    Args:
        areas_m2: Area of each class, (n_classes,), in m².
        n_patches: Total number of patches.

    Returns:
        Patches per class, (n_classes,) int64, whose sum is ``n_patches``.

    Raises:
        LulcsegError: There are fewer patches than classes.

    Example:
        >>> equal_classes([60_000, 5_400, 150], 61).tolist()
        [21, 20, 20]
    """
    areas = np.asarray(areas_m2, dtype=np.float64)
    _check_one_each(n_patches, areas.size)
    return _round_to_sum(np.full(areas.size, n_patches / areas.size), n_patches, areas)


def inverse_classes(areas_m2: ArrayLike, n_patches: int, names: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Share patches among classes in inverse proportion to area, at least one each (``inverse_frequency``).

    Classes whose quota is below 1 get one patch; the others share the rest by largest remainder.

    Args:
        areas_m2: Area of each class, (n_classes,), in m².
        n_patches: Total number of patches.
        names: Class names for the error message.

    Returns:
        Patches per class, (n_classes,) int64, whose sum is ``n_patches``.

    Raises:
        LulcsegError: There are fewer patches than classes, or a class has no area.

    Example:
        >>> inverse_classes([60_000, 5_400, 150], 20).tolist()
        [1, 1, 18]
    """
    areas = np.asarray(areas_m2, dtype=np.float64)
    _check_one_each(n_patches, areas.size)
    empty = np.flatnonzero(~(areas > 0))
    if empty.size:
        first = int(empty[0])
        raise LulcsegError(
            f"class '{names[first] if names is not None else f'number {first}'}' has no area",
            where="polygons",
            remedy="remove its degenerate polygons",
        )
    counts = np.ones(areas.size, dtype=np.int64)
    sharing = np.ones(areas.size, dtype=np.bool_)
    while True:
        left = n_patches - int((~sharing).sum())
        quotas = left * (1 / areas[sharing]) / (1 / areas[sharing]).sum()
        if (quotas >= 1 - _SLACK).all():
            break
        sharing[np.flatnonzero(sharing)[quotas < 1 - _SLACK]] = False  # each takes its one patch from the total
    counts[sharing] = _round_to_sum(quotas, left, areas[sharing])
    return counts


def feature_patches(n_class: int, feature_areas: ArrayLike) -> NDArray[np.int64]:
    """Share a class's patches among its features by area, rounded up (Eq. 2, ``per_feature``).

    ``N_fp = ceil(N_cp · a_f / a_c)``: every feature gets at least one patch, and the sum may
    exceed ``n_class`` by up to one patch a feature.

    Args:
        n_class: N_cp, the class's patches by Eq. 1.
        feature_areas: Areas of the class's features, (n_features,), in any one unit.

    Returns:
        Patches per feature, (n_features,) int64, each at least 1.

    Raises:
        LulcsegError: ``n_class`` is below 1, or a feature has no area.

    Example:
        >>> feature_patches(10, [5_000, 400, 1]).tolist()
        [10, 1, 1]
    """
    return np.maximum(_ceil(_quotas(n_class, feature_areas)), 1)


def share_exactly(n_class: int, feature_areas: ArrayLike) -> NDArray[np.int64]:
    """Share a class's patches among its features by area without surplus (``exact``).

    Largest remainder method: every feature gets the integer part of its quota, and the remaining patches go
    one each to the largest remainders (ties: to the larger feature, then to the earlier one).
    Features may be left without a patch. This reproduces the published totals of Table 3 at 256²
    to 1024².

    Args:
        n_class: N_cp, the class's patches by Eq. 1.
        feature_areas: Areas of the class's features, (n_features,), in any one unit.

    Returns:
        Patches per feature, (n_features,) int64, whose sum is ``n_class``.

    Raises:
        LulcsegError: ``n_class`` is below 1, or a feature has no area.

    Example:
        >>> share_exactly(10, [5_000, 400, 1]).tolist()
        [9, 1, 0]
    """
    quotas = _quotas(n_class, feature_areas)
    return _round_to_sum(quotas, n_class, quotas)


def _check_requested(n: int) -> None:
    if n < 1:
        raise LulcsegError(
            f"{n} patches are requested, at least 1 is needed", where="sampling.patches", remedy="request more"
        )


def _check_one_each(n_patches: int, n_classes: int) -> None:
    _check_requested(n_patches)
    if n_patches < n_classes:
        raise LulcsegError(
            f"{n_patches} patches are fewer than one for each of {n_classes} classes",
            where="sampling.patches",
            remedy=f"request at least {n_classes}",
        )


def _quotas(n_class: int, feature_areas: ArrayLike) -> NDArray[np.float64]:
    _check_requested(n_class)
    areas = np.asarray(feature_areas, dtype=np.float64)
    empty = np.flatnonzero(~(areas > 0))
    if empty.size:
        raise LulcsegError(
            f"{empty.size} of {areas.size} features of a class have no area (the first is number {empty[0]})",
            where="polygons",
            remedy="remove the degenerate polygons",
        )
    quotas: NDArray[np.float64] = n_class * (areas / areas.sum())
    return quotas


def _round_to_sum(quotas: NDArray[np.float64], total: int, areas: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round quotas to whole numbers of a given sum: largest remainder, ties to the larger area, then the earlier."""
    counts = np.floor(quotas).astype(np.int64)
    left = total - int(counts.sum())
    # Rounded, so that equal quotas tie instead of differing in the last bit.
    remainders = np.round(quotas - counts, 9)
    order = np.lexsort((np.arange(quotas.size), -areas, -remainders))
    counts[order[:left]] += 1
    return counts


def _ceil(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round up, with 3.0000000001 counted as 3."""
    return np.ceil(values - _SLACK * np.maximum(1.0, np.abs(values))).astype(np.int64)
