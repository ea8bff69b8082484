"""Which ground a plan's training patches cover."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.sampling.plan import Plan


def on_training_ground(points: gpd.GeoSeries, plan: Plan) -> NDArray[np.bool_]:
    """Return which points lie on ground of a training patch.

    The ground counts, whatever the date: a point of another date on ground trained on is inside.

    Args:
        points: Points with a CRS; missing ones are outside.
        plan: The plan, of any number of scenes.

    Returns:
        (n,) bool.
    """
    inside = np.zeros(len(points), dtype=bool)
    for scene in plan.scenes:
        patches = plan.of(scene, "train").geometry.to_numpy()
        here = points.to_crs(plan.grid(scene).crs).to_numpy()
        hits = shapely.STRtree(patches).query(here, predicate="intersects")
        inside[np.unique(hits[0])] = True
    return inside
