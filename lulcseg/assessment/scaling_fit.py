"""Fits temperature and vector scaling to the logits of held-out pixels, as pure functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.assessment.design_variance import Array
from lulcseg.errors import LulcsegError

_LEAST_FACTOR, _MOST_FACTOR = 1e-3, 1e3
"""Bounds of a factor; a fit that reaches one has no minimum."""

_REACH, _REFIT_STEPS = 8.0, 121
"""How far from the estimate a draw's temperature may lie, as a factor, and the temperatures tabulated there."""

LEAST_SUPPORT = 100
"""Pixels from which a class's precision above a confidence is stated."""

_CONFIDENCES = tuple(round(0.02 * step, 2) for step in range(50))


@dataclass(frozen=True, eq=False)
class ScalingFit:
    """Factors and offsets of the classes' logits.

    Attributes:
        factor: (K,) factors, above 0; all the same for temperature scaling: 1 / T.
        offset: (K,) offsets; they sum to 0.
        factor_error: (K,) standard errors of the factors, by a bootstrap of patches.
        offset_error: (K,) the same of the offsets.
        temperature_error: Standard error of T by the same bootstrap; NaN for vector scaling.
    """

    factor: Array
    offset: Array
    factor_error: Array
    offset_error: Array
    temperature_error: float


def fit_temperature(
    logits: ArrayLike, labels: ArrayLike, patch: ArrayLike, *, seed: int, draws: int = 500
) -> ScalingFit:
    """Fit one temperature (Guo et al. 2017, section 4.2): the T of least negative log-likelihood, by L-BFGS in 1 / T.

    The log-likelihood is concave in 1 / T. Neighbouring pixels are alike, so that the standard error is that of a
    bootstrap of whole patches. A draw's own fit is where the slope of its loss, a sum over its patches, crosses 0; the
    patches' slopes are tabulated for temperatures up to :data:`_REACH` times larger and smaller.

    Args:
        logits: (n, K).
        labels: (n,) class indices.
        patch: (n,) number of the patch that each pixel is in.
        seed: Seed of the bootstrap.
        draws: Its number of draws.

    Raises:
        LulcsegError: There is no best temperature, as if no pixel is classified wrongly.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> true = rng.normal(size=(4000, 3))
        >>> labels = (true + rng.gumbel(size=true.shape)).argmax(axis=1)
        >>> fit = fit_temperature(2 * true, labels, np.arange(4000) // 40, seed=0)
        >>> bool(abs(1 / fit.factor[0] - 2) < 3 * fit.temperature_error)
        True
    """
    x, y, groups = _checked(logits, labels, patch)
    classes = x.shape[1]

    def unpacked(theta: Array) -> tuple[Array, Array]:
        return np.repeat(theta, classes), np.zeros(classes)

    def slope(excess: Array) -> Array:
        return np.asarray((excess * x).sum(axis=1, keepdims=True))

    theta = _minimise(x, y, np.ones(1), offsets=0, unpacked=unpacked, slope=slope)
    inverse = theta[0] * np.geomspace(1 / _REACH, _REACH, _REFIT_STEPS)
    slopes = [np.bincount(groups, slope(_excess(softmax(x * one), y))[:, 0]) for one in inverse]
    counts = _drawn_groups(len(slopes[0]), seed, draws)
    drawn = np.array([_root(np.log(inverse), row) for row in counts @ np.array(slopes).T])
    error = np.repeat(np.exp(drawn).std(ddof=1), classes)
    return ScalingFit(*unpacked(theta), error, np.zeros(classes), float(np.exp(-drawn).std(ddof=1)))


def _root(x: Array, rising: Array) -> float:
    """Return where a rising function of x crosses 0, by linear interpolation, or the nearer end if it doesn't.

    >>> _root(np.array([0.0, 1.0, 2.0]), np.array([-3.0, -1.0, 1.0]))
    1.5
    """
    return float(np.interp(0.0, rising, x))


def fit_vector(logits: ArrayLike, labels: ArrayLike, patch: ArrayLike, *, seed: int, draws: int = 500) -> ScalingFit:
    """Fit a factor and an offset of each class's logit (Guo et al. 2017, section 4.2: vector scaling).

    As :func:`fit_temperature`, with 2 K parameters, and each draw one Newton step from the estimate. A constant added
    to all offsets changes nothing; they sum to 0.

    Raises:
        LulcsegError: There is no best fit, as if a class has no pixel.
    """
    x, y, groups = _checked(logits, labels, patch)
    n, k = x.shape

    def unpacked(theta: Array) -> tuple[Array, Array]:
        return theta[:k], theta[k:] - theta[k:].mean()

    def slope(excess: Array) -> Array:
        return np.concatenate([excess * x, excess], axis=1)

    start = np.concatenate([np.ones(k), np.zeros(k)])
    theta = _minimise(x, y, start, offsets=k, unpacked=unpacked, slope=slope)
    factor, offset = unpacked(theta)
    theta = np.concatenate([factor, offset])
    p = softmax(x * factor + offset)
    inner = np.zeros((n, 2 * k, 2 * k))
    spread = -p[:, :, np.newaxis] * p[:, np.newaxis, :]
    spread[:, np.arange(k), np.arange(k)] += p
    inner[:, :k, :k] = spread * x[:, :, np.newaxis] * x[:, np.newaxis, :]
    inner[:, :k, k:] = spread * x[:, :, np.newaxis]
    inner[:, k:, :k] = inner[:, :k, k:].transpose(0, 2, 1)
    inner[:, k:, k:] = spread
    drawn = _bootstrap(theta, slope(_excess(p, y)), inner, groups, seed=seed, draws=draws)
    drawn[:, k:] -= drawn[:, k:].mean(axis=1, keepdims=True)
    errors = drawn.std(axis=0, ddof=1)
    return ScalingFit(factor, offset, errors[:k], errors[k:], np.nan)


def softmax(logits: Array) -> Array:
    """Return the softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def log_losses(logits: Array, labels: NDArray[np.int64]) -> Array:
    """Return −ln p of the label, in nats, of (n, K) logits and (n,) class indices."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels])


def precision_curves(probabilities: Array, labels: NDArray[np.int64]) -> list[list[tuple[float, float]]]:
    """Return, for each class, pairs of a confidence and the precision of what is mapped as the class from it on.

    Args:
        probabilities: (n, K).
        labels: (n,) class indices.

    Returns:
        For confidences in steps of 0.02, as long as :data:`LEAST_SUPPORT` pixels are mapped as the class with at
        least this confidence: the share of them whose label it is.
    """
    mapped, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    curves = []
    for k in range(probabilities.shape[1]):
        own = mapped == k
        right = labels[own] == k
        at_least = [(c, confidence[own] >= c) for c in _CONFIDENCES]
        curves.append([(c, float(right[kept].mean())) for c, kept in at_least if kept.sum() >= LEAST_SUPPORT])
    return curves


def mean_over_patches(values: Array, patch: NDArray[np.int64]) -> tuple[float, float]:
    """Return the mean of (n,) values of pixels and its standard error, whose pixels count as clusters by patch.

    >>> mean_over_patches(np.array([1.0, 1.0, 3.0, 3.0]), np.array([0, 0, 1, 1]))
    (2.0, 1.0)
    """
    mean = float(values.mean())
    sums = np.bincount(np.unique(patch, return_inverse=True)[1], values - mean)
    clusters = len(sums)
    return mean, float(np.sqrt(clusters / (clusters - 1) * (sums**2).sum()) / len(values))


def _checked(
    logits: ArrayLike, labels: ArrayLike, patch: ArrayLike
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    x = np.asarray(logits, dtype=np.float64)
    groups = np.unique(np.asarray(patch), return_inverse=True)[1]
    return x, np.asarray(labels, dtype=np.int64), groups.astype(np.int64)


def _excess(p: Array, labels: NDArray[np.int64]) -> Array:
    """Return p less the indicator of the label: the derivative of the log loss by the logits."""
    excess = p.copy()
    excess[np.arange(len(labels)), labels] -= 1
    return excess


def _minimise(
    x: Array,
    y: NDArray[np.int64],
    start: Array,
    *,
    offsets: int,
    unpacked: Callable[[Array], tuple[Array, Array]],
    slope: Callable[[Array], Array],
) -> Array:
    """Return the parameters of least mean log loss, never worse than the start's; the last are offsets, unbounded."""
    from scipy.optimize import minimize

    bounds: list[tuple[float | None, float | None]] = [(_LEAST_FACTOR, _MOST_FACTOR)] * (len(start) - offsets)
    bounds += [(None, None)] * offsets

    def loss(theta: Array) -> tuple[float, Array]:
        factor, offset = unpacked(theta)
        scaled = x * factor + offset
        return float(log_losses(scaled, y).mean()), slope(_excess(softmax(scaled), y)).mean(axis=0)

    first = loss(start)[0]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-9})
    theta = np.asarray(found.x, dtype=np.float64)
    at_bound = any(value in bound for value, bound in zip(theta.tolist(), bounds, strict=True))
    if at_bound or not np.isfinite(theta).all():
        raise _unbounded(theta[: len(start) - offsets], right=float((x.argmax(axis=1) == y).mean()))
    return theta if found.fun <= first else start


def _unbounded(factors: Array, *, right: float) -> LulcsegError:
    """Return the error for factors that have no best value.

    Args:
        factors: They, where the search ended.
        right: Share of the pixels that are classified rightly, 0…1.
    """
    of_pixels = f"the model is right at {100 * right:.1f} % of the held-out pixels fitted to"
    if len(factors) == 1 and factors[0] <= _LEAST_FACTOR:
        return LulcsegError(
            "no temperature fits: it runs to infinity, as the probabilities say nothing about this ground "
            f"({of_pixels})",
            where="calibrate",
            remedy="look at the map and the labels of this ground; a model that is wrong has to be trained again",
        )
    reason = "hardly a held-out pixel is classified wrongly"
    if len(factors) > 1:
        reason += ", or a class is hardly there, or its probabilities say nothing about it"
    return LulcsegError(
        f"no scaling fits best: {reason} ({of_pixels})",
        where="calibrate",
        remedy="use more ground" + (", or method=temperature" if len(factors) > 1 else ""),
    )


def _bootstrap(
    theta: Array, slopes: Array, curvatures: Array, groups: NDArray[np.int64], *, seed: int, draws: int
) -> Array:
    """Return the parameters of bootstrap draws of groups, (draws, P), by one Newton step each.

    Args:
        theta: (P,) the estimate.
        slopes: (n, P) derivatives of each pixel's loss.
        curvatures: (n, P, P) second derivatives.
        groups: (n,) group of each pixel, from 0.
        seed: Seed of the draws.
        draws: Their number.
    """
    number = int(groups.max()) + 1
    by_group = np.zeros((number, *slopes.shape[1:]))
    np.add.at(by_group, groups, slopes)
    bent = np.zeros((number, *curvatures.shape[1:]))
    np.add.at(bent, groups, curvatures)
    counts = _drawn_groups(number, seed, draws)
    steps = [np.linalg.pinv(np.tensordot(c, bent, 1), hermitian=True) @ (c @ by_group) for c in counts]
    return np.asarray(theta - np.array(steps))


def _drawn_groups(number: int, seed: int, draws: int) -> Array:
    """Return how often each of a number of groups is in each bootstrap draw, (draws, number)."""
    counts = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=draws)
    return np.asarray(counts, dtype=np.float64)
