"""Classes whose polygons are too small for the pixels: labels are given by pixels' centres, and they cover none."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from lulcseg.grid import Bounds, Grid, blocks
from lulcseg.legend import Legend
from lulcseg.scene.labels import inside

_BLOCK = 2048


def classes_without_pixels(features: gpd.GeoDataFrame, grid: Grid) -> list[int]:
    """Return the indices of classes that have polygons, none of which covers the centre of a pixel.

    Args:
        features: Columns ``class_index`` and ``geometry``, in the grid's CRS; none overlaps another.
        grid: The pixels.
    """
    found = []
    geometries, classes = features.geometry.to_numpy(), features["class_index"].to_numpy()
    area = shapely.area(geometries)
    for index in np.unique(classes[area > 0]).tolist():
        own = np.flatnonzero((classes == index) & (area > 0))
        if not any(_covers_centre(geometries[k], grid) for k in own[np.argsort(-area[own])]):  # the largest first
            found.append(index)
    return found


def vanished_note(classes: list[int], legend: Legend, grid: Grid) -> list[str]:
    """Return a sentence on classes without a pixel; nothing if there are none."""
    if not classes:
        return []
    return [
        f"No polygon of {', '.join(legend.names[k] for k in classes)} covers the centre of a pixel of "
        f"{grid.xres:g} m: without labels, no patch is drawn for it. Set a finer resolution:, or merge it with "
        "another class in labels.crosswalk."
    ]


def _covers_centre(geometry: Any, grid: Grid) -> bool:
    window = grid.window_of(Bounds(*geometry.bounds)).intersection(grid.window)
    return any(inside(geometry, grid, block).any() for block in blocks(window, _BLOCK, _BLOCK))
