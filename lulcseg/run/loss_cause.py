"""Looks for the patch that keeps a training's loss from being a number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lulcseg.grid import Bounds
from lulcseg.sampling.plan import TRAIN, Plan
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.fill_values import BandRange

_MOST_READ = 2000
"""Most patches read to find one."""


def undeclared_fill(scenes: Mapping[str, SceneDataset], plan: Plan) -> tuple[str, str] | None:
    """Return what is wrong with the first training patch whose valid pixels hold a fill value, and the remedy.

    Args:
        scenes: Datasets by scene name.
        plan: The patches.

    Returns:
        None if none of the first patches holds one.
    """
    rows = plan.rows[plan.rows["split"] == TRAIN]
    for number, name, extent in zip(rows.index[:_MOST_READ], rows["scene"], rows.geometry, strict=False):
        data = scenes[name]
        image, valid = data.imagery.read(data.grid.window_of(Bounds(*extent.bounds)))
        for band, values in enumerate(image[:, valid], start=1):
            fill = BandRange.of(np.asarray(values)).fill
            if fill is not None:
                x, y = extent.centroid.x, extent.centroid.y
                what = f"patch {number} of scene '{name}', at x {x:,.1f}, y {y:,.1f}, holds {fill:g} in its band {band}"
                return (
                    what,
                    f"declare it in the scene file, imagery.nodata: {fill!r} (see lulcseg check)",
                )
    return None
