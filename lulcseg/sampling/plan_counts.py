"""Counting a plan's patches from its rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray


def count_patches(rows: gpd.GeoDataFrame, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Count a plan's patches, without polygons and labels.

    Args:
        rows: The plan's rows.
        meta: Its metadata.

    Returns:
        Plain Python, fit for JSON; classes by name:

        - ``patches`` (total), ``splits`` (per split), ``shifted`` (inside the imagery), ``redrawn``, ``dropped``
          (across the edge of held-out ground);
        - ``drawn_for``: patches drawn for each class;
        - ``valid``: ``mean`` and ``least`` share of valid pixels in a patch, and ``partly``: number of patches with
          less than all. None if not computed.
    """
    names = meta["legend"]
    drawn_for = rows.loc[rows["class_index"] >= 0, "class_index"]
    return {
        "patches": len(rows),
        "splits": {str(k): int(n) for k, n in rows["split"].value_counts().sort_index().items()},
        "shifted": int(rows["shifted"].sum()),
        "redrawn": meta.get("redrawn") or 0,
        "dropped": meta.get("dropped") or 0,
        "drawn_for": dict(zip(names, np.bincount(drawn_for, minlength=len(names)).tolist(), strict=True)),
        "valid": _valid(rows["valid"].to_numpy()),
    }


def _valid(shares: NDArray[np.float64]) -> dict[str, float] | None:
    known = shares[~np.isnan(shares)]
    if not known.size:
        return None
    return {"mean": float(known.mean()), "least": float(known.min()), "partly": int((known < 1).sum())}
