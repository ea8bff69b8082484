"""The ground that a plan's training patches cover, with the margin read around them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.sampling.patch_extents import boxes
from lulcseg.sampling.plan import TRAIN, Plan


def on_training_ground(points: gpd.GeoSeries, plan: Plan) -> NDArray[np.bool_]:
    """Return which points lie on ground used in training: in a training patch, or in the margin read around one.

    The date does not matter: a point of another date on ground used in training is inside. The margin
    is ``plan.meta["margin"]``, in pixels of each scene (default: none), clipped to the imagery.

    Args:
        points: Points with a CRS; missing points are outside.
        plan: The plan, of any number of scenes.

    Returns:
        (n,) bool.
    """
    inside = np.zeros(len(points), dtype=bool)
    margin = int(plan.meta.get("margin", 0))
    for scene in plan.scenes:
        grid, patches = plan.grid(scene), plan.of(scene, TRAIN)
        row, col, size = (patches[name].to_numpy() for name in ("row", "col", "size"))
        ground = boxes(grid, row, col, size, inset=-margin)
        if margin:
            ground = shapely.intersection(ground, shapely.box(*grid.bounds()))
        here = points.to_crs(grid.crs).to_numpy()
        hits = shapely.STRtree(ground).query(here, predicate="intersects")
        inside[np.unique(hits[0])] = True
    return inside
