"""Summary of a plan: patches by class and feature, their overlap, their shift of the class prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.sampling.class_shares import Cover, shares_by_class
from lulcseg.sampling.patch_extents import find_intersections
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.plan_counts import count_patches


def summarise_plan(
    plan: Plan, polygons: Mapping[str, gpd.GeoDataFrame] | None = None, cover: Cover | None = None
) -> dict[str, Any]:
    """Count a plan's patches.

    Args:
        plan: The plan.
        polygons: The digitised features of each scene, by its name, with ``class_index``.
        cover: Counts under its training patches (:func:`lulcseg.sampling.class_shares.cover`).

    Returns:
        Plain Python, fit for JSON; classes by name:

        - what :func:`lulcseg.sampling.plan_counts.count_patches` counts;
        - with polygons, ``touches``: patches that intersect each class, where a patch counts in every class that
          it intersects (Table 4); and ``per_feature``: for each class with features, the least, median and largest
          number of patches of a feature, and ``without``: number of features without patches. A feature counts
          with its own class, even if its patches were given another by hand. None if patches are drawn in no
          feature;
        - with ``cover``, ``overlap`` of the training patches: ``ground`` (pixels covered), ``shared`` (the share of
          it in more than one patch), ``mean`` and ``most`` patches over a pixel of it; and, if labels were
          read, ``prior``: each class's share of the ground, of the labelled training pixels, and the shift
          of the log prior between them.
    """
    names = plan.meta["legend"]
    counts = count_patches(plan.rows, plan.meta)
    if polygons is not None:
        touches = sum(
            (_touches(plan, scene, frame) for scene, frame in polygons.items()),
            start=np.zeros(len(names), dtype=np.int64),
        )
        counts["touches"] = dict(zip(names, touches.tolist(), strict=True))
        counts["per_feature"] = _per_feature(plan, polygons)
    if cover is not None:
        counts["overlap"] = _overlap(cover)
        if cover.class_pixels is not None:
            counts["prior"] = shares_by_class(plan, cover)
    return counts


def _per_feature(plan: Plan, polygons: Mapping[str, gpd.GeoDataFrame]) -> dict[str, dict[str, float]] | None:
    """Return the distribution of patches over each class's features, including those without patches."""
    drawn = plan.rows[plan.rows["feature"] >= 0]
    if drawn.empty:
        return None
    of_feature = drawn.groupby(["scene", "feature"], sort=False).size()
    counts, classes = [], []
    for scene, frame in polygons.items():
        wanted = pd.MultiIndex.from_product([[scene], frame["feature"]])
        counts.append(of_feature.reindex(wanted, fill_value=0).to_numpy())
        classes.append(frame["class_index"].to_numpy())
    patches, class_index = np.concatenate(counts), np.concatenate(classes)
    return {
        plan.meta["legend"][index]: {
            "least": int((mine := patches[class_index == index]).min()),
            "median": float(np.median(mine)),
            "most": int(mine.max()),
            "without": int((mine == 0).sum()),
        }
        for index in np.unique(class_index).tolist()
    }


def _overlap(cover: Cover) -> dict[str, float]:
    ground = max(1, cover.covered)
    return {
        "ground": cover.covered,
        "shared": cover.shared / ground,
        "mean": cover.patch_pixels / ground,
        "most": cover.most,
    }


def _touches(plan: Plan, scene: str, polygons: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Count the patches of a scene that intersect each class, (n_classes,)."""
    rows = plan.rows[plan.rows["scene"] == scene]
    row, col, size = (rows[name].to_numpy() for name in ("row", "col", "size"))
    feature, patch = find_intersections(plan.grid(scene), row, col, size, polygons.geometry.to_numpy())
    met = np.zeros((len(plan.meta["legend"]), len(rows)), dtype=np.bool_)
    met[polygons["class_index"].to_numpy()[feature], patch] = True
    return met.sum(axis=1)
