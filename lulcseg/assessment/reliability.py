"""Whether a map's probabilities mean what they say: Brier score, log loss, calibration error, reliability diagram."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.assessment.design import Estimate
from lulcseg.assessment.design_estimators import Z
from lulcseg.assessment.design_variance import Array
from lulcseg.assessment.point_design import PointDesign
from lulcseg.maps.share_encoding import SHARE_SCALE

BINS = 15
"""Bins of the reliability diagram and the calibration error, as Guo et al. 2017 use."""

LEAST_PROBABILITY = SHARE_SCALE / 2
"""Probabilities below half a stored step (0.002) count as this in the log loss, which would else be infinite."""

FEW_IN_BIN = 10
"""A bin with fewer points has a standard error that is itself hardly known."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The points whose confidence is in a range.

    Attributes:
        low: Lower end of the range.
        high: Upper end.
        points: Number of points.
        weight: Share of the ground.
        confidence: Mean confidence.
        accuracy: Share of the ground on which the map agrees with the reference.
        error: Standard error of the accuracy, a ratio estimator's; NaN if unknown.
    """

    low: float
    high: float
    points: int
    weight: float
    confidence: float
    accuracy: float
    error: float


_SCORES = ("brier", "nll", "ece", "ece_equal_mass", "classwise_ece", "overconfidence")


@dataclass(frozen=True, slots=True)
class Reliability:
    """Scores of a map's probabilities at reference points, weighted by the points' design.

    Attributes:
        points: Number of points.
        design: The points' design; errors are NaN if it is unknown.
        brier: Brier score, the mean of Σ_k (p_k − [k is the reference])², 0…2.
        nll: Negative log-likelihood (log loss), the mean of −ln p of the reference class, in nats.
        ece: Expected calibration error of the mapped class, 15 bins of equal width (Guo et al. 2017, eq. 3).
        ece_equal_mass: The same with bins that hold the same share of the points each.
        classwise_ece: Mean over the classes of the calibration error of their own probabilities (Kull et al. 2019).
        overconfidence: Mean confidence less accuracy; unlike the calibration errors it is unbiased.
        ece_by_chance: What ``ece`` would be, on average, of perfectly calibrated probabilities at as many points.
        bins: The diagram's bins that hold points, from low to high confidence.
    """

    points: int
    design: str
    brier: Estimate
    nll: Estimate
    ece: Estimate
    ece_equal_mass: Estimate
    classwise_ece: Estimate
    overconfidence: Estimate
    ece_by_chance: float
    bins: tuple[ReliabilityBin, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON form."""
        keys = ReliabilityBin.__slots__
        return {
            "points": self.points,
            "design": self.design,
            **{name: getattr(self, name).to_plain() for name in _SCORES},
            "ece_by_chance": self.ece_by_chance,
            "bins": [{key: getattr(each, key) for key in keys} for each in self.bins],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Reliability:
        """Read the output of :meth:`to_plain`, in which None is NaN."""
        bins: list[dict[str, Any]] = [
            {key: math.nan if v is None else v for key, v in each.items()} for each in plain["bins"]
        ]
        chance = plain["ece_by_chance"]
        return cls(
            points=int(plain["points"]),
            design=str(plain["design"]),
            **{name: Estimate.from_plain(plain[name]) for name in _SCORES},
            ece_by_chance=math.nan if chance is None else float(chance),
            bins=tuple(ReliabilityBin(**each) for each in bins),
        )


def measure_reliability(
    probabilities: ArrayLike, reference: ArrayLike, mapped: ArrayLike, design: PointDesign, *, named: str
) -> Reliability:
    """Score probabilities at points.

    The standard errors are those of a mean under the design. A calibration error is Σ_b |D_b|, where D_b is the mean
    of (agreement − confidence) over bin b, as a share of all ground; with the signs of the D_b held, it is the mean of
    sign(D_b) · (agreement − confidence), whose error is given (linearisation). It is biased upwards, the more the
    fewer points a bin has, and its error is too small where it is no larger than ``ece_by_chance``,
    √(2/π) · Σ_b (error of D_b).

    Args:
        probabilities: (n, K) of each class.
        reference: (n,) class indices.
        mapped: (n,) class indices of the map; their probability is the confidence.
        design: The design of the n points.
        named: Its name.

    Example:
        >>> p = np.tile([0.8, 0.2], (10, 1))
        >>> right = [0] * 7 + [1] * 3
        >>> found = measure_reliability(p, right, [0] * 10, PointDesign.simple_random(10), named="simple random")
        >>> round(found.ece.value, 3), round(found.overconfidence.value, 3), round(found.overconfidence.se, 3)
        (0.1, 0.1, 0.153)
    """
    p = np.asarray(probabilities, dtype=np.float64)
    truth, shown = np.asarray(reference, dtype=np.int64), np.asarray(mapped, dtype=np.int64)
    rows = np.arange(len(p))
    is_class = np.zeros_like(p)
    is_class[rows, truth] = 1.0
    confidence, agrees = p[rows, shown], (truth == shown).astype(np.float64)
    excess = confidence - agrees
    width = bins_of(confidence)
    binned = _signed(excess, width, design)
    classwise = np.mean(
        [_signed(p[:, k] - is_class[:, k], bins_of(p[:, k]), design) for k in range(p.shape[1])], axis=0
    )
    return Reliability(
        points=len(p),
        design=named,
        brier=_estimate(((p - is_class) ** 2).sum(axis=1), design, 0.0, 2.0),
        nll=_estimate(-np.log(np.maximum(p[rows, truth], LEAST_PROBABILITY)), design, 0.0, math.inf),
        ece=_estimate(binned, design, math.nan, math.nan),
        ece_equal_mass=_estimate(_signed(excess, _equal_mass(confidence), design), design, math.nan, math.nan),
        classwise_ece=_estimate(classwise, design, math.nan, math.nan),
        overconfidence=_estimate(excess, design, -1.0, 1.0),
        ece_by_chance=math.sqrt(2 / math.pi) * sum(design.error(excess * (width == b)) for b in np.unique(width)),
        bins=tuple(_bin(int(b), width == b, confidence, agrees, design) for b in np.unique(width)),
    )


def bins_of(shares: Array) -> NDArray[np.int64]:
    """Return the bin of each share among :data:`BINS` of equal width, closed below; 1 is in the last.

    >>> bins_of(np.array([0.0, 0.2, 1.0])).tolist()
    [0, 3, 14]
    """
    edges = np.linspace(0, 1, BINS + 1)
    return np.clip(np.searchsorted(edges, shares, side="right") - 1, 0, BINS - 1)


def _equal_mass(shares: Array) -> NDArray[np.int64]:
    """Return the bin of each share among :data:`BINS` with equally many points; equal shares are in one bin."""
    edges = np.quantile(shares, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, shares, side="left"), dtype=np.int64)


def _signed(excess: Array, bins: NDArray[np.int64], design: PointDesign) -> Array:
    """Return values whose mean is the calibration error: each point's excess with the sign of its bin's."""
    sums = np.bincount(bins, excess * design.point_weights)
    return np.asarray(excess * np.sign(sums)[bins])


def _bin(
    number: int, inside: NDArray[np.bool_], confidence: Array, agrees: Array, design: PointDesign
) -> ReliabilityBin:
    weight = design.mean(inside.astype(np.float64))
    accuracy = design.mean(agrees * inside) / weight
    return ReliabilityBin(
        low=number / BINS,
        high=(number + 1) / BINS,
        points=int(inside.sum()),
        weight=weight,
        confidence=design.mean(confidence * inside) / weight,
        accuracy=accuracy,
        error=design.error((agrees - accuracy) * inside / weight),
    )


def _estimate(values: Array, design: PointDesign, least: float, most: float) -> Estimate:
    """Return the mean of values with a normal interval within bounds; without one if a bound is NaN."""
    value, se = design.mean(values), design.error(values)
    if not se > 0 or math.isnan(least):
        return Estimate(value, se, math.nan, math.nan)
    return Estimate(value, se, max(least, value - Z * se), min(most, value + Z * se))
