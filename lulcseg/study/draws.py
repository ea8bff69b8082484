"""Draws of reference points from a map whose every pixel is known, and the figures of many draws at once.

Everything starts from the confusion matrix of all pixels, rows = truth, columns = map: counts, or shares of the area.
Points are drawn with replacement, as from ground of many more pixels than points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.assessment.sample_size import LEAST, LEAST_OLOFSSON, Allocation, allocate

Array = NDArray[np.float64]

ESTIMATED = ("users", "producers", "f1", "share")
"""Figures of a class that designs are compared by; ``share`` is its share of the area by the reference."""


def with_shares(matrix: ArrayLike, shares: ArrayLike) -> Array:
    """Give a map's ground other shares of true classes: what each class is mapped as stays as it is.

    So producer's accuracies are kept, and user's accuracies become those of a model that errs as often on each class
    but works on ground where classes are as common as said.

    Args:
        matrix: (n, n) counts or shares, rows = truth, columns = map.
        shares: (n,) areas of the true classes in any unit, such as hectares.

    Returns:
        (n, n) shares of the area; they sum to 1.

    Raises:
        ValueError: The shapes don't fit, shares are negative or all 0, or a class is given area of which the matrix
            has none.
    """
    cells, wanted = proportions(matrix), np.asarray(shares, dtype=np.float64)
    if wanted.shape != (len(cells),) or not np.isfinite(wanted).all() or (wanted < 0).any() or not wanted.sum() > 0:
        raise ValueError(f"{len(cells)} classes take as many shares, none negative and one above 0: {wanted}")
    rows = cells.sum(axis=1)
    if (lacking := np.flatnonzero((rows == 0) & (wanted > 0))).size:
        raise ValueError(f"classes {lacking.tolist()} can't be given area: how they are mapped isn't known")
    scale = np.divide(wanted / wanted.sum(), rows, out=np.zeros_like(rows), where=rows > 0)
    return np.asarray(cells * scale[:, np.newaxis])


def shared_points(cells: Array, points: int, allocation: Allocation) -> NDArray[np.int64]:
    """Share points among the map's classes, (n,); a class that isn't mapped gets none."""
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
        points: Points in each.
        draws: How many samples, D.
        rng: What they are drawn with.

    Returns:
        (D, n, n) counts of points.
    """
    return np.asarray(rng.multinomial(points, cells.ravel(), size=draws).reshape(draws, *cells.shape))


def draw_stratified(
    cells: Array, allocated: NDArray[np.int64], draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw samples stratified by the map: as :func:`draw_simple` within each column, of (n,) points each."""
    counts = np.zeros((draws, *cells.shape), dtype=np.int64)
    for k in np.flatnonzero(allocated):
        counts[:, :, k] = rng.multinomial(allocated[k], cells[:, k] / cells[:, k].sum(), size=draws)
    return counts


def drawn_scores(counts: ArrayLike) -> dict[str, Array]:
    """Score many samples at once, as :func:`lulcseg.assessment.scores.score` does one.

    Args:
        counts: (D, n, n) points, rows = reference, columns = map; or shares.

    Returns:
        ``kappa`` and ``mean_f1``, (D,); ``f1``, ``users`` and ``producers``, (D, n). NaN where undefined.
    """
    n = np.asarray(counts, dtype=np.float64)
    reference, mapped, agree = n.sum(axis=2), n.sum(axis=1), np.diagonal(n, axis1=1, axis2=2)
    total, chance, judged = n.sum(axis=(1, 2)), (reference * mapped).sum(axis=1), reference > 0
    f1 = np.where(judged, divided(2 * agree, reference + mapped), np.nan)
    return {
        "kappa": divided(agree.sum(axis=1) * total - chance, total**2 - chance),
        "mean_f1": divided(np.nan_to_num(f1).sum(axis=1), judged.sum(axis=1)),
        "f1": f1,
        "users": np.where(judged, divided(agree, mapped), np.nan),
        "producers": divided(agree, reference),
    }


def stratified_figures(counts: ArrayLike, weights: ArrayLike) -> dict[str, Array]:
    """Estimate from many samples stratified by the map: p̂_ij = W_j · n_ij / n_·j (Olofsson et al. 2014, eq. 4).

    Args:
        counts: (D, n, n) points, rows = reference, columns = map.
        weights: (n,) the map's shares of the area.

    Returns:
        Each of :data:`ESTIMATED`, (D, n); NaN where undefined.
    """
    n = np.asarray(counts, dtype=np.float64)
    return figures_of(np.nan_to_num(divided(n, n.sum(axis=1, keepdims=True))) * np.asarray(weights, dtype=np.float64))


def figures_of(p: Array) -> dict[str, Array]:
    """Work out many sets of figures at once, as :mod:`lulcseg.assessment.design_estimators` does one.

    Args:
        p: (D, n, n) shares of the area, rows = reference, columns = map.

    Returns:
        Each of :data:`ESTIMATED`, (D, n); NaN where undefined.
    """
    reference, mapped, agree = p.sum(axis=2), p.sum(axis=1), np.diagonal(p, axis1=1, axis2=2)
    return {
        "users": divided(agree, mapped),
        "producers": divided(agree, reference),
        "f1": divided(2 * agree, reference + mapped),
        "share": reference,
    }


def proportions(matrix: ArrayLike) -> Array:
    """Return a matrix of counts or shares as shares that sum to 1."""
    cells = np.asarray(matrix, dtype=np.float64)
    if cells.ndim != 2 or cells.shape[0] != cells.shape[1]:
        raise ValueError(f"a confusion matrix is square, this one has shape {cells.shape}")
    if not np.isfinite(cells).all() or (cells < 0).any() or not cells.sum() > 0:
        raise ValueError("a confusion matrix holds no negative or missing counts, and some above 0")
    return np.asarray(cells / cells.sum())


def divided(part: ArrayLike, whole: ArrayLike) -> Array:
    """Divide, NaN where the whole is 0."""
    over, under = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    return np.asarray(np.divide(over, under, out=np.full(over.shape, np.nan), where=under != 0))
