"""Drawing a plan over one or several scenes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd

from lulcseg.sampling.auto_hold_out import hold_out_by_default, noted
from lulcseg.sampling.feature_pool import SceneLike, class_table, pooled
from lulcseg.sampling.methods import method_of, name_of
from lulcseg.sampling.plan import Plan, stack_rows
from lulcseg.sampling.plan_checks import check_settings, without_effect
from lulcseg.sampling.plan_recount import classes_not_trained_on, recounted
from lulcseg.sampling.plan_request import PlanRequest
from lulcseg.sampling.split import hold_out
from lulcseg.sampling.validation_ground import measure_validation
from lulcseg.settings.sampling import SamplingSettings, ValidationSettings


def draw_plan(
    scenes: Sequence[SceneLike],
    settings: SamplingSettings,
    validation: ValidationSettings | None = None,
    *,
    seed: int,
) -> Plan:
    """Draw a sampling plan (Clark, Phinn & Scarth, section 2.5.2).

    The features of all scenes form one pool: areas of a class add up over scenes, and patches are
    shared among classes once and among all features. Each scene's places come from a generator of its
    own, made from the seed and the scene's name, so the order of the scenes is the order of the rows
    and changes nothing else. A class without features gets no patches and is left out of Eq. 1.

    The methods (``settings.method``) are:

    - ``stratified``: centred on random points in the features; numbers by Eqs 1 and 2.
    - ``grid``: the cells of a systematic grid that meet a class of interest, split to the patch size.
    - ``uniform``: centred on points uniform over all the labelled ground.
    - ``balanced``: the same number for each class, shared among its features by area.
    - ``inverse_frequency``: numbers in inverse proportion to the classes' areas, then likewise.
    - with ``settings.target``: numbers by a function of your own (:func:`lulcseg.sampling.methods.method_of`).

    The totals of ``stratified`` (``settings.totals``) are:

    - ``per_feature``: Eq. 2 as printed; every feature gets at least one patch.
    - ``exact``: Eq. 1's numbers without the surplus of Eq. 2's rounding up. This reproduces Table 3 at
      256² to 1024².
    - ``covered``: as ``per_feature``, but a feature inside another's patch needs none of its own
      (:mod:`lulcseg.sampling.covered_features`).

    Settings that another method uses have no effect; a note says so where one was set. A total to match
    (``settings.match_total``) is met before patches across the edge of held-out ground are dropped.

    Args:
        scenes: The scenes to train on, with one legend. Their pixels are read only where ``settings.min_valid``
            or, on the grid, ``settings.min_labelled`` is above 0.
        settings: How patches are placed. ``settings.plan`` is not read here
            (see :func:`lulcseg.sampling.reused_plan.reuse_plan`).
        validation: Ground held out for validation; None: none. With a ``fraction`` of None it is a tenth where that is
            possible (:func:`lulcseg.sampling.auto_hold_out.hold_out_by_default`).
        seed: Same seed, same plan; ``settings.seed`` takes precedence.

    Returns:
        The plan, its rows in the order of the scenes; ``meta["notes"]`` says what the user should know.

    Raises:
        LulcsegError: A setting is out of bounds, a patch is larger than a scene, legends differ, there
            are no polygons, or no patch is left.

    Example:
        ``plan = draw_plan([scene], SamplingSettings(patch_size=256, patches=100), seed=0)``
    """
    seed = seed if settings.seed is None else settings.seed
    legend = check_settings(settings, seed, scenes)
    pool = pooled(scenes)
    meta = _described(settings, seed) | {
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
        "notes": without_effect(settings),
    }
    by_scene = method_of(settings).draw(PlanRequest(scenes, pool, settings, seed), meta)
    plan = Plan(stack_rows([by_scene[s.name] for s in scenes]), meta)
    if validation is not None:
        plan = _split(plan, pool, validation, seed)
    plan = recounted(plan, pool)
    return Plan(plan.rows, plan.meta | {"notes": plan.meta["notes"] + classes_not_trained_on(plan)})


def _split(plan: Plan, pool: pd.DataFrame, validation: ValidationSettings, seed: int) -> Plan:
    """Hold ground out as the settings say: a share of it, by default where that is possible, or none."""
    if validation.fraction is None:
        return hold_out_by_default(plan, pool, block=validation.block, seed=seed)
    if validation.fraction == 0:
        return plan
    plan = hold_out(plan, fraction=validation.fraction, block=validation.block, seed=seed)
    return noted(plan, measure_validation(plan, pool).warning)


def _described(settings: SamplingSettings, seed: int) -> dict[str, Any]:
    """Return the settings as a plan's metadata keeps them: None where one does not apply to the method."""
    used = method_of(settings).settings
    kept = {key: getattr(settings, key) if key in used else None for key in _KEPT}
    return {
        "method": name_of(settings),
        "seed": seed,
        "n_patches": kept.pop("patches"),
        "totals": kept.pop("totals"),
        "match_total": None,  # the stratified method says how it was matched
        **kept,
        "origin": None if kept["origin"] is None else [float(v) for v in kept["origin"]],
        "patch_size": settings.patch_size,
        "min_valid": settings.min_valid,
    }


_KEPT = ("patches", "totals", "cell", "origin", "edge", "min_labelled", "background")
