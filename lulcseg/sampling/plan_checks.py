"""Checks of the settings against each other and the scenes, before any polygon is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.legend import Legend
from lulcseg.sampling.feature_pool import SceneLike
from lulcseg.sampling.methods import METHODS, method_of, name_of
from lulcseg.sampling.patch_extents import check_fits
from lulcseg.sampling.stratified import COUNTS
from lulcseg.sampling.systematic import Edge, origin_on
from lulcseg.settings.sampling import SamplingSettings

_NOTED = ("totals", "cell", "origin", "edge", "min_labelled")
"""Settings of some methods whose values are mentioned where they have no effect.

Sweeps over methods share them, so that the others may ignore them.
"""


def check_settings(settings: SamplingSettings, seed: int, scenes: Sequence[SceneLike]) -> Legend:
    """Check the settings against each other and the scenes.

    Args:
        settings: The settings.
        seed: Seed of the plan.
        scenes: The scenes.

    Returns:
        The scenes' common legend.

    Raises:
        LulcsegError: A setting is unknown or out of bounds, or the scenes do not go together.
    """
    options = {"method": METHODS, "totals": COUNTS, "edge": get_args(Edge.__value__)}
    for key, known in options.items():
        value = getattr(settings, key)
        if value not in known:
            raise LulcsegError(f"'{value}' is not known", where=f"sampling.{key}", remedy=did_you_mean(value, known))
    if seed < 0:
        raise LulcsegError(f"a seed of {seed} cannot be used", where="seed", remedy="use 0 or more")
    used = method_of(settings).settings
    _check_numbers(settings, used)
    legend = _common_legend(scenes)
    for scene in scenes:
        origin_on(scene.grid, settings.origin)
    if "background" in used and settings.background is not None and settings.background not in legend.names:
        raise LulcsegError(
            f"the legend has no class '{settings.background}'",
            where="sampling.background",
            remedy="set sampling.background=null to keep every cell, or name a class: "
            + did_you_mean(settings.background, legend.names),
        )
    for scene in scenes:
        check_fits(scene.grid, settings.patch_size, scene.name)
    return legend


def without_effect(settings: SamplingSettings) -> list[str]:
    """Return a note that names the settings that were set and that the method does not use, if any."""
    usual, used = SamplingSettings(), method_of(settings).settings
    named = [
        f"sampling.{key}={list(value) if key == 'origin' else value}"
        for key in _NOTED
        if key not in used and (value := getattr(settings, key)) != getattr(usual, key)
    ]
    verb = "has" if len(named) == 1 else "have"
    return [f"{', '.join(named)} {verb} no effect with sampling.method={name_of(settings)}."] if named else []


def _check_numbers(settings: SamplingSettings, used: frozenset[str]) -> None:
    """Check how many patches are requested."""
    if settings.match_total is not None:
        if "match_total" not in used:
            raise LulcsegError(
                f"method '{name_of(settings)}' has no N_p to choose",
                where="sampling.match_total",
                remedy="leave it null"
                + (" and set sampling.patches, which is met exactly" if "patches" in used else ""),
            )
        if settings.match_total < 1:
            raise LulcsegError(
                f"a total of {settings.match_total} patches is too few",
                where="sampling.match_total",
                remedy="use 1 or more",
            )
    elif "patches" in used and settings.patches < 1:
        raise LulcsegError(
            f"{settings.patches} patches are requested, at least 1 is needed",
            where="sampling.patches",
            remedy="request more",
        )


def _common_legend(scenes: Sequence[SceneLike]) -> Legend:
    """Return the scenes' legend, if they have one in common."""
    if not scenes:
        raise LulcsegError("there is no scene to draw patches in", where="scenes.train", remedy="name at least one")
    names = [s.name for s in scenes]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise LulcsegError(f"scene '{twice[0]}' is listed twice", where="scenes.train", remedy="name each scene once")
    for scene in scenes[1:]:
        if scene.legend != scenes[0].legend:
            raise LulcsegError(
                f"scenes '{names[0]}' and '{scene.name}' have different legends",
                where="scenes.train",
                remedy="give both the same classes, codes and order; labels.crosswalk maps source names to them",
            )
    return scenes[0].legend
