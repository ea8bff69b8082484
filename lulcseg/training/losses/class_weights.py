"""Weights of classes: stated by the user, or computed from the training plan's labelled pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.settings.loss import LossSettings

_WHERE = "loss.class_weights"

type _Floats = NDArray[np.float64]


def stated_weights(settings: LossSettings, names: Sequence[str]) -> list[float] | None:
    """Return the weights that the settings state, in the legend's order; None if they state none.

    Args:
        settings: Of the loss.
        names: Names of the legend's classes.

    Raises:
        LulcsegError: A class that the legend doesn't have, a list of another length, or only weights of 0.

    Examples:
        >>> stated_weights(LossSettings(class_weights={"Forest": 2.0}), ["Water", "Forest"])
        [1.0, 2.0]
    """
    given = settings.class_weights
    if isinstance(given, str):
        return None
    if isinstance(given, list):
        if len(given) != len(names):
            raise LulcsegError(
                f"{len(given)} weights for {len(names)} classes",
                where=_WHERE,
                remedy=f"give one for each of {', '.join(names)}, or name the classes: {{{names[0]}: 2}}",
            )
        return [float(weight) for weight in given]
    for name in given:
        if name not in names:
            raise LulcsegError(f"the legend has no class '{name}'", where=_WHERE, remedy=did_you_mean(name, names))
    found = [float(given.get(name, 1.0)) for name in names]
    if not any(found):
        raise LulcsegError("all are 0, so that nothing would be learned", where=_WHERE, remedy="raise one of them")
    return found


def plan_weights(
    settings: LossSettings,
    names: Sequence[str],
    shares: Sequence[float],
    patches: int,
    frequencies: Callable[[], _Floats],
) -> list[float] | None:
    """Return the weights of the classes, in the legend's order; None if the settings ask for none.

    Args:
        settings: Of the loss.
        names: Names of the legend's classes.
        shares: (K,), share of each class in the plan's labelled training pixels.
        patches: Number of training patches.
        frequencies: Returns (K,), the share of each class in the labelled pixels of those patches that have it; called
            for ``median_frequency`` alone.

    Raises:
        LulcsegError: As :func:`stated_weights`.

    Examples:
        >>> plan_weights(LossSettings(class_weights="inverse"), ["a", "b"], [0.9, 0.1], 10, lambda: np.ones(2))
        [0.5555555555555556, 5.0]
    """
    if not settings.weighs_by_plan:
        return stated_weights(settings, names)
    known = np.asarray(shares, dtype=np.float64)
    if settings.class_weights == "inverse":
        rarity = inverse_weights(known)
    elif settings.class_weights == "effective_number":
        rarity = effective_number_weights(known * patches, settings.effective_beta)
    else:
        rarity = median_frequency_weights(frequencies())
    found: list[float] = normalise_weights(rarity, known).tolist()
    return found


def inverse_weights(shares: _Floats) -> _Floats:
    """Return 1 / share of each class, (K,); infinite for a class without pixels."""
    with np.errstate(divide="ignore"):
        return np.asarray(1 / shares, dtype=np.float64)


def effective_number_weights(samples: _Floats, beta: float) -> _Floats:
    """Return 1 / effective number of samples of each class, (1 − β) / (1 − βⁿ).

    Cui et al. 2019, "Class-balanced loss based on effective number of samples", Eq. 2 and 6. Their samples are images
    of one class. Pixels are not independent, and with their numbers any usual β gives equal weights: n here is the
    class's pixels in units of a patch's mean number of labelled pixels, the share of the class times the number of
    patches. β = 0 weighs all classes alike.

    Args:
        samples: n of each class, (K,); may be below 1, where the effective number is close to n itself.
        beta: β, at least 0 and below 1.

    Returns:
        (K,); infinite for a class without samples.

    Examples:
        >>> effective_number_weights(np.array([1.0, 2.0, 1e6]), 0.9).round(4).tolist()
        [1.0, 0.5263, 0.1]
    """
    if beta == 0:
        return np.where(samples > 0, 1.0, np.inf)
    with np.errstate(divide="ignore"):
        return np.asarray((1 - beta) / -np.expm1(samples * np.log(beta)), dtype=np.float64)


def median_frequency_weights(frequencies: _Floats) -> _Floats:
    """Return the median frequency over the frequency of each class.

    Eigen and Fergus 2015, "Predicting depth, surface normals and semantic labels with a common multi-scale
    convolutional architecture", section 6.3.2: the frequency of a class is its share in the pixels of the images that
    have it, so that a class which is rare because few images have it weighs less than by ``inverse``.

    Args:
        frequencies: (K,), 0 for a class without pixels.

    Returns:
        (K,); infinite for a class without pixels.

    Examples:
        >>> median_frequency_weights(np.array([0.8, 0.4, 0.1, 0.0])).tolist()
        [0.5, 1.0, 4.0, inf]
    """
    known = frequencies[frequencies > 0]
    with np.errstate(divide="ignore"):
        return np.asarray((np.median(known) if known.size else 1.0) / frequencies, dtype=np.float64)


def normalise_weights(weights: _Floats, shares: _Floats) -> _Floats:
    """Scale weights to a mean of 1 over the training pixels, so that the loss keeps its magnitude.

    Args:
        weights: (K,), those of classes without pixels may be infinite.
        shares: (K,), share of each class in the training pixels.

    Returns:
        (K,), Σ share · weight = 1; 1 for a class without pixels.

    Examples:
        >>> normalise_weights(np.array([1.0, 3.0, np.inf]), np.array([0.5, 0.5, 0.0])).tolist()
        [0.5, 1.5, 1.0]
    """
    found = np.ones(len(shares), dtype=np.float64)
    here = (shares > 0) & np.isfinite(weights)
    if here.any():
        found[here] = weights[here] * shares[here].sum() / (weights[here] @ shares[here])
    return found


def checked_weights(given: Sequence[float] | None, needed: bool, classes: int) -> list[float] | None:
    """Return the weights of a training's classes, (K,); None if its settings ask for none.

    Args:
        given: One number a class, or None.
        needed: Whether the settings ask for weights.
        classes: Number of classes K.

    Raises:
        ValueError: Weights of another number of classes, or none although they are needed.
    """
    if given is not None and len(given) != classes:
        raise ValueError(f"class_weights has {len(given)} values, the legend {classes} classes")
    if not needed:
        return None
    if given is None:
        raise ValueError("loss.class_weights needs class_weights")
    return [float(weight) for weight in given]


def weights_differ(mine: Sequence[float] | None, theirs: Sequence[float] | None) -> bool:
    """Whether two trainings' class weights differ by more than rounding.

    >>> weights_differ([1.0, 2.0], [1.0, 2.0 + 1e-12]), weights_differ([1.0], None), weights_differ(None, None)
    (False, True, False)
    """
    if mine is None or theirs is None:
        return mine is not theirs
    return len(mine) != len(theirs) or not all(map(math.isclose, mine, theirs))
