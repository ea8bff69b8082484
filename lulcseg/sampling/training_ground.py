"""The ground that a plan's training patches cover, with the margin read around them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.sampling.patch_extents import boxes
from lulcseg.sampling.plan import TRAIN, Plan


class TrainingGround:
    """Tells which points lie on ground used in training: in a training patch, or in the margin read around one.

    The date does not matter: a point of another date on ground used in training is inside. The margin
    is ``plan.meta["margin"]``, in pixels of each scene (default: none), clipped to the imagery.

    Args:
        plan: The plan, of any number of scenes.
    """

    def __init__(self, plan: Plan) -> None:
        margin = int(plan.meta.get("margin", 0))
        self._trees: list[tuple[str, shapely.STRtree]] = []
        for scene in plan.scenes:
            grid, patches = plan.grid(scene), plan.of(scene, TRAIN)
            row, col, size = (patches[name].to_numpy() for name in ("row", "col", "size"))
            ground = boxes(grid, row, col, size, inset=-margin)
            if margin:
                ground = shapely.intersection(ground, shapely.box(*grid.bounds()))
            self._trees.append((grid.crs, shapely.STRtree(ground)))

    def contains(self, points: gpd.GeoSeries) -> NDArray[np.bool_]:
        """Return which points are inside, (n,) bool; missing points are outside.

        Args:
            points: Points with a CRS.
        """
        inside = np.zeros(len(points), dtype=bool)
        for crs, tree in self._trees:
            hits = tree.query(points.to_crs(crs).to_numpy(), predicate="intersects")
            inside[np.unique(hits[0])] = True
        return inside


def on_training_ground(points: gpd.GeoSeries, plan: Plan) -> NDArray[np.bool_]:
    """Return which points lie on ground used in training (:class:`TrainingGround`), (n,) bool."""
    return TrainingGround(plan).contains(points)
