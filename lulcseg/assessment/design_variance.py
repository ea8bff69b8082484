"""Estimates and standard errors from a stratified sample, as pure functions of counts.

One formula covers every score. A score is a function f of the shares of the area p_ij (reference class i, map class
j); to first order its error is that of the mean of z = Σ_ij ∂f/∂p_ij · [the point is of (i, j)], whose variance is
known (Cochran 1977, eq. 5.32; Stehman 2014, eqs. 25, 28):

    V(f) = Σ_h W_h² · (1 − n_h / N_h) · s_h²(z) / n_h

For overall accuracy and area this is exact, for user's and producer's accuracy it is the ratio estimator's, and if
the strata are the map's classes it equals Olofsson et al. 2014, eqs. 5, 6, 7 and 10 (which omit the bracket).
For kappa and F1 it is the delta method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StratumSample:
    """Counts of the points of each stratum, and the strata's sizes.

    Args:
        counts: (H, n, n) points by stratum, reference class and map class.
        weights: (H,) the strata's shares of the area, above 0, summing to 1.
        units: (H,) pixels of each stratum, NaN if unknown; a stratum all of whose pixels are points has no
            sampling error.
        outside: (H,) points on ground of the stratum that the map doesn't cover; default: none.
        corrected: Whether to apply the finite-population correction, as Stehman 2014 does and Olofsson et al. do not.

    Raises:
        ValueError: The shapes don't fit, a count is negative, a stratum has no point, or weights are not positive.

    Example:
        >>> sample = StratumSample([[[45, 0], [5, 0]], [[0, 5], [0, 45]]], weights=[0.9, 0.1])
        >>> sample.shares.round(3).tolist()
        [[0.81, 0.01], [0.09, 0.09]]
        >>> round(sample.standard_error(overall_gradient(sample.shares)), 4)
        0.0388
    """

    counts: Array
    weights: Array
    units: Array
    outside: Array
    corrected: bool

    def __init__(
        self,
        counts: ArrayLike,
        weights: ArrayLike,
        units: ArrayLike | None = None,
        *,
        outside: ArrayLike | None = None,
        corrected: bool = False,
    ) -> None:
        n = np.asarray(counts, dtype=np.float64)
        w = np.asarray(weights, dtype=np.float64)
        nowhere = np.zeros(len(w)) if outside is None else np.asarray(outside, dtype=np.float64)
        unknown = np.full(len(w), np.nan) if units is None else np.asarray(units, dtype=np.float64)
        if n.ndim != 3 or n.shape[1] != n.shape[2] or not len(n) == len(w) == len(nowhere) == len(unknown):
            raise ValueError(f"counts have shape {n.shape}, weights {w.shape}")
        if (n < 0).any() or (nowhere < 0).any() or not (w > 0).all():
            raise ValueError("counts must not be negative, and weights must be above 0")
        if (n.sum(axis=(1, 2)) + nowhere == 0).any():
            raise ValueError("a stratum has no point")
        for name, value in (("counts", n), ("weights", w / w.sum()), ("units", unknown), ("outside", nowhere)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "corrected", corrected)

    @property
    def points(self) -> Array:
        """(H,) points of each stratum."""
        return np.asarray(self.counts.sum(axis=(1, 2)) + self.outside)

    @property
    def cells(self) -> Array:
        """(n, n) shares of the strata's total area by reference and map class, without what the map doesn't cover."""
        return np.asarray(np.einsum("h,hij->ij", self.weights / self.points, self.counts))

    @property
    def shares(self) -> Array:
        """(n, n) shares of the area that the map covers; they sum to 1."""
        cells = self.cells
        return np.asarray(cells / cells.sum())

    def standard_error(self, gradient: Array) -> float:
        """Return the standard error of a function of :attr:`shares`.

        Args:
            gradient: (n, n) the function's derivatives by each share.
        """
        return self._error((gradient - (gradient * self.shares).sum()) / self.cells.sum())

    def total_error(self, values: Array) -> float:
        """Return the standard error of Σ values · :attr:`cells`: a share of the strata's total area."""
        return self._error(values)

    def _error(self, z: Array) -> float:
        """Return the standard error of the mean of z, which is 0 on ground that the map doesn't cover."""
        n = self.points
        total = np.einsum("hij,ij->h", self.counts, z)
        square = np.einsum("hij,ij->h", self.counts, z**2)
        return stratified_error(self.weights, n, self.units, total, square, corrected=self.corrected)


def stratified_error(
    weights: Array, points: Array, units: Array, total: Array, square: Array, *, corrected: bool
) -> float:
    """Return the standard error of a stratified mean of z (Cochran 1977, eq. 5.32).

    Args:
        weights: (H,) the strata's shares of the area.
        points: (H,) points n_h.
        units: (H,) pixels N_h, NaN if unknown.
        total: (H,) sums of z over the points of each stratum.
        square: (H,) sums of z².
        corrected: Whether to apply the finite-population correction.

    Example:
        >>> one = np.ones(1)
        >>> round(stratified_error(one, 100 * one, np.nan * one, 90 * one, 90 * one, corrected=False), 4)
        0.0302
    """
    spread = square - total**2 / points
    spread[spread < 1e-12 * square] = 0.0  # rounding error if all points are alike
    whole = points >= np.where(np.isnan(units), np.inf, units)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(whole, 0.0, spread / (points - 1))
        left = np.where(np.isnan(units), 1.0, 1 - points / units) if corrected else np.ones(len(points))
        return float(np.sqrt((weights**2 * left * variance / points).sum()))


def overall_gradient(p: Array) -> Array:
    """Return the derivatives of overall accuracy, (n, n)."""
    return np.eye(len(p))


def area_gradient(p: Array, k: int) -> Array:
    """Return the derivatives of the share of the area of class k by the reference, (n, n)."""
    gradient = np.zeros_like(p)
    gradient[k] = 1
    return gradient


def users_gradient(p: Array, k: int) -> Array:
    """Return the derivatives of class k's user's accuracy p_kk / p_·k, (n, n); NaN if it is never mapped."""
    return _ratio_gradient(p, k, np.s_[:, k])


def producers_gradient(p: Array, k: int) -> Array:
    """Return the derivatives of class k's producer's accuracy p_kk / p_k·, (n, n); NaN if the reference lacks it."""
    return _ratio_gradient(p, k, np.s_[k, :])


def f1_gradient(p: Array, k: int) -> Array:
    """Return the derivatives of class k's F1, 2 p_kk / (p_k· + p_·k), (n, n); NaN if neither side has it."""
    whole = p[k].sum() + p[:, k].sum()
    if whole == 0:
        return np.full_like(p, np.nan)
    gradient = np.zeros_like(p)
    f1 = 2 * p[k, k] / whole
    gradient[k, :] -= f1
    gradient[:, k] -= f1
    gradient[k, k] += 2
    return np.asarray(gradient / whole)


def kappa_gradient(p: Array) -> Array:
    """Return the derivatives of Cohen's kappa (p_o − p_e) / (1 − p_e), (n, n); NaN if p_e is 1."""
    reference, mapped = p.sum(axis=1), p.sum(axis=0)
    observed, chance = np.trace(p), float(reference @ mapped)
    if np.isclose(chance, 1.0):
        return np.full_like(p, np.nan)
    by_chance = mapped[:, np.newaxis] + reference[np.newaxis, :]  # ∂p_e / ∂p_ij
    return np.asarray((np.eye(len(p)) * (1 - chance) - (1 - observed) * by_chance) / (1 - chance) ** 2)


def _ratio_gradient(p: Array, k: int, of: tuple[slice | int, slice | int]) -> Array:
    whole = p[of].sum()
    if whole == 0:
        return np.full_like(p, np.nan)
    gradient = np.zeros_like(p)
    gradient[of] = -p[k, k] / whole
    gradient[k, k] += 1
    return np.asarray(gradient / whole)
