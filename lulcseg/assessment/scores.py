"""Accuracy scores as pure functions of a confusion matrix.

Every function takes an (n, n) matrix whose rows are reference classes and whose columns are map
classes: counts, or proportions of area.

Edge cases are treated alike everywhere:

- A class *with* reference points that is never mapped has F1 0. Its user's accuracy is 0/0, so it
  is NaN (displayed as '–'), yet counts 0 in the average: otherwise a model would gain by leaving out a
  hard class.
- A class *without* reference points cannot be assessed: all three scores are NaN and
  left out of the averages, and :attr:`Scores.classes_averaged` is the number of remaining classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.assessment.intervals import wilson_interval


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one confusion matrix; per-class values are in the order of the legend.

    Attributes:
        n_scored: Sum of the matrix: number of places compared.
        overall_accuracy: Share of places that agree, NaN without places.
        kappa: Cohen's kappa, NaN if undefined.
        mean_f1: Unweighted mean over the classes that have reference points.
        mean_users: The same of user's accuracy; a class never mapped counts 0.
        mean_producers: The same of producer's accuracy.
        classes_averaged: Number of classes in those means.
        users: User's accuracy (precision) per class.
        producers: Producer's accuracy (recall) per class.
        f1: F1 per class.
        reference_points: Places per reference class.
        mapped_points: Places per map class.
        users_interval: 95 % Wilson bounds of user's accuracy per class.
        producers_interval: 95 % Wilson bounds of producer's accuracy per class.

    The intervals are the sampling error of this map's assessment, and hold if the points are
    a simple random sample. They do not cover the variation between training runs.
    """

    n_scored: int
    overall_accuracy: float
    kappa: float
    mean_f1: float
    mean_users: float
    mean_producers: float
    classes_averaged: int
    users: tuple[float, ...]
    producers: tuple[float, ...]
    f1: tuple[float, ...]
    reference_points: tuple[int, ...]
    mapped_points: tuple[int, ...]
    users_interval: tuple[tuple[float, float], ...]
    producers_interval: tuple[tuple[float, float], ...]

    def to_plain(self) -> dict[str, object]:
        """Return plain Python, fit for JSON: None for NaN, lists for tuples."""
        return {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}


def score(confusion: ArrayLike) -> Scores:
    """Compute all scores of a matrix of counts.

    Args:
        confusion: (n, n) integer counts, rows = reference, columns = map.

    Raises:
        ValueError: The matrix isn't square, or has a negative or fractional count.

    Example:
        >>> s = score([[20, 5], [10, 15]])
        >>> s.n_scored, s.overall_accuracy, round(s.kappa, 3), round(s.mean_f1, 3)
        (50, 0.7, 0.4, 0.697)
    """
    matrix = _checked(confusion)
    if (matrix != np.floor(matrix)).any():
        raise ValueError("a confusion matrix of counts has whole numbers")
    users, producers, f1 = users_accuracy(matrix), producers_accuracy(matrix), f1_scores(matrix)
    agree = [int(v) for v in np.diag(matrix)]
    reference = [int(v) for v in matrix.sum(axis=1)]
    mapped = [int(v) for v in matrix.sum(axis=0)]
    judged = [points > 0 for points in reference]
    return Scores(
        n_scored=sum(reference),
        overall_accuracy=overall_accuracy(matrix),
        kappa=cohen_kappa(matrix),
        mean_f1=class_mean(f1, matrix),
        mean_users=class_mean(users, matrix),
        mean_producers=class_mean(producers, matrix),
        classes_averaged=sum(judged),
        users=tuple(users.tolist()),
        producers=tuple(producers.tolist()),
        f1=tuple(f1.tolist()),
        reference_points=tuple(reference),
        mapped_points=tuple(mapped),
        users_interval=_intervals(agree, mapped, judged),
        producers_interval=_intervals(agree, reference, judged),
    )


def overall_accuracy(confusion: ArrayLike) -> float:
    """Return the share of places on which reference and map agree; NaN without places.

    Args:
        confusion: (n, n) counts or area proportions, rows = reference, columns = map.

    Example:
        >>> overall_accuracy([[20, 5], [10, 15]])
        0.7
    """
    matrix = _checked(confusion)
    return float(_ratio(np.trace(matrix), matrix.sum()))


def cohen_kappa(confusion: ArrayLike) -> float:
    """Return Cohen's kappa: agreement beyond the chance agreement of the two margins (Cohen 1960).

    NaN without places, and if all places are of one class on both sides: chance agreement is
    then 1, and kappa 0/0.

    Args:
        confusion: (n, n) counts or area proportions, rows = reference, columns = map.

    Example:
        >>> round(cohen_kappa([[20, 5], [10, 15]]), 3)
        0.4
    """
    matrix = _checked(confusion)
    total = matrix.sum()
    observed = np.trace(matrix) * total
    chance = (matrix.sum(axis=1) * matrix.sum(axis=0)).sum()
    return float(_ratio(observed - chance, total**2 - chance))


def users_accuracy(confusion: ArrayLike) -> NDArray[np.float64]:
    """Return the user's accuracy (precision) of each class, (n,): the correct share of what is mapped as the class.

    NaN if the class is never mapped or has no reference points.

    Args:
        confusion: (n, n) counts or area proportions, rows = reference, columns = map.

    Example:
        >>> users_accuracy([[20, 5], [10, 15]]).round(3).tolist()
        [0.667, 0.75]
    """
    matrix = _checked(confusion)
    return np.where(matrix.sum(axis=1) > 0, _ratio(np.diag(matrix), matrix.sum(axis=0)), np.nan)


def producers_accuracy(confusion: ArrayLike) -> NDArray[np.float64]:
    """Return the producer's accuracy (recall) of each class, (n,): the share of its reference that is mapped as it.

    NaN if the class has no reference points.

    Args:
        confusion: (n, n) counts or area proportions, rows = reference, columns = map.

    Example:
        >>> producers_accuracy([[20, 5], [10, 15]]).tolist()
        [0.8, 0.6]
    """
    matrix = _checked(confusion)
    return _ratio(np.diag(matrix), matrix.sum(axis=1))


def f1_scores(confusion: ArrayLike) -> NDArray[np.float64]:
    """Return the F1 of each class, (n,): the harmonic mean of user's and producer's accuracy.

    0 if the class has reference points but is never mapped; NaN if it has none.

    Args:
        confusion: (n, n) counts or area proportions, rows = reference, columns = map.

    Example:
        >>> f1_scores([[20, 5], [10, 15]]).round(3).tolist()
        [0.727, 0.667]
        >>> f1_scores([[0, 5, 0], [0, 15, 0], [0, 0, 0]]).round(3).tolist()
        [0.0, 0.857, nan]
    """
    matrix = _checked(confusion)
    reference, mapped = matrix.sum(axis=1), matrix.sum(axis=0)
    return np.where(reference > 0, _ratio(2 * np.diag(matrix), reference + mapped), np.nan)


def class_mean(values: ArrayLike, confusion: ArrayLike) -> float:
    """Average a per-class score over the classes that have reference points.

    Args:
        values: (n,) scores; NaN in a class that has reference points counts 0.
        confusion: The (n, n) matrix that they were computed from.

    Returns:
        The unweighted mean, NaN if no class has reference points.

    Example:
        >>> class_mean([0.5, float("nan"), 1.0], [[2, 0, 2], [0, 0, 1], [0, 0, 0]])
        0.25
    """
    judged = _checked(confusion).sum(axis=1) > 0
    if not judged.any():
        return math.nan
    return float(np.nan_to_num(np.asarray(values, dtype=np.float64)[judged], nan=0.0).mean())


def format_score(value: float | None, digits: int = 3) -> str:
    """Return a score as text: '–' if there is none.

    Example:
        >>> format_score(0.71234), format_score(0.71234, 2), format_score(None)
        ('0.712', '0.71', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _intervals(agree: Iterable[int], of: Iterable[int], judged: Iterable[bool]) -> tuple[tuple[float, float], ...]:
    return tuple(
        wilson_interval(k, n) if has_reference else (math.nan, math.nan)
        for k, n, has_reference in zip(agree, of, judged, strict=True)
    )


def _checked(confusion: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(confusion, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a confusion matrix is square, this one has shape {matrix.shape}")
    if not np.isfinite(matrix).all() or (matrix < 0).any():
        raise ValueError("a confusion matrix has no negative or missing counts")
    return matrix


def _ratio(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """Divide, with NaN where ``whole`` is 0."""
    whole = np.asarray(whole, dtype=np.float64)
    quotient = np.full(whole.shape, np.nan)
    np.divide(np.asarray(part, dtype=np.float64), whole, out=quotient, where=whole != 0)
    return quotient


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
