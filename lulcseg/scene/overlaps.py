"""Overlapping polygons: which one wins, and how much ground they share."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray


def burn_order(geometries: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return the order in which polygons are burned, the one that wins last: the smaller polygon wins.

    A small feature drawn over a large one is the finer statement. Of two of equal area the later one wins.

    Args:
        geometries: Polygons, (n,), in file order.

    Returns:
        Indices of the polygons, (n,) int64.

    Example:
        >>> burn_order(shapely.box([0, 0, 1], [0, 0, 1], [1, 9, 2], [1, 9, 2])).tolist()
        [1, 0, 2]
    """
    return np.argsort(-shapely.area(geometries), kind="stable")


@dataclass(frozen=True)
class Overlaps:
    """Overlaps among polygons.

    Attributes:
        pairs: Pairs of polygons that share ground.
        area: Ground that pairs share, in m²; what three polygons share counts for each pair.
        differing: Pairs of different classes.
        largest: Class indices of the pair of different classes that shares the most; None without one.
    """

    pairs: int
    area: float
    differing: int
    largest: tuple[int, int] | None


def overlaps(features: gpd.GeoDataFrame) -> Overlaps:
    """Measure the overlaps of polygons; rounding along a common edge does not count.

    Args:
        features: Columns ``class_index`` and ``geometry`` (valid polygons).
    """
    geometries, classes = features.geometry.to_numpy(), features["class_index"].to_numpy()
    first, second = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    area = shapely.area(shapely.intersection(geometries[first], geometries[second]))
    real = area > 1e-6 * np.minimum(shapely.area(geometries[first]), shapely.area(geometries[second]))
    differ = real & (classes[first] != classes[second])
    largest = None
    if differ.any():
        worst = int(np.argmax(np.where(differ, area, 0)))
        largest = (int(classes[first[worst]]), int(classes[second[worst]]))
    return Overlaps(int(real.sum()), float(area[real].sum()), int(differ.sum()), largest)
