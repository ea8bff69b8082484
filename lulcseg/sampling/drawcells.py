"""Systematic sampling over scenes: the patches of the cells that are worth keeping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from lulcseg.errors import LulcsegError
from lulcseg.sampling.plan import patch_rows
from lulcseg.sampling.plan_request import PlanRequest
from lulcseg.sampling.pool import SceneLike
from lulcseg.sampling.systematic import all_cells, keep_meeting, origin_on


def draw_cells(
    scenes: Sequence[SceneLike], pool: pd.DataFrame, request: PlanRequest, meta: dict[str, Any]
) -> dict[str, gpd.GeoDataFrame]:
    """Return each scene's rows, and note origins and counts of cells in ``meta``.

    A cell is kept where it meets a class other than the background (paper, section 2.5.2.1), enough
    of it is labelled and enough is valid, each judged over the whole cell: all patch sizes keep
    the same ground.

    Raises:
        LulcsegError: No cell fits a scene, or none is kept in any.
    """
    background = -1 if request.background is None else meta["legend"].index(request.background)
    meta |= {"cells": {}, "shifted_cells": {}, "origins": {}}
    found = {}
    for scene in scenes:
        name = scene.name
        origin = origin_on(scene.grid, request.origin)
        meta["origins"][name] = {
            "easting": origin.easting,
            "northing": origin.northing,
            "snapped": origin.snapped,
        }
        cells = all_cells(scene.grid, request.cell, request.patch_size, name, origin=origin, edge=request.edge)
        counts = meta["cells"][name] = {"laid": len(cells)}
        wanted = (pool["scene"] == name) & (pool["class_index"] != background)
        cells = keep_meeting(cells, scene.grid, pool.loc[wanted, "geometry"].to_numpy())
        counts["meeting"] = len(cells)
        if request.min_labelled > 0:
            share = request.labelled_share[name](cells.row, cells.col, cells.size)
            cells = cells.where(share >= request.min_labelled)
        counts["labelled"] = len(cells)
        if request.min_valid > 0:
            share = request.valid_share[name](cells.row, cells.col, cells.size)
            cells = cells.where(share >= request.min_valid)
        counts["kept"] = len(cells)
        patches = cells.split(request.patch_size)
        meta["shifted_cells"][name] = np.column_stack([cells.row, cells.col])[cells.shifted].tolist()
        asked = request.min_valid > 0  # else no pixel is read
        found[name] = patch_rows(
            name,
            scene.grid,
            patches.row,
            patches.col,
            request.patch_size,
            shifted=patches.shifted,
            valid=request.valid_share[name](patches.row, patches.col, patches.size) if asked else np.nan,
        )
    _check_some_kept(request, list(meta["cells"].values()))
    return found


def _check_some_kept(request: PlanRequest, counts: Sequence[dict[str, int]]) -> None:
    """Say which condition left no cell."""
    meeting, labelled, kept = (sum(c[key] for c in counts) for key in ("meeting", "labelled", "kept"))
    if kept:
        return
    if not meeting:
        raise LulcsegError(
            "no patch is left: no cell meets a polygon of a class other than the background",
            where="sampling",
            remedy="check sampling.background, the polygons' classes and their place over the imagery",
        )
    key, what, share, of = (
        ("min_valid", "valid", request.min_valid, labelled)
        if labelled
        else ("min_labelled", "labelled", request.min_labelled, meeting)
    )
    raise LulcsegError(
        f"no patch is left: of {of} cells none has {share:.0%} or more {what} pixels",
        where=f"sampling.{key}",
        remedy="lower it, or use a smaller sampling.cell",
    )
