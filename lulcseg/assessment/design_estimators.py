"""Accuracy and areas of a map from its reference points, for each sampling design, as pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.assessment import design_variance as variance
from lulcseg.assessment.design import (
    FEW_POINTS,
    POST_STRATIFIED,
    SIMPLE_RANDOM,
    STRATIFIED,
    ClassEstimates,
    DesignBased,
    Estimate,
    Stratum,
)
from lulcseg.assessment.design_variance import Array, StratumSample
from lulcseg.assessment.intervals import wilson_interval
from lulcseg.errors import LulcsegError
from lulcseg.scene.format_quantities import format_hectares

Z = 1.959963984540054
"""The normal distribution's 97.5 % point."""

Bounds = tuple[float, float]


def simple_random(confusion: ArrayLike, names: Sequence[str], hectares: float, mapped: ArrayLike) -> DesignBased:
    """Estimate from a simple random sample, by plain counts.

    Standard errors are √(p (1 − p) / (n − 1)); intervals are Wilson's for shares of points and normal for kappa and F1.

    Args:
        confusion: (n, n) points, rows = reference, columns = map.
        names: The classes' names.
        hectares: Area of the ground that the points were drawn from, as far as the map covers it, ha.
        mapped: (n,) hectares of each class on the map.

    Raises:
        LulcsegError: Fewer than two points.

    Example:
        >>> found = simple_random([[45, 5], [5, 45]], ["Cane", "Other"], 100.0, [52.0, 48.0])
        >>> round(found.overall.value, 3), round(found.overall.se, 4)
        (0.9, 0.0302)
    """
    counts = np.asarray(confusion, dtype=np.float64)
    n = int(counts.sum())
    if n < 2:
        raise LulcsegError(f"a standard error needs two points, there is {n}", where="design", remedy="add points")
    sample = StratumSample(counts[np.newaxis], [1.0])
    reference, shown, agree = counts.sum(axis=1), counts.sum(axis=0), np.diag(counts)
    few = [Stratum(name, math.nan, 0.0, int(k)) for name, k in zip(names, reference, strict=True)]
    return _estimates(
        sample,
        names,
        hectares,
        mapped,
        _Intervals(
            overall=wilson_interval(int(agree.sum()), n),
            users=_wilson(agree, shown),
            producers=_wilson(agree, reference),
            share=_wilson(reference, np.full(len(names), n)),
        ),
        design=SIMPLE_RANDOM,
        estimator="plain counts of a simple random sample (Cochran 1977, ch. 3), not adjusted by the map's areas",
        sentence=f"Estimates for {format_hectares(hectares)} ha of ground from {n:,} points of a simple random sample.",
        warnings=_few([s for s in few if s.points]),
        strata=(Stratum("all", math.nan, hectares, n),),
    )


def stratified_by_map(
    confusion: ArrayLike, pixels: ArrayLike, names: Sequence[str], pixel_hectares: float, *, design: str = STRATIFIED
) -> DesignBased:
    """Estimate where the strata are the classes of the assessed map: p̂_ij = W_i · n_ij / n_i (Olofsson et al. 2014).

    For points drawn by these strata, and for points drawn at random whose strata are formed afterwards
    (post-stratification; the standard errors are then conditional on the number of points in each stratum).

    Args:
        confusion: (n, n) points, rows = reference, columns = map.
        pixels: (n,) pixels of each class on the whole map, over the area and at the date of the points.
        names: The classes' names.
        pixel_hectares: Area of a pixel, ha.
        design: ``stratified`` or ``post-stratified``.

    Raises:
        LulcsegError: A class of the map with fewer than two points, or points in a class that the map doesn't have.

    Example:
        >>> found = stratified_by_map([[45, 5], [5, 45]], [9_000, 1_000], ["Cane", "Other"], 0.01)
        >>> round(found.overall.value, 3), [round(c.hectares.value, 1) for c in found.classes]
        (0.9, [82.0, 18.0])
    """
    counts, size = np.asarray(confusion, dtype=np.float64), np.asarray(pixels, dtype=np.float64)
    n = counts.sum(axis=0)
    strata = tuple(
        Stratum(name, float(size[k]), float(size[k] * pixel_hectares), int(n[k])) for k, name in enumerate(names)
    )
    _check_strata(strata, "class of the map")
    kept = np.flatnonzero(size > 0)
    by_stratum = np.zeros((len(kept), *counts.shape))
    for h, k in enumerate(kept):
        by_stratum[h, :, k] = counts[:, k]
    hectares = float(size.sum() * pixel_hectares)
    how = "strata formed after" if design == POST_STRATIFIED else "drawn by"
    return _estimates(
        StratumSample(by_stratum, size[kept], size[kept]),
        names,
        hectares,
        size * pixel_hectares,
        _Intervals(users=_wilson(np.diag(counts), n)),
        design=design,
        estimator="stratified by the assessed map's classes (Olofsson et al. 2014, eqs. 1–11)",
        sentence=f"Estimates for the {format_hectares(hectares)} ha that the map covers, from {int(n.sum()):,} points "
        f"({how} the map's own classes), weighted by the classes' areas on the whole map.",
        warnings=_few([s for s in strata if s.pixels > 0]),
        strata=tuple(strata[k] for k in kept),
    )


def stratified_elsewhere(
    counts: ArrayLike, strata: Sequence[Stratum], names: Sequence[str], mapped: ArrayLike, outside: ArrayLike
) -> DesignBased:
    """Estimate if the strata are not the assessed map's classes: indicator and ratio estimators (Stehman 2014).

    The estimates are for the part of the strata that the map covers, by the ratio estimator of a domain.

    Args:
        counts: (H, n, n) points by stratum, reference class and map class.
        strata: The H strata; their ``points`` are filled in here.
        names: The classes' names.
        mapped: (n,) hectares of each class on the map.
        outside: (H,) points outside the map.

    Raises:
        LulcsegError: A stratum with fewer than two points, or points in a stratum of no size.
    """
    n, off = np.asarray(counts, dtype=np.float64), np.asarray(outside, dtype=np.float64)
    number = n.sum(axis=(1, 2)) + off
    strata = [replace(s, points=int(k)) for s, k in zip(strata, number, strict=True)]
    _check_strata(strata, "stratum")
    kept = [h for h, s in enumerate(strata) if s.hectares > 0]
    strata = [strata[h] for h in kept]
    hectares = sum(s.hectares for s in strata)
    warned = _few(strata)
    if off.sum():
        warned += (f"{int(off.sum()):,} points lie where the map has no class: the figures are of what it covers.",)
    return _estimates(
        StratumSample(
            n[kept],
            [s.hectares for s in strata],
            [s.pixels for s in strata],
            outside=off[kept],
            corrected=True,
        ),
        names,
        hectares,
        mapped,
        _Intervals(),
        design=STRATIFIED,
        estimator="strata other than the assessed map's classes (Stehman 2014, eqs. 2, 25, 28)",
        sentence=f"Estimates for the {format_hectares(hectares)} ha of the strata as far as the map covers them, from "
        f"{int(number.sum()):,} points drawn by strata that are not the map's classes.",
        warnings=warned,
        strata=tuple(strata),
    )


@dataclass(frozen=True)
class _Intervals:
    """Intervals other than the normal ones; per-class intervals in the legend's order."""

    overall: Bounds | None = None
    users: Sequence[Bounds] | None = None
    producers: Sequence[Bounds] | None = None
    share: Sequence[Bounds] | None = None


def _estimates(
    sample: StratumSample,
    names: Sequence[str],
    hectares: float,
    mapped: ArrayLike,
    intervals: _Intervals,
    *,
    design: str,
    estimator: str,
    sentence: str,
    warnings: tuple[str, ...],
    strata: tuple[Stratum, ...],
) -> DesignBased:
    """Compute all estimates of a sample."""
    p, size = sample.shares, range(len(names))
    reference, shown, agree = p.sum(axis=1), p.sum(axis=0), np.diag(p)
    gradients = {
        "users": [variance.users_gradient(p, k) for k in size],
        "producers": [variance.producers_gradient(p, k) for k in size],
        "f1": [variance.f1_gradient(p, k) for k in size],
        "share": [variance.area_gradient(p, k) for k in size],
    }
    values = {
        "users": _divided(agree, shown),
        "producers": _divided(agree, reference),
        "f1": _divided(2 * agree, reference + shown),
        "share": reference,
    }

    def estimated(value: float, gradient: Array, bounds: Bounds | None = None, low: float = 0.0) -> Estimate:
        se = math.nan if math.isnan(value) else sample.standard_error(gradient)
        return Estimate(value, se, *(bounds or _normal(value, se, low)))

    def per_class(kind: str, bounds: Sequence[Bounds] | None = None) -> list[Estimate]:
        return [
            estimated(float(values[kind][k]), gradients[kind][k], None if bounds is None else bounds[k]) for k in size
        ]

    judged = np.flatnonzero(reference > 0)

    def mean(kind: str) -> Estimate:
        known = [k for k in judged if not math.isnan(values[kind][k])]  # a class never mapped counts 0
        gradient = sum((gradients[kind][k] for k in known), np.zeros_like(p)) / len(judged)
        return estimated(float(values[kind][known].sum() / len(judged)), gradient)

    shares = per_class("share", intervals.share)
    classes = zip(
        names,
        per_class("users", intervals.users),
        per_class("producers", intervals.producers),
        per_class("f1"),
        shares,
        [area.times(hectares) for area in _of_all(sample, shares)],
        np.asarray(mapped, dtype=np.float64).tolist(),
        strict=True,
    )
    return DesignBased(
        design=design,
        estimator=estimator,
        sentence=sentence,
        warnings=warnings,
        strata=strata,
        shares=tuple(tuple(row) for row in p.tolist()),
        overall=estimated(float(agree.sum()), variance.overall_gradient(p), intervals.overall),
        kappa=estimated(_kappa(p), variance.kappa_gradient(p), low=-1.0),
        mean_f1=mean("f1"),
        mean_users=mean("users"),
        mean_producers=mean("producers"),
        classes=tuple(ClassEstimates(*figures) for figures in classes),
    )


def _of_all(sample: StratumSample, shares: Sequence[Estimate]) -> Sequence[Estimate]:
    """Return the classes' shares of the total area of the strata, of which the map may cover a part."""
    cells = sample.cells
    if np.isclose(cells.sum(), 1.0):
        return shares
    totals = cells.sum(axis=1).tolist()
    errors = [sample.total_error(variance.area_gradient(cells, k)) for k in range(len(totals))]
    return [Estimate(total, se, *_normal(total, se, 0.0)) for total, se in zip(totals, errors, strict=True)]


def _kappa(p: Array) -> float:
    chance = float(p.sum(axis=1) @ p.sum(axis=0))
    return math.nan if np.isclose(chance, 1.0) else (float(np.trace(p)) - chance) / (1 - chance)


def _check_strata(strata: Sequence[Stratum], what: str) -> None:
    """Check that the strata allow estimates."""
    weightless = [f"'{s.name}' ({s.points})" for s in strata if s.hectares <= 0 and s.points]
    if weightless:
        raise LulcsegError(
            f"points lie in a {what} that has no area: {', '.join(weightless)}",
            where="design",
            remedy="give the sizes of the strata that the points were drawn from",
        )
    thin = [s for s in strata if s.hectares > 0 and s.points < 2 and not s.points >= s.pixels]
    if thin:
        listed = ", ".join(f"'{s.name}' ({s.points} for {format_hectares(s.hectares)} ha)" for s in thin)
        raise LulcsegError(
            f"every {what} needs two points for a standard error; too few: {listed}",
            where="design",
            remedy="add points there, or merge it with another before assessing",
        )


def _few(strata: Sequence[Stratum]) -> tuple[str, ...]:
    few = ", ".join(f"{s.name} ({s.points})" for s in strata if s.points < FEW_POINTS)
    return (f"Fewer than {FEW_POINTS} points, so standard errors that are hardly known: {few}.",) if few else ()


def _normal(value: float, se: float, low: float) -> Bounds:
    """Return the normal interval, clipped to possible values; NaN without any disagreement, which isn't certainty."""
    if not se > 0:
        return math.nan, math.nan
    return max(low, value - Z * se), min(1.0, value + Z * se)


def _wilson(parts: Array, wholes: Array) -> list[Bounds]:
    return [wilson_interval(int(part), int(whole)) for part, whole in zip(parts, wholes, strict=True)]


def _divided(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))
