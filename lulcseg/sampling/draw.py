"""Drawing a plan over one or several scenes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.legend import Legend
from lulcseg.sampling.allocation import class_patches, feature_patches, share_exactly
from lulcseg.sampling.extents import check_fits
from lulcseg.sampling.plan import Plan, patch_rows, stack_rows
from lulcseg.sampling.pool import SceneLike, class_table, pooled
from lulcseg.sampling.seeds import generator
from lulcseg.sampling.split import hold_out
from lulcseg.sampling.stratified import ValidShare, draw_patches
from lulcseg.sampling.systematic import all_cells, keep_meeting

type Method = Literal["stratified", "grid"]
type Totals = Literal["per_feature", "exact"]

_SHARES = {"per_feature": feature_patches, "exact": share_exactly}


@dataclasses.dataclass(frozen=True)
class _Settings:
    """What :func:`draw_plan` was asked for."""

    method: Method
    n_patches: int | None
    patch_size: int
    totals: Totals
    cell: int
    background: str | None
    seed: int
    min_valid: float
    valid_share: Mapping[str, ValidShare]


def draw_plan(
    scenes: Sequence[SceneLike],
    *,
    method: Method,
    patch_size: int,
    seed: int,
    n_patches: int | None = None,
    totals: Totals = "per_feature",
    cell: int = 1024,
    background: str | None = None,
    validation_fraction: float = 0.0,
    validation_block: int = 2048,
    min_valid: float = 0.0,
    valid_share: Mapping[str, ValidShare] | None = None,
) -> Plan:
    """Draw a sampling plan (Clark, Phinn & Scarth, section 2.5.2).

    The features of all scenes are one pool: areas of a class add up over scenes, Eq. 1 is
    applied once and Eq. 2 over all features. Each scene's places come from a generator of its own,
    made from the seed and the scene's name, so the order of the scenes is the order of the rows and
    nothing else. A class without features gets no patches and is left out of Eq. 1.

    Args:
        scenes: The scenes to train on, with one legend.
        method: 'stratified' (random, by Eqs 1 and 2) or 'grid' (systematic).
        patch_size: Side of a patch, pixels.
        seed: Same seed, same plan.
        n_patches: Patches wanted, N_p of Eq. 1; for 'stratified' only: the grid gives its own number.
        totals: How a class's patches are shared among its features; for 'stratified' only.
        cell: Side of the systematic grid's cells, pixels: patch size times a power of two; for 'grid' only.
        background: Name of the class whose polygons alone make no cell worth keeping (Other); for
            'grid' only. None: every class counts.
        validation_fraction: Share of each scene's ground held out for validation, 0 for none.
            Patches across its edge are dropped and counted.
        validation_block: Side of the blocks in which ground is held out, pixels.
        min_valid: Least share of valid pixels, 0…1: in a patch ('stratified': drawn anew) or in a
            whole cell ('grid': left out).
        valid_share: For each scene's name what tells that share; needed when ``min_valid`` is above 0.

    Returns:
        The plan, its rows in the order of the scenes.

    Raises:
        LulcsegError: A setting is out of bounds, a patch is larger than a scene, legends differ, there
            are no polygons, or no patch is left.
        ValueError: ``min_valid`` is above 0 and a scene is missing from ``valid_share``.
    """
    legend = _check(scenes, method, totals, background, seed)
    for scene in scenes:
        check_fits(scene.grid, patch_size, scene.name)
    settings = _Settings(
        method, n_patches, patch_size, totals, cell, background, seed, min_valid, dict(valid_share or {})
    )
    if min_valid > 0 and {s.name for s in scenes} - set(settings.valid_share):
        raise ValueError("min_valid needs valid_share for every scene")
    pool = pooled(scenes)
    classes = class_table(pool, legend)
    meta: dict[str, Any] = {
        "method": method,
        "seed": seed,
        "n_patches": n_patches if method == "stratified" else None,
        "totals": totals if method == "stratified" else None,
        "cell": cell if method == "grid" else None,
        "background": background if method == "grid" else None,
        "patch_size": patch_size,
        "min_valid": min_valid,
        "area_unit": "m2",
        "legend": legend.names,
        "classes": classes,
        "classes_without_features": [c["name"] for c in classes if not c["features"]],
        "features_left_out": [],
        "scenes": {s.name: dataclasses.asdict(s.grid) for s in scenes},
        "redrawn": 0,
        "dropped": 0,
        "validation": None,
    }
    by_scene = (_draw_stratified if method == "stratified" else _draw_grid)(scenes, pool, settings, meta)
    rows = stack_rows([by_scene[s.name] for s in scenes])
    if rows.empty:
        raise LulcsegError(
            "no patch is left: no cell meets a polygon of a class other than the background",
            where="sampling",
            remedy="check sampling.background, the polygons' classes and their place over the imagery",
        )
    plan = Plan(rows, meta)
    if validation_fraction == 0:
        return plan
    return hold_out(plan, fraction=validation_fraction, block=validation_block, seed=seed)


def _check(scenes: Sequence[SceneLike], method: str, totals: str, background: str | None, seed: int) -> Legend:
    """Check what does not need the polygons, and return the common legend."""
    for key, value, known in (("method", method, Method), ("totals", totals, Totals)):
        options = get_args(known.__value__)
        if value not in options:
            raise LulcsegError(f"'{value}' is not known", where=f"sampling.{key}", remedy=did_you_mean(value, options))
    if seed < 0:
        raise LulcsegError(f"a seed of {seed} cannot be used", where="seed", remedy="use 0 or more")
    if not scenes:
        raise LulcsegError("there is no scene to draw patches in", where="scenes.train", remedy="name at least one")
    names = [s.name for s in scenes]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise LulcsegError(f"scene '{twice[0]}' stands twice", where="scenes.train", remedy="name each scene once")
    legend = scenes[0].legend
    for scene in scenes[1:]:
        if scene.legend != legend:
            raise LulcsegError(
                f"scenes '{names[0]}' and '{scene.name}' have different legends",
                where="scenes.train",
                remedy="give both the same classes, codes and order; labels.crosswalk maps source names to them",
            )
    if background is not None and background not in legend.names:
        raise LulcsegError(
            f"the legend has no class '{background}'",
            where="sampling.background",
            remedy="set sampling.background=null to keep every cell, or name a class: "
            + did_you_mean(background, legend.names),
        )
    return legend


def _allocate(pool: pd.DataFrame, settings: _Settings, meta: dict[str, Any]) -> NDArray[np.int64]:
    """Share patches among classes and features (Eqs 1 and 2), and note the counts in ``meta``."""
    if settings.n_patches is None:
        raise LulcsegError("stratified sampling needs the number of patches", where="sampling.patches")
    present = [i for i, c in enumerate(meta["classes"]) if c["features"]]
    entries = [meta["classes"][i] for i in present]
    wanted = class_patches([c["area_m2"] for c in entries], settings.n_patches, [c["name"] for c in entries])
    counts = np.zeros(len(pool), dtype=np.int64)
    for index, entry, n in zip(present, entries, wanted.tolist(), strict=True):
        of_class = (pool["class_index"] == index).to_numpy()
        counts[of_class] = _SHARES[settings.totals](n, pool.loc[of_class, "area_m2"].to_numpy())
        entry |= {"wanted": n, "drawn": int(counts[of_class].sum())}
    left_out = pool.loc[counts == 0, ["scene", "feature"]]
    meta["features_left_out"] = [[str(s), int(f)] for s, f in left_out.itertuples(index=False)]
    return counts


def _draw_stratified(
    scenes: Sequence[SceneLike], pool: pd.DataFrame, settings: _Settings, meta: dict[str, Any]
) -> dict[str, gpd.GeoDataFrame]:
    counts = _allocate(pool, settings, meta)
    found = {}
    for scene in scenes:
        mine = (pool["scene"] == scene.name).to_numpy()
        drawn = draw_patches(
            pool.loc[mine, "geometry"].to_numpy(),
            counts[mine],
            scene.grid,
            settings.patch_size,
            generator(settings.seed, f"points in {scene.name}"),
            min_valid=settings.min_valid,
            valid_share=settings.valid_share.get(scene.name),
        )
        meta["redrawn"] += drawn.redrawn
        found[scene.name] = patch_rows(
            scene.name,
            scene.grid,
            drawn.row,
            drawn.col,
            settings.patch_size,
            class_index=pool.loc[mine, "class_index"].to_numpy()[drawn.feature],
            feature=pool.loc[mine, "feature"].to_numpy()[drawn.feature],
            shifted=drawn.shifted,
        )
    return found


def _draw_grid(
    scenes: Sequence[SceneLike], pool: pd.DataFrame, settings: _Settings, meta: dict[str, Any]
) -> dict[str, gpd.GeoDataFrame]:
    background = -1 if settings.background is None else meta["legend"].index(settings.background)
    found = {}
    meta["cells"] = {}
    for scene in scenes:
        wanted = (pool["scene"] == scene.name) & (pool["class_index"] != background)
        laid = all_cells(scene.grid, settings.cell, settings.patch_size, scene.name)
        kept = keep_meeting(laid, scene.grid, pool.loc[wanted, "geometry"].to_numpy())
        meta["cells"][scene.name] = {"laid": len(laid), "meeting": len(kept)}
        if settings.min_valid > 0:
            share = settings.valid_share[scene.name](kept.row, kept.col, kept.size)
            kept = kept.where(share >= settings.min_valid)
        meta["cells"][scene.name]["kept"] = len(kept)
        patches = kept.split(settings.patch_size)
        found[scene.name] = patch_rows(scene.name, scene.grid, patches.row, patches.col, settings.patch_size)
    return found
