"""Holding ground out for validation by default: where a scene is large enough, and else nothing, with the reason."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.sampling.plan import TRAIN, Plan
from lulcseg.sampling.split import hold_out
from lulcseg.sampling.validation_ground import measure_validation

FRACTION = 0.1
"""Share of the ground held out by default."""

_LEAST, _USUAL = 3, 4
"""Patches along a block's side. A block of n patches validates on ((n - 1) / n)² of itself, and costs training 4 / n of
its area in patches across its edge: at 3 a tenth held out costs training less than a quarter of its patches."""


def hold_out_by_default(plan: Plan, pool: pd.DataFrame, *, block: int, seed: int) -> Plan:
    """Hold a tenth of the ground out where that is possible; else return the plan as it is. A note says which.

    Nothing is held out where a block of a tenth of a scene isn't three patches wide, where one side of the split has no
    patch, where a class would lose all its training patches, or where the validation patches would show too little to
    judge a model by (:mod:`lulcseg.sampling.validation_ground`).

    Args:
        plan: A plan whose ``split`` is still 'train' throughout.
        pool: The features of all its scenes (:func:`lulcseg.sampling.feature_pool.pooled`).
        block: Side of a block in pixels, if the scenes have room for it; at least four patches, less in small scenes.
        seed: Seed of the blocks.
    """
    size = plan.meta["patch_size"]
    grids = {scene: plan.grid(scene) for scene in plan.scenes}
    smallest = min(grids, key=lambda scene: grids[scene].height * grids[scene].width)
    room = math.isqrt(int(FRACTION * grids[smallest].height * grids[smallest].width))
    if room < _LEAST * size:
        return without_validation(
            plan,
            f"a tenth of scene '{smallest}' is a block of {room} pixels, less than {_LEAST} patches of {size}",
        )
    side = fitting_side(list(grids.values()), _LEAST * size, min(max(block, _USUAL * size), room))
    try:
        split = hold_out(plan, fraction=FRACTION, block=side, seed=seed)
    except LulcsegError as error:
        return without_validation(plan, error.what)
    if lost := _classes_lost(plan, split):
        return without_validation(plan, f"training would lose all patches drawn for {', '.join(lost)}")
    shown = measure_validation(split, pool)
    if shown.shortfall is not None:
        return without_validation(plan, f"a tenth would be {shown.shortfall}")
    blocks = sum(len(extents) for extents in split.meta["validation"]["held_out"].values())
    note = (
        f"{shown.patches:,} patches in {blocks} blocks of {side} pixels are held out for validation "
        "(validation.fraction=0 trains on all ground)."
    )
    return noted(split, note, shown.warning)


def noted(plan: Plan, *notes: str | None) -> Plan:
    """Return a plan with further notes; those that are None are left out."""
    return Plan(plan.rows, plan.meta | {"notes": [*plan.meta["notes"], *(note for note in notes if note)]})


def without_validation(plan: Plan, reason: str) -> Plan:
    """Return a plan with a note that says why nothing is held out.

    Args:
        plan: The plan.
        reason: A clause.
    """
    return noted(plan, f"No ground is held out for validation: {reason}.")


def fitting_side(grids: Sequence[Grid], least: int, most: int) -> int:
    """Return the side of a block that leaves the least ground in incomplete blocks at the right and lower edges.

    Args:
        grids: The scenes' grids.
        least: Smallest side, in pixels; sides below 0.7 × ``most`` are not considered either.
        most: Largest side, in pixels; of equally good ones the largest is taken.

    Examples:
        >>> grid = Grid("EPSG:32632", 0.0, 0.0, 1.0, 1.0, 2048, 2048)
        >>> fitting_side([grid], 384, 647)
        512
    """

    def left_over(side: int) -> int:
        return sum(g.height * g.width - (g.height // side) * (g.width // side) * side**2 for g in grids)

    return min(range(most, max(least, math.ceil(0.7 * most)) - 1, -1), key=left_over)


def _classes_lost(before: Plan, after: Plan) -> list[str]:
    """Return the names of the classes that patches were drawn for, and of which no training patch is left."""
    drawn = set(before.rows["class_index"])
    left = set(after.rows.loc[after.rows["split"] == TRAIN, "class_index"])
    return [str(before.meta["legend"][index]) for index in sorted(drawn - left) if index >= 0]
