"""Drawing a plan over one or several scenes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from lulcseg.sampling.drawcells import draw_cells
from lulcseg.sampling.drawfeatures import draw_in_features
from lulcseg.sampling.extents import check_fits
from lulcseg.sampling.plan import Plan, stack_rows
from lulcseg.sampling.plan_request import Method, PlanRequest, Totals
from lulcseg.sampling.pool import SceneLike, class_table, pooled
from lulcseg.sampling.recount import classes_not_trained_on, recounted
from lulcseg.sampling.split import hold_out
from lulcseg.sampling.stratified import ValidShare
from lulcseg.sampling.systematic import Edge


def draw_plan(
    scenes: Sequence[SceneLike],
    *,
    method: Method,
    patch_size: int,
    seed: int,
    n_patches: int | None = None,
    totals: Totals = "per_feature",
    match_total: int | None = None,
    cell: int = 1024,
    origin: Sequence[float] | None = None,
    edge: Edge = "drop",
    min_labelled: float = 0.0,
    background: str | None = None,
    validation_fraction: float = 0.0,
    validation_block: int = 2048,
    min_valid: float = 0.0,
    valid_share: Mapping[str, ValidShare] | None = None,
    labelled_share: Mapping[str, ValidShare] | None = None,
) -> Plan:
    """Draw a sampling plan (Clark, Phinn & Scarth, section 2.5.2).

    The features of all scenes are one pool: areas of a class add up over scenes, and patches are
    shared among classes once and among all features. Each scene's places come from a generator of its
    own, made from the seed and the scene's name, so the order of the scenes is the order of the rows
    and nothing else. A class without features gets no patches and is left out of Eq. 1.

    The methods are:

    - ``stratified``: centred on random points in the features; numbers by Eqs 1 and 2.
    - ``grid``: the cells of a systematic grid that meet a class of interest, split to the patch size.
    - ``uniform``: centred on points uniform over all the labelled ground.
    - ``balanced``: the same number for each class, shared among its features by area.
    - ``inverse_frequency``: numbers in inverse proportion to the classes' areas, then likewise.

    The totals of ``stratified`` are:

    - ``per_feature``: Eq. 2 as printed; every feature gets a patch at least.
    - ``exact``: Eq. 1's numbers without the surplus of Eq. 2's rounding up. This reproduces Table 3 at
      256² to 1024².
    - ``covered``: as ``per_feature``, but a feature inside another's patch needs none of its own
      (:mod:`lulcseg.sampling.covered`).

    What applies to another method than the one asked for has no effect; that is noted where it was set.

    Args:
        scenes: The scenes to train on, with one legend.
        method: How patches are placed.
        patch_size: Side of a patch, pixels.
        seed: Same seed, same plan.
        n_patches: Patches wanted: N_p of Eq. 1, met exactly by 'uniform', 'balanced' and
            'inverse_frequency'. The grid gives its own number.
        totals: How a class's patches are shared among its features; for 'stratified' only.
        match_total: The plan's total to come nearest to by choosing N_p, over ``n_patches`` (of several
            the smallest); for 'stratified' only. Where N_p cannot reach it, the nearest is taken and noted.
            It is met before patches across the edge of held-out ground are dropped.
        cell: Side of the systematic grid's cells, pixels: patch size times a power of two; for 'grid' only.
        origin: Easting and northing of a corner of cells, brought to the nearest pixel's corner; None: each
            scene's upper left corner; for 'grid' only.
        edge: What becomes of cells that reach over the imagery's edge: left out ('drop') or moved
            inside ('shift'); for 'grid' only.
        min_labelled: Least share of labelled pixels in a cell, 0…1; for 'grid' only.
        background: Name of the class whose polygons alone make no cell worth keeping (Other); for
            'grid' only. None: every class counts.
        validation_fraction: Share of each scene's ground held out for validation, 0 for none.
            Patches across its edge are dropped and counted.
        validation_block: Side of the blocks in which ground is held out, pixels.
        min_valid: Least share of valid pixels, 0…1: in a patch (drawn anew in the same feature) or in a
            whole cell ('grid': left out).
        valid_share: For each scene's name what tells the share of valid pixels; needed when
            ``min_valid`` is above 0, and then told for every patch (column ``valid``). Else no pixel is read.
        labelled_share: The same for labelled pixels; needed when ``min_labelled`` is above 0.

    Returns:
        The plan, its rows in the order of the scenes; ``meta["notes"]`` says what the user should know.

    Raises:
        LulcsegError: A setting is out of bounds, a patch is larger than a scene, legends differ, there
            are no polygons, or no patch is left.
        ValueError: A least share is above 0 and a scene is missing from what tells it.
    """
    request = PlanRequest(
        method,
        patch_size,
        seed,
        n_patches,
        totals,
        match_total,
        cell,
        origin,
        edge,
        min_labelled,
        background,
        min_valid,
        dict(valid_share or {}),
        dict(labelled_share or {}),
    )
    legend = request.check(scenes)
    for scene in scenes:
        check_fits(scene.grid, patch_size, scene.name)
    pool = pooled(scenes)
    meta = _settings(request) | {
        "area_unit": "m2",
        "legend": legend.names,
        "classes": (classes := class_table(pool, legend)),
        "classes_without_features": [c["name"] for c in classes if not c["features"]],
        "features_left_out": [],
        "features_covered": [],
        "scenes": {s.name: dataclasses.asdict(s.grid) for s in scenes},
        "redrawn": 0,
        "dropped": 0,
        "validation": None,
        "notes": request.without_effect(),
    }
    by_scene = (draw_cells if method == "grid" else draw_in_features)(scenes, pool, request, meta)
    plan = Plan(stack_rows([by_scene[s.name] for s in scenes]), meta)
    if validation_fraction != 0:
        plan = hold_out(plan, fraction=validation_fraction, block=validation_block, seed=seed)
    plan = recounted(plan, pool)
    return Plan(plan.rows, plan.meta | {"notes": plan.meta["notes"] + classes_not_trained_on(plan)})


def _settings(request: PlanRequest) -> dict[str, Any]:
    """Return the settings as a plan keeps them: None where one does not apply to the method."""
    is_grid, is_stratified = request.method == "grid", request.method == "stratified"
    return {
        "method": request.method,
        "seed": request.seed,
        "n_patches": None if is_grid else request.n_patches,
        "totals": request.totals if is_stratified else None,
        "match_total": None,
        "cell": request.cell if is_grid else None,
        "origin": [float(v) for v in request.origin] if is_grid and request.origin is not None else None,
        "edge": request.edge if is_grid else None,
        "min_labelled": request.min_labelled if is_grid else None,
        "background": request.background if is_grid else None,
        "patch_size": request.patch_size,
        "min_valid": request.min_valid,
    }
