"""Which patches of ground a model is trained on (``sampling:``, ``validation:``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lulcseg.settings.schema import arguments_setting, setting, target_setting


@dataclass
class SamplingSettings:
    """Which patches of ground the model is trained on (paper, section 2.5.2)."""

    method: str = setting(
        "stratified",
        "How patches are placed: stratified (Eqs 1 and 2), a regular grid, uniform over the labelled ground, "
        "balanced (as many for each class), or inverse_frequency (the rarer the class the more).",
        choices=("stratified", "grid", "uniform", "balanced", "inverse_frequency"),
    )
    patch_size: int = setting(512, "Side of a patch, in pixels.", least=16, most=8192)
    patches: int = setting(9632, "Wanted number of patches, N_p of Eq. 1 (not for the grid).", least=1)
    totals: str = setting(
        "per_feature",
        "Class totals: Eq. 2 as printed (every feature at least once), Eq. 1's total shared exactly, or covered: "
        "as per_feature, but a feature already inside a patch needs no other (stratified only).",
        choices=("per_feature", "exact", "covered"),
    )
    match_total: int | None = setting(
        None, "Total number of patches to come nearest to, by choosing N_p; over `patches` (stratified only).", least=1
    )
    cell: int = setting(1024, "Side of the grid's outer cell, in pixels (grid only).", least=16)
    origin: list[float] | None = setting(
        None, "Easting and northing that cells are laid from; null: the scene's upper left corner (grid only)."
    )
    edge: str = setting(
        "drop",
        "Cells that reach over the imagery's edge: left out, or shifted inside, where they overlap (grid only).",
        choices=("drop", "shift"),
    )
    min_labelled: float = setting(
        0.0, "Least share of a cell that has labels; cells with less are left out (grid only).", least=0.0, most=1.0
    )
    background: str | None = setting(
        "Other", "Class that alone does not keep a grid cell; null: every class does (grid only)."
    )
    min_valid: float = setting(
        0.2,
        "Least share of imagery: patches with less are drawn again, cells left out (grid).",
        least=0.0,
        most=1.0,
    )
    plan: str | None = setting(None, "A plan (plan.gpkg of a run) to take instead of drawing one; over all of these.")
    seed: int | None = setting(None, "Seed of the plan; null: the run's. A trial's runs share a plan by it.", least=0)
    target: str | None = target_setting("sampler")
    arguments: dict[str, Any] = arguments_setting()


@dataclass
class ValidationSettings:
    """Ground held out of training, in blocks, to follow the training by."""

    fraction: float = setting(0.0, "Share of the ground held out; 0: none, as in the paper.", least=0.0, most=0.9)
    block: int = setting(2048, "Side of a hold-out block, in pixels.", least=16)
