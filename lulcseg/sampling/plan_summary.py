"""Counting a plan: patches by class and feature, how they overlap, how they shift the class prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.sampling.extents import meeting
from lulcseg.sampling.shares import Cover, shares_by_class

if TYPE_CHECKING:
    from lulcseg.sampling.plan import Plan


def summarise(
    plan: Plan, polygons: Mapping[str, gpd.GeoDataFrame] | None = None, cover: Cover | None = None
) -> dict[str, Any]:
    """Count a plan's patches.

    Args:
        plan: The plan.
        polygons: The digitised features of each scene, by its name, with ``class_index``.
        cover: What lies under its training patches (:func:`lulcseg.sampling.shares.cover`).

    Returns:
        Plain Python, fit for JSON; classes by name:

        - ``patches`` in all, ``splits`` (per split), ``shifted`` (inside the imagery), ``redrawn``, ``dropped``
          (across the edge of held-out ground);
        - ``drawn_for``: patches drawn for each class;
        - ``valid``: mean share of valid pixels in a patch, the least, and ``partly``: patches with less
          than all. None where that was not asked;
        - with polygons, ``touches``: patches that meet each class, where a patch counts in every class it
          meets (Table 4); and ``per_feature``: for each class with features, the least, median and largest
          number of patches of a feature, and ``without``: features that have none. A feature counts with its own
          class, whatever class its patches were given by hand. None where patches are drawn in no feature;
        - with ``cover``, ``overlap`` of the training patches: ``ground`` (pixels covered), ``shared`` (the share of
          it in more than one patch), ``mean`` and ``most`` patches over a pixel of it; and, where labels were
          read, ``prior``: each class's share of the ground, of the labelled pixels trained on, and the shift
          of the log prior between them.
    """
    names = plan.meta["legend"]
    rows = plan.rows
    drawn_for = rows.loc[rows["class_index"] >= 0, "class_index"]
    counts: dict[str, Any] = {
        "patches": len(plan),
        "splits": {str(k): int(n) for k, n in rows["split"].value_counts().sort_index().items()},
        "shifted": int(rows["shifted"].sum()),
        "redrawn": plan.meta.get("redrawn") or 0,
        "dropped": plan.meta.get("dropped") or 0,
        "drawn_for": dict(zip(names, np.bincount(drawn_for, minlength=len(names)).tolist(), strict=True)),
        "valid": _valid(rows["valid"].to_numpy()),
    }
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
    """Return the distribution of patches over each class's features, those without patches counted in."""
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


def _valid(shares: NDArray[np.float64]) -> dict[str, float] | None:
    asked = shares[~np.isnan(shares)]
    if not asked.size:
        return None
    return {"mean": float(asked.mean()), "least": float(asked.min()), "partly": int((asked < 1).sum())}


def _overlap(cover: Cover) -> dict[str, float]:
    ground = max(1, cover.covered)
    return {
        "ground": cover.covered,
        "shared": cover.shared / ground,
        "mean": cover.patch_pixels / ground,
        "most": cover.most,
    }


def _touches(plan: Plan, scene: str, polygons: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Count the patches of a scene that meet each class, (n_classes,)."""
    rows = plan.rows[plan.rows["scene"] == scene]
    row, col, size = (rows[name].to_numpy() for name in ("row", "col", "size"))
    feature, patch = meeting(plan.grid(scene), row, col, size, polygons.geometry.to_numpy())
    met = np.zeros((len(plan.meta["legend"]), len(rows)), dtype=np.bool_)
    met[polygons["class_index"].to_numpy()[feature], patch] = True
    return met.sum(axis=1)
