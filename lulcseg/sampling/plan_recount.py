"""Recounting a plan after patches were held out, dropped or edited by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.sampling.covered_features import lying_in
from lulcseg.sampling.plan import TRAIN, Plan


def recounted(plan: Plan, pool: pd.DataFrame) -> Plan:
    """Return a plan whose ``meta`` agrees with its rows.

    Recounted are ``shifted``, each class's ``drawn``, and the features without a patch: one that was
    covered still is if it lies inside one of the remaining patches, else it is left out.

    Args:
        plan: The plan.
        pool: The features of all its scenes (:func:`lulcseg.sampling.feature_pool.pooled`).
    """
    rows, meta = plan.rows, plan.meta
    counts = meta | {"shifted": int(rows["shifted"].sum())}
    if meta["method"] == "grid":
        return Plan(rows, counts)
    drawn = np.bincount(rows.loc[rows["class_index"] >= 0, "class_index"], minlength=len(meta["classes"])).tolist()
    counts["classes"] = [
        entry | {"drawn": n if entry["features"] or n else None}
        for entry, n in zip(meta["classes"], drawn, strict=True)
    ]
    without = pool[~_among(pool, rows[["scene", "feature"]].drop_duplicates())]
    passed_over = pd.DataFrame(meta.get("features_covered", []), columns=["scene", "feature"])
    covered = _inside(plan, without[_among(without, passed_over)])
    left_out = without[~without.index.isin(covered.index)]
    return Plan(rows, counts | {"features_covered": _listed(covered), "features_left_out": _listed(left_out)})


def classes_not_trained_on(plan: Plan) -> list[str]:
    """Return a note that names the classes with features but without a training patch, or nothing.

    On the systematic grid patches are drawn for no class, and there is no note.
    """
    if plan.meta["method"] == "grid":
        return []
    drawn = set(plan.rows.loc[plan.rows["split"] == TRAIN, "class_index"])
    names = [c["name"] for i, c in enumerate(plan.meta["classes"]) if c["features"] and i not in drawn]
    return [f"There is no training patch for {', '.join(names)}."] if names else []


def _among(pool: pd.DataFrame, features: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which features of the pool are among others, (n,) bool."""
    keys = ["scene", "feature"]
    return pd.MultiIndex.from_frame(pool[keys]).isin(pd.MultiIndex.from_frame(features[keys]))


def _inside(plan: Plan, features: pd.DataFrame) -> pd.DataFrame:
    """Return the features that lie inside a patch without nodata of their scene."""
    found = []
    for scene, mine in features.groupby("scene", sort=False):
        rows = plan.of(str(scene))
        rows = rows[~(rows["valid"] < 1)]
        inside, _ = lying_in(
            mine["geometry"].to_numpy(),
            plan.grid(str(scene)),
            rows["row"].to_numpy(),
            rows["col"].to_numpy(),
            plan.meta["patch_size"],
        )
        found.append(mine.index[np.unique(inside)])
    return features[features.index.isin(np.concatenate(found))] if found else features


def _listed(features: pd.DataFrame) -> list[list[str | int]]:
    return [[str(s), int(f)] for s, f in features[["scene", "feature"]].itertuples(index=False)]
