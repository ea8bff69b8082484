"""What a plan is asked for, and the checks that need no polygon."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.legend import Legend
from lulcseg.sampling.pool import SceneLike
from lulcseg.sampling.stratified import ValidShare
from lulcseg.sampling.systematic import Edge, origin_on
from lulcseg.settings.sampling import SamplingSettings

type Method = Literal["stratified", "grid", "uniform", "balanced", "inverse_frequency"]
type Totals = Literal["per_feature", "exact", "covered"]

_OF_ONE_METHOD = {"totals": "stratified", "cell": "grid", "origin": "grid", "edge": "grid", "min_labelled": "grid"}
"""Settings that one method alone heeds. Sweeps over methods share them, so that others may ignore them."""


@dataclasses.dataclass(frozen=True)
class PlanRequest:
    """The arguments of :func:`lulcseg.sampling.draw.draw_plan`, which explains them."""

    method: Method
    patch_size: int
    seed: int
    n_patches: int | None
    totals: Totals
    match_total: int | None
    cell: int
    origin: Sequence[float] | None
    edge: Edge
    min_labelled: float
    background: str | None
    min_valid: float
    valid_share: Mapping[str, ValidShare]
    labelled_share: Mapping[str, ValidShare]

    def check(self, scenes: Sequence[SceneLike]) -> Legend:
        """Check the settings against each other and the scenes.

        Returns:
            The scenes' common legend.

        Raises:
            LulcsegError: A setting is unknown or out of bounds, or the scenes do not go together.
            ValueError: A least share is asked for, and what tells it is missing for a scene.
        """
        for key, kind in (("method", Method), ("totals", Totals), ("edge", Edge)):
            value, options = getattr(self, key), get_args(kind.__value__)
            if value not in options:
                raise LulcsegError(
                    f"'{value}' is not known", where=f"sampling.{key}", remedy=did_you_mean(str(value), options)
                )
        if self.seed < 0:
            raise LulcsegError(f"a seed of {self.seed} cannot be used", where="seed", remedy="use 0 or more")
        self._check_numbers()
        legend = _common_legend(scenes)
        for scene in scenes:
            origin_on(scene.grid, self.origin)
        if self.background is not None and self.background not in legend.names:
            raise LulcsegError(
                f"the legend has no class '{self.background}'",
                where="sampling.background",
                remedy="set sampling.background=null to keep every cell, or name a class: "
                + did_you_mean(self.background, legend.names),
            )
        names = {s.name for s in scenes}
        for key, least, told in (
            ("valid", self.min_valid, self.valid_share),
            ("labelled", self.min_labelled if self.method == "grid" else 0.0, self.labelled_share),
        ):
            if least > 0 and names - set(told):
                raise ValueError(f"min_{key} needs {key}_share for every scene")
        return legend

    def without_effect(self) -> list[str]:
        """Return a note that names what was set and does not apply to the method, or nothing."""
        usual = SamplingSettings()
        named = [
            f"sampling.{key}={list(value) if key == 'origin' else value}"
            for key, method in _OF_ONE_METHOD.items()
            if method != self.method and (value := getattr(self, key)) != getattr(usual, key)
        ]
        verb = "has" if len(named) == 1 else "have"
        return [f"{', '.join(named)} {verb} no effect with sampling.method={self.method}."] if named else []

    def _check_numbers(self) -> None:
        """Check how many patches are asked for."""
        if self.match_total is not None:
            if self.method != "stratified":
                raise LulcsegError(
                    f"method '{self.method}' has no N_p to choose",
                    where="sampling.match_total",
                    remedy="leave it null"
                    + ("" if self.method == "grid" else " and set sampling.patches, which is met exactly"),
                )
            if self.match_total < 1:
                raise LulcsegError(
                    f"a total of {self.match_total} is none", where="sampling.match_total", remedy="use 1 or more"
                )
        elif self.method != "grid" and self.n_patches is None:
            raise LulcsegError(
                f"method '{self.method}' needs the number of patches", where="sampling.patches", remedy="set it"
            )
        elif self.method != "grid" and self.n_patches is not None and self.n_patches < 1:
            raise LulcsegError(
                f"{self.n_patches} patches are wanted, at least 1 is needed",
                where="sampling.patches",
                remedy="ask for more",
            )


def _common_legend(scenes: Sequence[SceneLike]) -> Legend:
    """Return the scenes' legend, if they have one in common."""
    if not scenes:
        raise LulcsegError("there is no scene to draw patches in", where="scenes.train", remedy="name at least one")
    names = [s.name for s in scenes]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise LulcsegError(f"scene '{twice[0]}' stands twice", where="scenes.train", remedy="name each scene once")
    for scene in scenes[1:]:
        if scene.legend != scenes[0].legend:
            raise LulcsegError(
                f"scenes '{names[0]}' and '{scene.name}' have different legends",
                where="scenes.train",
                remedy="give both the same classes, codes and order; labels.crosswalk maps source names to them",
            )
    return scenes[0].legend
