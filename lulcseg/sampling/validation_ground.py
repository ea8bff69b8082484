"""The ground that validation patches show: of which classes, and whether there is enough to judge a model by.

The rule is stated here and in ``docs/selection.md``: at least :data:`LEAST_PATCHES` validation patches, and at least
:data:`LEAST_PIXELS` pixels of digitised ground under them of more than half of the classes, and of two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from lulcseg.sampling.patch_extents import boxes
from lulcseg.sampling.plan import VALIDATION, Plan

LEAST_PATCHES = 20
"""Validation patches below which nothing is held out by default."""

LEAST_PIXELS = 1000
"""Pixels of a class below which it doesn't count as shown; ground under several patches counts once."""


@dataclass(frozen=True)
class ValidationGround:
    """What the validation patches of a plan show.

    Attributes:
        patches: Number of validation patches.
        shown: Names of the classes with enough ground under them.
        missing: Names of the other classes that have polygons.
    """

    patches: int
    shown: list[str]
    missing: list[str]

    @property
    def shortfall(self) -> str | None:
        """What makes it too little to judge a model by; None if nothing does.

        Examples:
            >>> ValidationGround(5, ["Cane", "Berry"], []).shortfall
            '5 patches, fewer than 20'
            >>> ValidationGround(25, ["Cane"], ["Berry"]).shortfall
            '25 patches that show 1 of 2 classes (less than 1,000 pixels of Berry)'
            >>> ValidationGround(25, ["Cane", "Berry"], ["Other"]).shortfall is None
            True
        """
        if self.patches < LEAST_PATCHES:
            return f"{self.patches} patches, fewer than {LEAST_PATCHES}"
        if len(self.shown) < 2 or len(self.shown) <= len(self.missing):
            return f"{self.patches:,} patches that show {self._classes}"
        return None

    @property
    def warning(self) -> str | None:
        """A sentence on what the patches don't show; None if they show enough of every class.

        Examples:
            >>> ValidationGround(5, ["Cane", "Berry"], ["Other"]).warning
            'The 5 validation patches show 2 of 3 classes (less than 1,000 pixels of Other): too little to judge by.'
            >>> ValidationGround(90, ["Cane", "Berry"], ["Other"]).warning
            'The 90 validation patches show 2 of 3 classes (less than 1,000 pixels of Other).'
            >>> ValidationGround(90, ["Cane", "Berry"], []).warning is None
            True
        """
        if not self.missing and self.shortfall is None:
            return None
        verdict = "" if self.shortfall is None else ": too little to judge by"
        return f"The {self.patches:,} validation patches show {self._classes}{verdict}."

    @property
    def _classes(self) -> str:
        missing = f" (less than {LEAST_PIXELS:,} pixels of {', '.join(self.missing)})" if self.missing else ""
        return f"{len(self.shown)} of {len(self.shown) + len(self.missing)} classes{missing}"


def measure_validation(plan: Plan, pool: pd.DataFrame) -> ValidationGround:
    """Measure the digitised ground under a plan's validation patches.

    Args:
        plan: The plan.
        pool: The features of all its scenes (:func:`lulcseg.sampling.feature_pool.pooled`).

    Returns:
        The number of validation patches and the classes that they show; each scene's ground counts by itself.
    """
    names: list[str] = plan.meta["legend"]
    pixels = np.zeros(len(names))
    for scene in plan.scenes:
        pixels += _pixels(plan, scene, pool[pool["scene"] == scene])
    digitised = [(name, pixels[index]) for index, name in enumerate(names) if (pool["class_index"] == index).any()]
    return ValidationGround(
        patches=int((plan.rows["split"] == VALIDATION).sum()),
        shown=[name for name, found in digitised if found >= LEAST_PIXELS],
        missing=[name for name, found in digitised if found < LEAST_PIXELS],
    )


def _pixels(plan: Plan, scene: str, features: pd.DataFrame) -> NDArray[np.float64]:
    """Return the ground of each class under a scene's validation patches, (n_classes,) pixels."""
    n_classes, grid = len(plan.meta["legend"]), plan.grid(scene)
    rows = plan.of(scene, VALIDATION)
    if rows.empty or features.empty:
        return np.zeros(n_classes)
    row, col, size = (rows[name].to_numpy() for name in ("row", "col", "size"))
    ground = shapely.union_all(boxes(grid, row, col, size))
    geometry = features["geometry"].to_numpy()
    met = np.flatnonzero(shapely.intersects(ground, geometry))
    area = shapely.area(shapely.intersection(geometry[met], ground)) / grid.pixel_area
    found = np.bincount(features["class_index"].to_numpy()[met], weights=area, minlength=n_classes)
    return np.asarray(found, dtype=np.float64)
