"""Numbers of reference points for a requested standard error, and their allocation to strata."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.errors import LulcsegError, did_you_mean

Allocation = Literal["equal", "proportional", "optimal", "olofsson"]
ALLOCATIONS: tuple[str, ...] = get_args(Allocation)

LEAST, LEAST_OLOFSSON = 10, 50
"""Defaults of the least points of a stratum."""


def needed_points(weights: ArrayLike, users: ArrayLike, standard_error: float) -> int:
    """Return the number of points for a requested standard error of overall accuracy.

    n = (Σ W_i S_i / S(Ô))² with S_i = √(U_i (1 − U_i)) (Cochran 1977, eq. 5.25; Olofsson et al. 2014, eq. 13), without
    the finite-population term. It is the number under optimal allocation; others need slightly more.

    Args:
        weights: (H,) the strata's shares of the area.
        users: (H,) expected user's accuracy of each, 0…1.
        standard_error: Requested standard error of overall accuracy, above 0.

    Raises:
        LulcsegError: An impossible standard error, or expected accuracies without any error.

    Example:
        The worked example of Olofsson et al. (2014, section 5.1.1): four strata, S(Ô) = 0.01.

        >>> needed_points([0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95], 0.01)
        641
    """
    if not 0 < standard_error < 0.5:
        raise LulcsegError(
            f"a standard error of {standard_error:g} is not possible", where="standard error", remedy="use e.g. 0.01"
        )
    weight, spread = _shares(weights), _spread(users)
    points = float((weight * spread).sum() / standard_error) ** 2
    if points == 0:
        raise LulcsegError(
            "no errors are expected in any stratum, so that any number of points is enough",
            where="expected accuracy",
            remedy="expect less than 1, or give the number of points",
        )
    return math.ceil(points)


def allocate(
    points: int,
    weights: ArrayLike,
    users: ArrayLike,
    method: Allocation,
    *,
    least: int = 2,
    pixels: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Share points among strata.

    - ``equal``: the same number each; good for user's accuracy.
    - ``proportional``: by area; good for overall accuracy and areas.
    - ``optimal``: by W_i S_i (Neyman): the least standard error of overall accuracy.
    - ``olofsson``: the same, with a ``least`` of 50 or more for the rare classes (Olofsson et al. 2014, section 5.1.1).

    Args:
        points: Total number of points.
        weights: (H,) shares of the area.
        users: (H,) expected user's accuracies; used by ``optimal`` only.
        method: One of :data:`ALLOCATIONS`.
        least: Least points of a stratum.
        pixels: (H,) pixels of each stratum; none gets more points than it has. Default: no bound.

    Returns:
        (H,) points; they sum to ``points`` unless the strata hold fewer pixels.

    Raises:
        LulcsegError: An unknown method, or fewer points than the strata need.

    Example:
        >>> allocate(100, [0.7, 0.25, 0.05], [0.9, 0.8, 0.7], "proportional", least=10).tolist()
        [66, 24, 10]
    """
    weight = _shares(weights)
    if method not in ALLOCATIONS:
        raise LulcsegError(
            f"there is no allocation '{method}'", where="allocation", remedy=did_you_mean(method, ALLOCATIONS)
        )
    room = np.full(len(weight), np.inf) if pixels is None else np.asarray(pixels, dtype=np.float64)
    floor = np.minimum(least, room)
    if floor.sum() > points:
        raise LulcsegError(
            f"{points} points are too few for {len(weight)} strata with at least {least} each",
            where="points",
            remedy=f"draw {int(floor.sum())} or more",
        )
    basis = {
        "equal": np.ones(len(weight)),
        "proportional": weight,
        "olofsson": weight,
        "optimal": weight * _spread(users),
    }[method]
    return _rounded(_filled(float(points), basis, floor, room), floor, room)


def size_sample(
    weights: ArrayLike,
    users: ArrayLike,
    standard_error: float,
    method: Allocation,
    *,
    least: int,
    pixels: ArrayLike,
) -> NDArray[np.int64]:
    """Return the allocation with the fewest points that is expected to reach a standard error of overall accuracy.

    Args:
        weights: (H,) shares of the area.
        users: (H,) expected user's accuracies.
        standard_error: Requested standard error of overall accuracy.
        method: One of :data:`ALLOCATIONS`.
        least: Least points of a stratum.
        pixels: (H,) pixels of each stratum.

    Returns:
        (H,) points.

    Raises:
        LulcsegError: As for :func:`needed_points` and :func:`allocate`, or a standard error that needs more points than
            there are pixels.
    """
    size = np.asarray(pixels, dtype=np.float64)
    low = int(np.minimum(least, size).sum())  # too few, unless shown otherwise
    high = max(needed_points(weights, users, standard_error), low)

    def reached(points: int) -> bool:
        found = allocate(points, weights, users, method, least=least, pixels=size)
        return expected_error(weights, users, found) <= standard_error

    while not reached(high):
        if high >= size.sum():
            raise LulcsegError(
                f"a standard error of {standard_error:g} needs more points than there are pixels",
                where="standard error",
                remedy="request a larger one",
            )
        low, high = high, high * 2
    if reached(low):
        high = low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return allocate(high, weights, users, method, least=least, pixels=size)


def expected_error(weights: ArrayLike, users: ArrayLike, points: ArrayLike) -> float:
    """Return the standard error of overall accuracy of an allocation (Olofsson et al. 2014, eq. 5).

    Args:
        weights: (H,) shares of the area.
        users: (H,) expected user's accuracies.
        points: (H,) points.

    Example:
        >>> round(expected_error([0.7, 0.25, 0.05], [0.9, 0.8, 0.7], [66, 24, 10]), 4)
        0.0337
    """
    weight, spread = _shares(weights), _spread(users)
    return float(np.sqrt((weight**2 * spread**2 / np.asarray(points, dtype=np.float64)).sum()))


def _filled(
    points: float, basis: NDArray[np.float64], floor: NDArray[np.float64], room: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share a number in proportion to a basis, between bounds.

    The solution is x = clip(t · basis, floor, room) with t such that the shares sum to the number, by bisection.
    """
    points = min(points, float(room.sum()))
    basis = np.where(
        basis > 0, basis, 1e-12
    )  # strata without expected errors still get the points that the others can't take
    low, high = 0.0, 1.0
    while np.clip(high * basis, floor, room).sum() < points and high < 1e300:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(middle * basis, floor, room).sum() < points else (low, middle)
    return np.clip(high * basis, floor, room)


def _rounded(shares: NDArray[np.float64], floor: NDArray[np.float64], room: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round to whole numbers with the same sum, by largest remainder."""
    whole = np.floor(shares + 1e-9)
    missing = round(float(shares.sum())) - int(whole.sum())
    remainder = np.where(whole < room, shares - whole, -np.inf)
    for k in np.argsort(-remainder, kind="stable")[:missing]:
        whole[k] += 1
    return np.maximum(whole, floor).astype(np.int64)


def _shares(weights: ArrayLike) -> NDArray[np.float64]:
    weight = np.asarray(weights, dtype=np.float64)
    return np.asarray(weight / weight.sum())


def _spread(users: ArrayLike) -> NDArray[np.float64]:
    accuracy = np.asarray(users, dtype=np.float64)
    if not ((accuracy >= 0) & (accuracy <= 1)).all():
        raise LulcsegError("an accuracy lies between 0 and 1", where="expected accuracy", remedy="write 0.9 for 90 %")
    return np.asarray(np.sqrt(accuracy * (1 - accuracy)))
