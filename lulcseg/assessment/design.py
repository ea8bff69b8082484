"""Design-based estimates for a whole map from a sample of reference points: the values, and their JSON form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN, SIMPLE_RANDOM, STRATIFIED, POST_STRATIFIED = "unknown", "simple random", "stratified", "post-stratified"
DESIGNS = (UNKNOWN, SIMPLE_RANDOM, STRATIFIED, POST_STRATIFIED)
"""Sampling designs, by their names in a scene file; ``post-stratified``: drawn at random, estimated by strata."""

FEW_POINTS = 10
"""Strata with fewer points get a warning: their standard error is itself very uncertain."""

AGREEMENT_ONLY = "Agreement at these points: how they were drawn isn't known, so nothing is claimed about the area."


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated figure.

    Attributes:
        value: The estimate; NaN if undefined, such as the user's accuracy of a class that is never mapped.
        se: Its standard error, from sampling alone; NaN if there is none.
        low: Lower end of the 95 % interval; NaN if there is none.
        high: Upper end.
    """

    value: float
    se: float
    low: float
    high: float

    def to_plain(self) -> dict[str, float | None]:
        """Return the JSON form, None for NaN."""
        named = {"value": self.value, "se": self.se, "low": self.low, "high": self.high}
        return {key: None if math.isnan(value) else value for key, value in named.items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, float | None]) -> Estimate:
        """Read the output of :meth:`to_plain`."""
        value, se, low, high = (_number(plain[key]) for key in ("value", "se", "low", "high"))
        return cls(value, se, low, high)

    def times(self, factor: float) -> Estimate:
        """Return the estimate in another unit, such as hectares from a share.

        Example:
            >>> Estimate(0.5, 0.125, 0.25, 0.75).times(200.0)
            Estimate(value=100.0, se=25.0, low=50.0, high=150.0)
        """
        return Estimate(self.value * factor, self.se * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of the ground from which points were drawn separately.

    Attributes:
        name: Its name in the points' column.
        pixels: Its number of pixels; NaN if only its area is known.
        hectares: Its area, ha.
        points: Number of points in it that count; 0 before they are assigned.
    """

    name: str
    pixels: float
    hectares: float
    points: int = 0

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON form."""
        pixels = None if math.isnan(self.pixels) else self.pixels
        return {"name": self.name, "pixels": pixels, "hectares": self.hectares, "points": self.points}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Stratum:
        """Read the output of :meth:`to_plain`."""
        return cls(str(plain["name"]), _number(plain["pixels"]), float(plain["hectares"]), int(plain["points"]))


@dataclass(frozen=True, slots=True)
class ClassEstimates:
    """The estimates of one class.

    Attributes:
        name: The class.
        users: User's accuracy.
        producers: Producer's accuracy.
        f1: Their harmonic mean.
        share: Share of the area that is of this class by the reference.
        hectares: That share as an area.
        mapped_hectares: Its area on the map, counted by pixels, ha; NaN if unknown.
    """

    name: str
    users: Estimate
    producers: Estimate
    f1: Estimate
    share: Estimate
    hectares: Estimate
    mapped_hectares: float


_CLASS_ESTIMATES = ("users", "producers", "f1", "share", "hectares")
_MAP_ESTIMATES = ("overall", "kappa", "mean_f1", "mean_users", "mean_producers")


@dataclass(frozen=True)
class DesignBased:
    """Estimates for the whole ground of a map, based on the design of its reference points.

    Attributes:
        design: One of :data:`DESIGNS`, never ``unknown``.
        estimator: The formulae, with their source.
        sentence: What the estimates refer to.
        warnings: Caveats, a sentence each.
        strata: The strata with their sizes and points; one for a simple random sample.
        shares: (n, n) estimated shares of the area, rows = reference, columns = map; they sum to 1.
        overall: Overall accuracy.
        kappa: Cohen's kappa.
        mean_f1: Mean over the classes that the reference has.
        mean_users: The same of user's accuracy; a class never mapped counts 0.
        mean_producers: The same of producer's accuracy.
        classes: The estimates of each class, in the legend's order.
    """

    design: str
    estimator: str
    sentence: str
    warnings: tuple[str, ...]
    strata: tuple[Stratum, ...]
    shares: tuple[tuple[float, ...], ...]
    overall: Estimate
    kappa: Estimate
    mean_f1: Estimate
    mean_users: Estimate
    mean_producers: Estimate
    classes: tuple[ClassEstimates, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "design": self.design,
            "estimator": self.estimator,
            "sentence": self.sentence,
            "warnings": list(self.warnings),
            "strata": [stratum.to_plain() for stratum in self.strata],
            "shares": [list(row) for row in self.shares],
            **{name: getattr(self, name).to_plain() for name in _MAP_ESTIMATES},
            "per_class": [
                {
                    "name": c.name,
                    **{name: getattr(c, name).to_plain() for name in _CLASS_ESTIMATES},
                    "mapped_hectares": None if math.isnan(c.mapped_hectares) else c.mapped_hectares,
                }
                for c in self.classes
            ],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> DesignBased:
        """Read the output of :meth:`to_plain`."""
        classes: Sequence[Mapping[str, Any]] = plain["per_class"]
        return cls(
            design=plain["design"],
            estimator=plain["estimator"],
            sentence=plain["sentence"],
            warnings=tuple(plain["warnings"]),
            strata=tuple(Stratum.from_plain(s) for s in plain["strata"]),
            shares=tuple(tuple(row) for row in plain["shares"]),
            classes=tuple(
                ClassEstimates(
                    name=c["name"],
                    mapped_hectares=_number(c["mapped_hectares"]),
                    **{name: Estimate.from_plain(c[name]) for name in _CLASS_ESTIMATES},
                )
                for c in classes
            ),
            **{name: Estimate.from_plain(plain[name]) for name in _MAP_ESTIMATES},
        )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
