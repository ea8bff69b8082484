"""The method ``grid`` (paper, section 2.5.2.1): patches of the cells of a systematic grid that are worth keeping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np

from lulcseg.errors import LulcsegError
from lulcseg.sampling.plan import patch_rows
from lulcseg.sampling.plan_request import PlanRequest, SamplingMethod
from lulcseg.sampling.systematic import all_cells, keep_meeting, origin_on
from lulcseg.settings.sampling import SamplingSettings


def draw_cells(request: PlanRequest, meta: dict[str, Any]) -> dict[str, gpd.GeoDataFrame]:
    """Return each scene's rows, and add origins and counts of cells to ``meta``.

    A cell is kept if it intersects a class other than the background (paper, section 2.5.2.1) and enough
    of it is labelled and valid, each judged over the whole cell: all patch sizes keep the same ground.

    Raises:
        LulcsegError: No cell fits a scene, or none is kept in any.
    """
    settings, pool = request.settings, request.pool
    background = -1 if settings.background is None else meta["legend"].index(settings.background)
    meta |= {"cells": {}, "shifted_cells": {}, "origins": {}}
    found = {}
    for scene in request.scenes:
        name = scene.name
        origin = origin_on(scene.grid, settings.origin)
        meta["origins"][name] = {
            "easting": origin.easting,
            "northing": origin.northing,
            "snapped": origin.snapped,
        }
        cells = all_cells(scene.grid, settings.cell, settings.patch_size, name, origin=origin, edge=settings.edge)
        counts = meta["cells"][name] = {"laid": len(cells)}
        wanted = (pool["scene"] == name) & (pool["class_index"] != background)
        cells = keep_meeting(cells, scene.grid, pool.loc[wanted, "geometry"].to_numpy())
        counts["meeting"] = len(cells)
        if settings.min_labelled > 0:
            share = scene.labelled_share(cells.row, cells.col, cells.size)
            cells = cells.where(share >= settings.min_labelled)
        counts["labelled"] = len(cells)
        if settings.min_valid > 0:
            share = scene.valid_share(cells.row, cells.col, cells.size)
            cells = cells.where(share >= settings.min_valid)
        counts["kept"] = len(cells)
        patches = cells.split(settings.patch_size)
        meta["shifted_cells"][name] = np.column_stack([cells.row, cells.col])[cells.shifted].tolist()
        reads_pixels = settings.min_valid > 0
        found[name] = patch_rows(
            name,
            scene.grid,
            patches.row,
            patches.col,
            settings.patch_size,
            shifted=patches.shifted,
            valid=scene.valid_share(patches.row, patches.col, patches.size) if reads_pixels else np.nan,
        )
    _check_some_kept(settings, list(meta["cells"].values()))
    return found


def _check_some_kept(settings: SamplingSettings, counts: Sequence[dict[str, int]]) -> None:
    """Raise an error that names the condition that left no cell."""
    meeting, labelled, kept = (sum(c[key] for c in counts) for key in ("meeting", "labelled", "kept"))
    if kept:
        return
    if not meeting:
        raise LulcsegError(
            "no patch is left: no cell intersects a polygon of a class other than the background",
            where="sampling",
            remedy="check sampling.background, the polygons' classes and that they lie over the imagery",
        )
    key, what, share, of = (
        ("min_valid", "valid", settings.min_valid, labelled)
        if labelled
        else ("min_labelled", "labelled", settings.min_labelled, meeting)
    )
    raise LulcsegError(
        f"no patch is left: of {of} cells none has {share:.0%} or more {what} pixels",
        where=f"sampling.{key}",
        remedy="lower it, or use a smaller sampling.cell"
        + ("; if the imagery has no gaps, check imagery.nodata" if labelled else ""),
    )


GRID = SamplingMethod(draw_cells, frozenset({"cell", "origin", "edge", "min_labelled", "background"}))
