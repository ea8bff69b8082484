"""Draws of reference points from a map whose truth is known at every pixel, and the scores of many draws at once.

All functions start from the confusion matrix of all pixels, rows = truth, columns = map: counts, or shares of the area.
Points are drawn with replacement, as from ground with many more pixels than points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.assessment.reference_size import LEAST, LEAST_OLOFSSON, Allocation, allocate

Array = NDArray[np.float64]

ESTIMATED = ("users", "producers", "f1", "share")
"""Measures of a class by which designs are compared; ``share`` is its share of the area by the reference."""


def with_shares(matrix: ArrayLike, shares: ArrayLike) -> Array:
    """Return a map's confusion matrix under other shares of the true classes.

    Each row keeps its proportions: producer's accuracies stay, user's accuracies become those of a model with the same
    errors per class on ground where the classes have the given shares.

    Args:
        matrix: (n, n) counts or shares, rows = truth, columns = map.
        shares: (n,) areas of the true classes in any unit, such as hectares.

    Returns:
        (n, n) shares of the area, which sum to 1.

    Raises:
        ValueError: The shapes don't fit, shares are negative or all 0, or a class that the matrix lacks is given area.

    Example:
        >>> with_shares([[8, 2], [1, 9]], [1, 3]).round(3).tolist()
        [[0.2, 0.05], [0.075, 0.675]]
    """
    cells, requested = proportions(matrix), np.asarray(shares, dtype=np.float64)
    if (
        requested.shape != (len(cells),)
        or not np.isfinite(requested).all()
        or (requested < 0).any()
        or not requested.sum() > 0
    ):
        raise ValueError(f"{len(cells)} classes take as many shares, none negative and one above 0: {requested}")
    rows = cells.sum(axis=1)
    if (lacking := np.flatnonzero((rows == 0) & (requested > 0))).size:
        raise ValueError(f"classes {lacking.tolist()} can't be given area: how they are mapped isn't known")
    scale = np.divide(requested / requested.sum(), rows, out=np.zeros_like(rows), where=rows > 0)
    return np.asarray(cells * scale[:, np.newaxis])


def allocate_points(cells: Array, points: int, allocation: Allocation) -> NDArray[np.int64]:
    """Allocate points to the map's classes, (n,); a class that isn't mapped gets none."""
    mapped = cells.sum(axis=0)
    kept = np.flatnonzero(mapped)
    least = LEAST_OLOFSSON if allocation == "olofsson" else LEAST
    shared = np.zeros(len(cells), dtype=np.int64)
    users = np.minimum(np.diag(cells)[kept] / mapped[kept], 1.0)
    shared[kept] = allocate(points, mapped[kept], users, allocation, least=least)
    return shared


def draw_simple(cells: Array, points: int, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw simple random samples.

    Args:
        cells: (n, n) shares of the area that sum to 1.
        points: Points per sample.
        draws: Number of samples, D.
        rng: Random generator.

    Returns:
        (D, n, n) counts of points.
    """
    return np.asarray(rng.multinomial(points, cells.ravel(), size=draws).reshape(draws, *cells.shape))


def draw_stratified(
    cells: Array, allocated: NDArray[np.int64], draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw samples stratified by the map: like :func:`draw_simple` within each column, (n,) points per column."""
    counts = np.zeros((draws, *cells.shape), dtype=np.int64)
    for k in np.flatnonzero(allocated):
        counts[:, :, k] = rng.multinomial(allocated[k], cells[:, k] / cells[:, k].sum(), size=draws)
    return counts


def drawn_scores(counts: ArrayLike) -> dict[str, Array]:
    """Score many samples at once, as :func:`lulcseg.assessment.scores.score` scores one.

    Args:
        counts: (D, n, n) points, rows = reference, columns = map; or shares.

    Returns:
        ``kappa`` and ``mean_f1``, (D,); ``f1``, ``users`` and ``producers``, (D, n). NaN where undefined.

    Example:
        >>> drawn_scores([[[8, 2], [1, 9]]])["kappa"].round(3).tolist()
        [0.7]
    """
    n = np.asarray(counts, dtype=np.float64)
    reference, mapped, agree = n.sum(axis=2), n.sum(axis=1), np.diagonal(n, axis1=1, axis2=2)
    total, chance, judged = n.sum(axis=(1, 2)), (reference * mapped).sum(axis=1), reference > 0
    f1 = np.where(judged, divide(2 * agree, reference + mapped), np.nan)
    return {
        "kappa": divide(agree.sum(axis=1) * total - chance, total**2 - chance),
        "mean_f1": divide(np.nan_to_num(f1).sum(axis=1), judged.sum(axis=1)),
        "f1": f1,
        "users": np.where(judged, divide(agree, mapped), np.nan),
        "producers": divide(agree, reference),
    }


def stratified_measures(counts: ArrayLike, weights: ArrayLike) -> dict[str, Array]:
    """Estimate from many samples stratified by the map: p̂_ij = W_j · n_ij / n_·j (Olofsson et al. 2014, eq. 4).

    Args:
        counts: (D, n, n) points, rows = reference, columns = map.
        weights: (n,) the map's shares of the area.

    Returns:
        Each of :data:`ESTIMATED`, (D, n); NaN where undefined.
    """
    n = np.asarray(counts, dtype=np.float64)
    return class_measures(
        np.nan_to_num(divide(n, n.sum(axis=1, keepdims=True))) * np.asarray(weights, dtype=np.float64)
    )


def class_measures(p: Array) -> dict[str, Array]:
    """Compute the measures of many samples at once, as :mod:`lulcseg.assessment.design_estimators` does of one.

    Args:
        p: (D, n, n) shares of the area, rows = reference, columns = map.

    Returns:
        Each of :data:`ESTIMATED`, (D, n); NaN where undefined.
    """
    reference, mapped, agree = p.sum(axis=2), p.sum(axis=1), np.diagonal(p, axis1=1, axis2=2)
    return {
        "users": divide(agree, mapped),
        "producers": divide(agree, reference),
        "f1": divide(2 * agree, reference + mapped),
        "share": reference,
    }


def proportions(matrix: ArrayLike) -> Array:
    """Return a confusion matrix of counts or shares as shares that sum to 1.

    Raises:
        ValueError: The matrix isn't square, has negative or missing cells, or is all 0.

    Example:
        >>> proportions([[1, 1], [0, 2]]).tolist()
        [[0.25, 0.25], [0.0, 0.5]]
    """
    cells = np.asarray(matrix, dtype=np.float64)
    if cells.ndim != 2 or cells.shape[0] != cells.shape[1]:
        raise ValueError(f"a confusion matrix is square, this one has shape {cells.shape}")
    if not np.isfinite(cells).all() or (cells < 0).any() or not cells.sum() > 0:
        raise ValueError("a confusion matrix holds no negative or missing counts, and some above 0")
    return np.asarray(cells / cells.sum())


def divide(part: ArrayLike, whole: ArrayLike) -> Array:
    """Divide; NaN where the divisor is 0.

    Example:
        >>> divide([1, 1], [4, 0]).tolist()
        [0.25, nan]
    """
    over, under = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    return np.asarray(np.divide(over, under, out=np.full(over.shape, np.nan), where=under != 0))
