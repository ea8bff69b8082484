"""A scene's polygons with decided ones in their place: which of the old ones are cut, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from lulcseg.corrections.decided_places import DecidedPlace
from lulcseg.legend import IGNORE, Legend
from lulcseg.scene.labels import areal
from lulcseg.scene.legend_spec import IGNORE_NAME
from lulcseg.scene.overlaps import burn_order
from lulcseg.scene.scene import Scene

_SLIVER = 1e-9
"""Share of a polygon up to which what is left of it is rounding."""


def revise_polygons(scene: Scene, places: Sequence[DecidedPlace]) -> gpd.GeoDataFrame:
    """Return a scene's polygons with decided ones in their place.

    Of overlapping polygons the smaller one wins: old polygons larger than the decided ones on them stay as they are, to
    the last digit, and so does their order. Smaller ones lose the decided ground. What is left of such a one is smaller
    than it was, and loses as well what would now win over no longer.

    Args:
        scene: A scene whose labels are polygons, or that has none.
        places: Decided places, none of which overlaps another.

    Returns:
        Columns ``class`` (name, or ``ignore``), ``origin`` (``labels``, or the review file), ``feature`` (row in the
        labels' file, or place in the review, from 1), ``interpreter``, and geometry (MultiPolygons) in the scene's CRS.
    """
    decided = np.array([place.geometry for place in places], dtype=object)
    parts = [
        pd.DataFrame(
            {
                "class": [class_or_ignore(place.class_index, scene.legend) for place in places],
                "origin": [place.review for place in places],
                "feature": [place.number for place in places],
                "interpreter": [place.interpreter or None for place in places],
                "geometry": decided,
            }
        )
    ]
    if (features := scene.features) is not None:
        geometry = cut_decided(features.geometry.to_numpy(), decided)
        names = [class_or_ignore(int(index), scene.legend) for index in features["class_index"]]
        columns = {"class": names, "origin": "labels", "feature": features["feature"].to_numpy() + 1}
        own = pd.DataFrame({**columns, "interpreter": None, "geometry": geometry})
        parts.insert(0, own[~shapely.is_empty(geometry)])
    frame = pd.concat(parts, ignore_index=True)
    outlines = as_multipolygons(frame.pop("geometry"))
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(outlines, crs=scene.grid.crs))


def cut_decided(geometry: NDArray[np.object_], decided: NDArray[np.object_]) -> NDArray[np.object_]:
    """Cut polygons so that decided ones written after them win by size, and nothing else about them changes.

    Args:
        geometry: (n,) polygons, in file order.
        decided: (d,) decided polygons.

    Returns:
        (n,) polygons; those that needn't be cut are the same objects, some may be empty.

    Example:
        The first is larger than the decided one, the second is not:

        >>> old = np.array([shapely.box(0, 0, 9, 9), shapely.box(1, 1, 2, 2)])
        >>> [float(each.area) for each in cut_decided(old, np.array([shapely.box(1.5, 1, 4, 3)]))]
        [81.0, 0.5]
    """
    found = geometry.copy()
    if not len(decided):
        return found
    size, decided_size = shapely.area(geometry), shapely.area(decided)
    touched, near = _on_each_other(geometry, decided)
    rank = np.empty(len(geometry), dtype=np.int64)
    rank[burn_order(geometry)] = np.arange(len(geometry))
    tree = shapely.STRtree(geometry)
    smaller = np.unique(touched[size[touched] < decided_size[near]])
    for k in smaller[np.argsort(-rank[smaller])].tolist():  # from the one on top of all, which depends on none
        above = tree.query(geometry[k], predicate="intersects")
        above = np.sort(above[rank[above] > rank[k]])
        above = above[~shapely.touches(geometry[above], geometry[k])]
        here = near[touched == k]
        covers = np.concatenate([found[above], decided[here]])
        covers_size = np.concatenate([shapely.area(found[above]), decided_size[here]])
        covers_later = np.concatenate([above > k, np.ones(len(here), dtype=np.bool_)])
        ground, cut = geometry[k], np.zeros(len(covers), dtype=np.bool_)
        while True:
            now = float(shapely.area(ground))
            loses = ~cut & ((covers_size > now) | ((covers_size == now) & ~covers_later))
            if not loses.any():
                break
            ground = areal(shapely.difference(ground, shapely.union_all(covers[loses])))
            cut |= loses
        found[k] = ground if shapely.area(ground) > _SLIVER * size[k] else shapely.Polygon()
    return found


def _on_each_other(
    geometry: NDArray[np.object_], decided: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of polygons and decided ones that share more than an edge."""
    touched, near = shapely.STRtree(decided).query(geometry, predicate="intersects")
    real = ~shapely.touches(geometry[touched], decided[near])
    return touched[real], near[real]


def as_multipolygons(polygons: Iterable[Any]) -> NDArray[np.object_]:
    """Return polygons and multipolygons as multipolygons, the type of a layer that holds both."""
    return np.array([shapely.MultiPolygon(shapely.get_parts(each).tolist()) for each in polygons], dtype=object)


def class_or_ignore(index: int, legend: Legend) -> str:
    """Return a class's name, ``ignore`` where there is no label."""
    return IGNORE_NAME if index == IGNORE else legend.names[index]
