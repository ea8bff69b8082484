"""Which patches a model is trained on (``sampling:``, ``validation:``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lulcseg.settings.schema import arguments_setting, setting, target_setting


@dataclass
class SamplingSettings:
    """Which patches the model is trained on (paper, section 2.5.2)."""

    method: str = setting(
        "stratified",
        "How patches are placed: stratified (Eqs 1 and 2), a regular grid, uniform over the labelled ground, "
        "balanced (as many for each class), or inverse_frequency (the rarer the class the more).",
        choices=("stratified", "grid", "uniform", "balanced", "inverse_frequency"),
    )
    patch_size: int = setting(512, "Side of a patch, in pixels.", least=16, most=8192)
    patches: int = setting(9632, "Requested number of patches, N_p of Eq. 1 (not for the grid).", least=1)
    totals: str = setting(
        "per_feature",
        "Class totals: Eq. 2 as printed (every feature at least once), Eq. 1's total shared exactly, or covered: "
        "as per_feature, but a feature already inside a patch needs no other (stratified only).",
        choices=("per_feature", "exact", "covered"),
    )
    match_total: int | None = setting(
        None,
        "Total number of patches that N_p is chosen to come nearest to; overrides `patches` (stratified only).",
        least=1,
    )
    cell: int = setting(1024, "Side of the grid's outer cell, in pixels (grid only).", least=16)
    origin: list[float] | None = setting(
        None,
        "Easting and northing of the grid's origin, in units of the CRS; null: the scene's upper left (grid only).",
    )
    edge: str = setting(
        "drop",
        "Cells across the imagery's edge: drop, or shift inside, overlapping others (grid only).",
        choices=("drop", "shift"),
    )
    min_labelled: float = setting(
        0.0, "Least labelled share of a cell, 0 to 1; cells with less are left out (grid only).", least=0.0, most=1.0
    )
    background: str | None = setting(
        "Other", "Class that does not suffice to keep a grid cell; null: any class does (grid only)."
    )
    min_valid: float = setting(
        0.2,
        "Least share of a patch covered by imagery, 0 to 1: patches with less are redrawn, grid cells left out.",
        least=0.0,
        most=1.0,
    )
    plan: str | None = setting(
        None, "Plan (plan.gpkg of a run) to use instead of drawing one; overrides all of the above."
    )
    seed: int | None = setting(
        None, "Seed of the plan; null: the run's. Runs of a trial that share it share a plan.", least=0
    )
    target: str | None = target_setting("sampler")
    arguments: dict[str, Any] = arguments_setting()


@dataclass
class ValidationSettings:
    """Ground held out of training, in blocks, to validate on."""

    fraction: float | None = setting(
        None,
        "Share of the ground held out, 0 to 0.9; null: 0.1, or none where that is too little to judge by or "
        "augment.margin is set; 0: none, as in the paper.",
        least=0.0,
        most=0.9,
    )
    block: int = setting(
        2048,
        "Side of a hold-out block, in pixels; while `fraction` is null at least four patches, less in a small scene.",
        least=16,
    )
