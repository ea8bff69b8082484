"""Using a saved plan instead of drawing one: checks that it fits the scenes, and what was edited in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.sampling.feature_pool import SceneLike, pooled
from lulcseg.sampling.patch_extents import boxes, find_intersections
from lulcseg.sampling.plan import TRAIN, VALIDATION, Plan
from lulcseg.sampling.plan_recount import classes_not_trained_on, recounted

_SLACK = 1e-3
"""Pixels by which an extent may deviate from its row, column and size."""


def reuse_plan(path: Path, scenes: Sequence[SceneLike]) -> Plan:
    """Read a saved plan for use with scenes, as it was saved or edited since.

    Whole pixels define a patch: it is where its row, column and size say. Patches may have been
    deleted or their class changed (as in QGIS); a class is only recorded, since labels come from the
    label raster. Added or moved patches are refused, and so is a split that returns ground held out for
    validation, or under a validation patch, to training.

    Args:
        path: The GeoPackage, its JSON beside it.
        scenes: The scenes to train on.

    Returns:
        The plan, with the counts of its rows; ``meta["taken_from"]`` has its ``path``, the ``digest`` that it
        was saved with, whether it was ``edited`` or re-ordered since, and ``notes`` on the consequences.

    Raises:
        LulcsegError: Not a plan, or a plan of other scenes, imagery or classes; or a patch does not fit.
    """
    plan, saved = Plan.load_edited(path)
    _check_made_for(plan, scenes, path)
    if not len(plan):
        raise LulcsegError("no patch is left in it", where=path, remedy="give a plan with patches, or draw one")
    if len(plan) > saved.patches:
        raise LulcsegError(
            f"it has {len(plan)} patches, and had {saved.patches} when it was saved",
            where=path,
            remedy="delete those that were added; a plan is edited by deleting patches",
        )
    exact = [_check_rows(plan, scene, path) for scene in plan.scenes]
    geometry = gpd.GeoSeries(pd.concat(exact).sort_index(), crs=plan.rows.crs)
    plan = Plan(plan.rows.assign(geometry=geometry), plan.meta)
    if not (plan.rows["split"] == TRAIN).any():
        raise LulcsegError("none of its patches is for training", where=path, remedy="set split to train")
    pool = pooled(scenes)
    _check_features(plan, pool, path)
    edited = plan.digest() != saved.digest
    if edited:
        _check_split(plan, path)
    plan, notes = _without_idle_validation(recounted(plan, pool))
    known = plan.meta.get("notes", [])
    notes += [note for note in classes_not_trained_on(plan) if note not in known]
    origin = {"path": str(path), "digest": saved.digest, "edited": edited, "notes": notes}
    return Plan(plan.rows, plan.meta | {"notes": known, "taken_from": origin})


def _without_idle_validation(plan: Plan) -> tuple[Plan, list[str]]:
    """Hold no ground out if no validation patch is left; return the plan, and a note."""
    if plan.meta.get("validation") is None or (plan.rows["split"] == VALIDATION).any():
        return plan, []
    note = "All its validation patches were deleted: no ground is held out, and there is no validation."
    return Plan(plan.rows, plan.meta | {"validation": None}), [note]


def _check_made_for(plan: Plan, scenes: Sequence[SceneLike], path: Path) -> None:
    """Check that a plan is of these scenes, on these grids, with these classes."""
    if set(plan.scenes) != {s.name for s in scenes}:
        raise LulcsegError(
            f"it is a plan of {_listed(plan.scenes)}, the run trains on {_listed([s.name for s in scenes])}",
            where=path,
            remedy="train on the plan's scenes, or draw a plan",
        )
    for scene in scenes:
        if list(plan.meta["legend"]) != scene.legend.names:
            raise LulcsegError(
                f"its classes ({', '.join(plan.meta['legend'])}) are not those of scene '{scene.name}' "
                f"({', '.join(scene.legend.names)})",
                where=path,
                remedy="draw a plan with this legend",
            )
        differs = _difference(plan.grid(scene.name), scene.grid)
        if differs:
            raise LulcsegError(
                f"it was made for other imagery: {differs} in the plan and now in scene '{scene.name}'",
                where=path,
                remedy="draw a plan over this imagery",
            )
    stray = set(plan.rows["scene"]) - set(plan.scenes)
    if stray:
        raise LulcsegError(f"it has patches of {_listed(sorted(stray))}", where=path, remedy="delete them")


def _difference(planned: Grid, now: Grid) -> str:
    """Describe how two grids differ; '' if they don't."""
    if CRS.from_user_input(planned.crs) != CRS.from_user_input(now.crs):
        return f"the CRS is {planned.crs} and {now.crs}"
    if not np.allclose((planned.xres, planned.yres), (now.xres, now.yres), rtol=1e-9, atol=0):
        return f"pixels measure {planned.xres:g} × {planned.yres:g} and {now.xres:g} × {now.yres:g}"
    slack = _SLACK * min(now.xres, now.yres)
    if not np.allclose((planned.left, planned.top), (now.left, now.top), rtol=0, atol=slack):
        return f"the upper left corner is at {planned.left:.3f}, {planned.top:.3f} and {now.left:.3f}, {now.top:.3f}"
    if (planned.height, planned.width) != (now.height, now.width):
        return f"the grid is {planned.height} × {planned.width} and {now.height} × {now.width} pixels"
    return ""


def _check_rows(plan: Plan, scene: str, path: Path) -> pd.Series[Any]:
    """Check each patch of a scene; return the extents that follow from their pixels."""
    rows, grid = plan.of(scene), plan.grid(scene)
    row, col, size = (rows[name].to_numpy() for name in ("row", "col", "size"))
    extents = boxes(grid, row, col, size)
    found = rows.geometry.to_numpy()
    pixel = np.array([grid.xres, grid.yres, grid.xres, grid.yres])
    off = np.abs(shapely.bounds(found) - shapely.bounds(extents)) / pixel
    reshaped = np.abs(shapely.area(found) - shapely.area(extents)) / grid.pixel_area > 4 * _SLACK * size
    side, n_classes = plan.meta["patch_size"], len(plan.meta["legend"])
    outside = (row < 0) | (col < 0) | (row + size > grid.height) | (col + size > grid.width)
    faults: Mapping[str, tuple[Any, str]] = {
        "lies outside the imagery": (outside, "delete it"),
        f"is not {side} pixels wide": (size != side, "delete it"),
        "was moved or reshaped: its extent is not where its row, column and size say": (
            ~(off <= _SLACK).all(axis=1) | reshaped,
            "restore it, or delete it; a plan is edited by deleting patches",
        ),
        f"has a class_index that is not in −1…{n_classes - 1}": (
            ~rows["class_index"].between(-1, n_classes - 1).to_numpy(),
            "give it the number of a class",
        ),
        "has a split that is neither train nor validation": (
            ~rows["split"].isin([TRAIN, VALIDATION]).to_numpy(),
            "set one of the two",
        ),
    }
    for fault, (affected, remedy) in faults.items():
        if affected.any():
            first = int(np.flatnonzero(affected)[0])
            more = int(affected.sum()) - 1
            also = f" (and {more} more)" if more else ""
            raise LulcsegError(
                f"the patch of scene '{scene}' with row {row[first]} and col {col[first]} {fault}{also}",
                where=path,
                remedy=remedy,
            )
    return pd.Series(extents, index=rows.index)


def _check_features(plan: Plan, pool: pd.DataFrame, path: Path) -> None:
    """Check that each patch was drawn in a feature of its scene, or in none."""
    for scene in plan.scenes:
        features = plan.of(scene)["feature"]
        stray = sorted(set(features[features >= 0]) - set(pool.loc[pool["scene"] == scene, "feature"]))
        stray += sorted(set(features[features < -1]))
        if stray:
            more = f" (and {len(stray) - 1} more)" if len(stray) > 1 else ""
            raise LulcsegError(
                f"it has patches of feature {stray[0]}{more}, which scene '{scene}' does not have",
                where=path,
                remedy="restore the number, delete the patches, or draw a plan over these labels",
            )


def _check_split(plan: Plan, path: Path) -> None:
    """Check that no training patch shares ground with validation ground or patches of any scene."""
    crs = {scene: CRS.from_user_input(plan.grid(scene).crs) for scene in plan.scenes}
    held_out = (plan.meta.get("validation") or {}).get("held_out", {})
    for scene in plan.scenes:
        train = plan.of(scene, TRAIN)
        row, col, size = (train[name].to_numpy() for name in ("row", "col", "size"))
        alike = [name for name in plan.scenes if crs[name] == crs[scene]]
        blocks = np.concatenate([np.reshape(held_out.get(name, []), (-1, 4)) for name in alike])
        patches = np.concatenate([plan.of(name, VALIDATION).geometry.to_numpy() for name in alike])
        for what, ground in (
            ("lies on ground held out for validation", shapely.box(*blocks.T)),
            ("shares ground with a validation patch", patches),
        ):
            _, met = find_intersections(plan.grid(scene), row, col, size, ground)
            if met.size:
                raise LulcsegError(
                    f"the training patch of scene '{scene}' with row {row[met[0]]} and col {col[met[0]]} {what}",
                    where=path,
                    remedy="restore the split as it was drawn, or delete the patch",
                )


def _listed(names: Sequence[str]) -> str:
    return ("scene " if len(names) == 1 else "scenes ") + ", ".join(f"'{name}'" for name in names)
