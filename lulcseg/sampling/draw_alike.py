"""Drawing patches again, so that the classes share their pixels as they share those of other patches.

Weights are found that are as even as possible while the weighted mean of the patches' class shares meets the target
(calibration of survey weights by exponential tilting: Deville & Särndal 1992, "Calibration estimators in survey
sampling", JASA 87, the multiplicative case). Where no weights meet it, or only such that leave a few patches to stand
for all, the target is approached as far as enough patches still count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

Array = NDArray[np.float64]

_LEAST_RIDGE = 1e-4
_STEP = 2.0


def weights_alike(shares: Array, target: Array, least_effective: float) -> Array:
    """Return weights of patches, by which the classes' shares come close to a target.

    Args:
        shares: (n, K), each class's share of the pixels of a patch; rows add up to 1.
        target: (K,), the shares that their weighted mean should have.
        least_effective: Least effective number of patches, 1 / Σ weight² (Kish 1965), at most n.

    Returns:
        (n,) weights that add up to 1.

    Raises:
        ValueError: More than n patches should count.

    Examples:
        >>> shares = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> weights_alike(shares, np.array([0.5, 0.5]), 2.0).round(2).tolist()
        [0.17, 0.17, 0.17, 0.5]
        >>> weights_alike(shares, np.array([0.0, 1.0]), 3.0).round(2).tolist()
        [0.2, 0.2, 0.2, 0.41]
    """
    if least_effective > len(shares):
        raise ValueError(f"{least_effective:g} of {len(shares)} patches should count")
    ridge = _LEAST_RIDGE
    while True:
        weights = _tilted(shares, target, ridge)
        if effective_number(weights) >= least_effective * (1 - 1e-9):
            return weights
        ridge *= _STEP


def effective_number(weights: Array) -> float:
    """Return how many patches of equal weight would count as much as these.

    Examples:
        >>> effective_number(np.array([0.25, 0.25, 0.25, 0.25]))
        4.0
    """
    return float(1 / np.square(weights).sum())


def draw_by_weight(weights: Array, number: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw patches in proportion to their weights, in random order.

    Each is drawn ``number`` times its weight, rounded down or up (systematic sampling): less is left to chance than in
    independent draws.

    Args:
        weights: (n,), adding up to 1.
        number: How many to draw.
        rng: Draws the start and the order.

    Returns:
        (number,) indices of patches, some more than once.

    Examples:
        >>> sorted(draw_by_weight(np.array([0.5, 0.0, 0.25, 0.25]), 4, np.random.default_rng(0)).tolist())
        [0, 0, 2, 3]
    """
    ends = np.cumsum(weights)
    ends[-1] = 1.0
    points = (np.arange(number) + rng.random()) / number
    return rng.permutation(np.searchsorted(ends, points, side="right"))


def _tilted(shares: Array, target: Array, ridge: float) -> Array:
    """Return the weights ∝ exp(shares · λ) whose λ minimises log Σ exp(shares · λ) − target · λ + ridge / 2 · λ²."""

    def value(tilt: Array) -> tuple[float, Array]:
        logits = shares @ tilt
        slope = shares.T @ softmax(logits) - target + ridge * tilt
        return float(logsumexp(logits) - target @ tilt + ridge / 2 * tilt @ tilt), slope

    def curvature(tilt: Array) -> Array:
        weights = softmax(shares @ tilt)
        mean = shares.T @ weights
        return (shares.T * weights) @ shares - np.outer(mean, mean) + ridge * np.eye(len(tilt))

    found = minimize(value, np.zeros(len(target)), jac=True, hess=curvature, method="trust-exact")
    weights: Array = softmax(shares @ found.x)
    return weights
