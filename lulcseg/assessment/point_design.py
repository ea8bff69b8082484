"""Means of values at reference points, weighted by the points' sampling design, with standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.assessment.design_variance import Array, stratified_error


@dataclass(frozen=True, eq=False)
class PointDesign:
    """Points that have values, and what their design says of them.

    A point of stratum h weighs W_h / n_h. The mean over the ground that has values is the ratio estimator of a domain
    (Cochran 1977, section 5A.14), which is the stratified mean if all points have values.

    Attributes:
        stratum: (n,) index of each point's stratum.
        weights: (H,) the strata's shares of the area W_h, above 0, summing to 1.
        units: (H,) pixels of each stratum N_h; NaN if unknown.
        outside: (H,) further points of each stratum, on ground without values.
        corrected: Whether the finite-population correction applies.
        known: Whether the design is known; if not, all points weigh the same and have no standard errors.

    Example:
        >>> design = PointDesign.of_strata([0, 0, 1, 1], [0.9, 0.1])
        >>> round(design.mean(np.array([1.0, 0.0, 1.0, 1.0])), 3)
        0.55
    """

    stratum: NDArray[np.int64]
    weights: Array
    units: Array
    outside: Array
    corrected: bool = False
    known: bool = True

    @classmethod
    def of_strata(
        cls,
        stratum: ArrayLike,
        weights: ArrayLike,
        units: ArrayLike | None = None,
        outside: ArrayLike | None = None,
        *,
        corrected: bool = False,
    ) -> PointDesign:
        """Return the design of points drawn at random in each stratum; the weights need not sum to 1."""
        w = np.asarray(weights, dtype=np.float64)
        unknown = np.full(len(w), np.nan) if units is None else np.asarray(units, dtype=np.float64)
        nowhere = np.zeros(len(w)) if outside is None else np.asarray(outside, dtype=np.float64)
        return cls(np.asarray(stratum, dtype=np.int64), w / w.sum(), unknown, nowhere, corrected)

    @classmethod
    def simple_random(cls, n: int) -> PointDesign:
        """Return the design of n points of a simple random sample."""
        return cls.of_strata(np.zeros(n, dtype=np.int64), [1.0])

    @classmethod
    def unknown(cls, n: int) -> PointDesign:
        """Return what is known of n points of an unknown design: nothing."""
        return replace(cls.simple_random(n), known=False)

    def where(self, has_value: NDArray[np.bool_]) -> PointDesign:
        """Return the design of the points that have a value; the others count as outside."""
        lost = np.bincount(self.stratum[~has_value], minlength=len(self.weights))
        return replace(self, stratum=self.stratum[has_value], outside=self.outside + lost)

    @property
    def point_weights(self) -> Array:
        """(n,) each point's share of the ground that has values; they sum to 1."""
        raw = self._raw
        return np.asarray(raw / raw.sum())

    def mean(self, values: Array) -> float:
        """Return the mean of (n,) values over the ground that has them."""
        return float(self.point_weights @ values)

    def error(self, values: Array) -> float:
        """Return the standard error of :meth:`mean`; NaN if the design is unknown, or a stratum has one point.

        Args:
            values: (n,) the values; of a nonlinear statistic its influence on each point.
        """
        if not self.known:
            return math.nan
        residual = (values - self.mean(values)) / self._raw.sum()
        strata = len(self.weights)
        total = np.bincount(self.stratum, residual, minlength=strata)
        square = np.bincount(self.stratum, residual**2, minlength=strata)
        return stratified_error(self.weights, self._points, self.units, total, square, corrected=self.corrected)

    @property
    def _points(self) -> Array:
        return np.asarray(np.bincount(self.stratum, minlength=len(self.weights)) + self.outside)

    @property
    def _raw(self) -> Array:
        return np.asarray((self.weights / np.maximum(self._points, 1))[self.stratum])
