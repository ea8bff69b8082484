"""Simulated reference samples of a map whose truth is known at every pixel: errors of their scores.

:mod:`lulcseg.study.sample_draws` draws the samples.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lulcseg.assessment.design import SIMPLE_RANDOM
from lulcseg.assessment.design_estimators import simple_random, stratified_by_map
from lulcseg.assessment.reference_size import Allocation
from lulcseg.study.sample_draws import (
    ESTIMATED,
    Array,
    allocate_points,
    class_measures,
    divide,
    draw_simple,
    draw_stratified,
    drawn_scores,
    proportions,
    stratified_measures,
    with_shares,
)

PAPER_HECTARES = {
    "Banana Plantation": 1_860,
    "Berry Crops": 92,
    "Forestry Plantation": 981,
    "Other": 281_344,
    "Sugarcane Crop": 7_621,
    "Tea Tree Plantation": 188,
    "Tree Crop - Mature": 6_249,
    "Tree Crop - Young": 988,
    "Vineyards": 146,
}
"""Area of each class in the paper, hectares (Clark et al., Table 7), in its legend's order."""

WHOLE = "all"
"""Used in place of a class in rows of scores of the whole map."""

_WITH_INTERVAL = ("users", "producers", "share")
_UNBOUNDED = 1e15
"""Number of pixels given to the estimators: so large that the finite population correction vanishes."""


def simple_random_error(
    matrix: ArrayLike,
    points: int = 10_000,
    draws: int = 2_000,
    seed: int | np.random.Generator = 0,
    *,
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compute the error of scores at simple random reference points relative to those of every pixel.

    Scores are defined as in :mod:`lulcseg.assessment.scores`. A draw in which one is undefined (a class without
    points; user's accuracy of a class without mapped points) is left out of that score's row; mean F1 is over the
    classes that have points, and a class never mapped counts 0.

    Args:
        matrix: (n, n) counts of all pixels, or shares of the area; rows = truth, columns = map.
        points: Reference points per sample.
        draws: Number of samples.
        seed: Same seed, same draws; or a generator.
        names: The classes' names; None: their indices.

    Returns:
        One row for ``kappa`` and ``mean_f1`` (``class`` is ``all``) and for each class's ``f1``, ``users`` and
        ``producers``: ``figure``, ``class``, ``points``, ``true`` (of all pixels), ``mean``, ``low`` and ``high``
        (2.5 and 97.5 percentiles of the estimates), ``rmse`` (about the true value), ``defined`` (share of the samples
        that have an estimate) and ``expected_points`` (expected reference points of the class).

    Raises:
        ValueError: The matrix isn't square or isn't one of counts or shares, or names don't fit.
    """
    cells = proportions(matrix)
    called = _class_names(names, len(cells))
    drawn = drawn_scores(draw_simple(cells, points, draws, np.random.default_rng(seed)))
    true = drawn_scores(cells[np.newaxis])
    expected = points * cells.sum(axis=1)
    rows = [
        {"figure": figure, "class": WHOLE, "points": points}
        | _summarise_estimates(drawn[figure], float(true[figure][0]))
        | {"expected_points": float(points)}
        for figure in ("kappa", "mean_f1")
    ]
    rows += [
        {"figure": figure, "class": name, "points": points}
        | _summarise_estimates(drawn[figure][:, k], float(true[figure][0, k]))
        | {"expected_points": float(expected[k])}
        for figure in ("f1", "users", "producers")
        for k, name in enumerate(called)
    ]
    return pd.DataFrame(rows)


def compare_designs(
    matrix: ArrayLike,
    points: Sequence[int] = (1_000, 10_000),
    draws: int = 2_000,
    seed: int | np.random.Generator = 0,
    allocations: Sequence[Allocation] = ("proportional", "equal", "olofsson"),
    *,
    names: Sequence[str] | None = None,
    interval_draws: int = 300,
) -> pd.DataFrame:
    """Compare samples stratified by the map's classes with simple random ones of the same size.

    Measures are estimated by plain counts from simple random points, and weighted by the strata's areas from stratified
    ones (Olofsson et al. 2014, eqs. 2 and 4), as :mod:`lulcseg.assessment.design_estimators` does, which also gives the
    intervals. Strata get at least 10 points, 50 with ``olofsson``, as in ``lulcseg reference``. ``optimal`` is given
    the true user's accuracies, so it is an upper bound.

    Args:
        matrix: (n, n) counts of all pixels, or shares of the area; rows = truth, columns = map.
        points: Sizes of the samples.
        draws: Number of samples of each size and design.
        seed: Same seed, same draws; or a generator.
        allocations: Allocations of points to strata (:data:`lulcseg.assessment.reference_size.ALLOCATIONS`).
        names: The classes' names; None: their indices.
        interval_draws: Number of samples of which intervals are computed.

    Returns:
        One row for each size, design, class and measure of :data:`ESTIMATED`: ``design`` (``simple random``, or an
        allocation), ``points``, ``class``, ``figure``, ``true``, ``bias``, ``rmse``, ``ratio`` (of ``rmse`` to that of
        simple random points of the same number), ``defined`` (share of the samples that have an estimate; the others
        are left out), ``coverage`` (share of the 95 % intervals that contain the true value; NaN for F1), ``intervals``
        (share of the samples that have an interval: none without an observed error), and the expected points of the
        class on the map (``mapped_points``) and in truth (``reference_points``).

    Raises:
        ValueError: The matrix isn't square or isn't one of counts or shares, or names don't fit.
        LulcsegError: An unknown allocation, or fewer points than the strata need.
    """
    cells, rng = proportions(matrix), np.random.default_rng(seed)
    called = _class_names(names, len(cells))
    true = {figure: values[0] for figure, values in class_measures(cells[np.newaxis]).items()}
    mapped = cells.sum(axis=0)
    within = np.nan_to_num(divide(cells, mapped))  # (n, n) true classes within each class of the map
    rows: list[dict[str, Any]] = []
    for n in points:
        simple: dict[str, Array] = {}
        for design, allocated, counts in _draw_designs(cells, n, draws, allocations, rng):
            stratified = design != SIMPLE_RANDOM
            found = stratified_measures(counts, mapped) if stratified else class_measures(counts / n)
            errors = {figure: _rmse(found[figure], true[figure]) for figure in ESTIMATED}
            simple = simple or errors
            held = _interval_coverage(counts[:interval_draws], mapped, true, stratified=stratified)
            for figure in ESTIMATED:
                columns = {
                    "true": true[figure],
                    "bias": _mean(found[figure]) - true[figure],
                    "rmse": errors[figure],
                    "ratio": divide(errors[figure], simple[figure]),
                    "defined": np.isfinite(found[figure]).mean(axis=0),
                    **held[figure],
                    "mapped_points": allocated,
                    "reference_points": within @ allocated,
                }
                rows += [
                    {"design": design, "points": n, "class": name, "figure": figure}
                    | {key: float(values[k]) for key, values in columns.items()}
                    for k, name in enumerate(called)
                ]
    return pd.DataFrame(rows)


def _draw_designs(
    cells: Array, points: int, draws: int, allocations: Sequence[Allocation], rng: np.random.Generator
) -> Iterator[tuple[str, Array, NDArray[np.int64]]]:
    """Yield each design, simple random first: name, (n,) expected points on each class of the map, samples."""
    yield SIMPLE_RANDOM, points * cells.sum(axis=0), draw_simple(cells, points, draws, rng)
    for allocation in allocations:
        allocated = allocate_points(cells, points, allocation)
        yield allocation, allocated.astype(np.float64), draw_stratified(cells, allocated, draws, rng)


def _interval_coverage(
    counts: NDArray[np.int64], mapped: Array, true: dict[str, Array], *, stratified: bool
) -> dict[str, dict[str, Array]]:
    """Return how often the intervals of (D, n, n) samples contain the true value, by measure and class."""
    names = _class_names(None, len(mapped))
    bounds = np.full((len(ESTIMATED), len(counts), len(mapped), 2), np.nan)
    for d, sample in enumerate(counts):
        if stratified:
            found = stratified_by_map(sample, mapped * _UNBOUNDED, names, 1 / _UNBOUNDED)
        else:
            found = simple_random(sample, names, 1.0, mapped)
        for f, figure in enumerate(ESTIMATED):
            if figure in _WITH_INTERVAL:
                estimates = [getattr(of_class, figure) for of_class in found.classes]
                bounds[f, d] = [(e.low, e.high) for e in estimates]
    held = {}
    for figure, (low, high) in zip(ESTIMATED, np.moveaxis(bounds, -1, 1), strict=True):
        given = np.isfinite(low)
        inside = (given & (low <= true[figure]) & (true[figure] <= high)).sum(axis=0)
        share = given.mean(axis=0) if figure in _WITH_INTERVAL else np.full(len(mapped), np.nan)
        held[figure] = {"coverage": divide(inside, given.sum(axis=0)), "intervals": share}
    return held


def _summarise_estimates(estimates: Array, true: float) -> dict[str, Any]:
    """Summarise (D,) estimates of a measure."""
    known = estimates[np.isfinite(estimates)]
    low, high = np.percentile(known, [2.5, 97.5]) if known.size else (np.nan, np.nan)
    return {
        "true": true,
        "mean": float(_mean(known)),
        "low": float(low),
        "high": float(high),
        "rmse": float(_rmse(known, np.float64(true))),
        "defined": known.size / len(estimates),
    }


def _mean(values: Array) -> Array:
    """Average over the samples that have a value; NaN if none has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=0))


def _rmse(values: Array, true: Array | np.float64) -> Array:
    return np.asarray(np.sqrt(_mean((values - true) ** 2)))


def _class_names(names: Sequence[str] | None, n: int) -> list[str]:
    called = [str(k) for k in range(n)] if names is None else list(names)
    if len(called) != n:
        raise ValueError(f"{n} classes take as many names, not {len(called)}")
    return called


__all__ = ["PAPER_HECTARES", "WHOLE", "compare_designs", "simple_random_error", "with_shares"]
