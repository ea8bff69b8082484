"""Landscapes as the units of a study: scores averaged within each, and variance between and within them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

LANDSCAPE = "landscape"
"""Column of the landscape that a run was scored on; missing: real imagery, of which each run is a unit of its own."""


@dataclass(frozen=True)
class VarianceComponents:
    """How much of the variance of effects lies between landscapes, and how much between trainings on one landscape.

    Attributes:
        between: Standard deviation between landscapes, of the effect itself; NaN unless one has several runs.
        within: Standard deviation between trainings on the same landscape; NaN likewise.
    """

    between: float
    within: float


def unit_means(values: ArrayLike, landscapes: Sequence[str | None]) -> NDArray[np.float64]:
    """Average values within landscapes, so that an interval over them covers other landscapes and other trainings.

    Args:
        values: (n,) one value per run.
        landscapes: (n,) landscape of each; None, "" or NaN: the run is a unit of its own. So is each run if all are on
            one landscape: an interval then covers other trainings on it alone.

    Returns:
        (units,) means, landscapes in order of name, then the runs that are units of their own.

    >>> unit_means([0.1, 0.3, 0.5], ["a", "a", "b"])
    array([0.2, 0.5])
    >>> unit_means([0.1, 0.3], [None, None])
    array([0.1, 0.3])
    """
    means = pd.Series(np.asarray(values, dtype=np.float64)).groupby(_unit_names(landscapes)).mean()
    return np.asarray(means, dtype=np.float64)


def variance_components(values: ArrayLike, landscapes: Sequence[str | None]) -> VarianceComponents:
    """Separate the variance between landscapes from that between trainings on one landscape.

    One-way random effects by the analysis of variance (Searle, Casella & McCulloch 1992, chapter 3); a negative
    component is 0.

    Args:
        values: (n,) one effect per run.
        landscapes: (n,) landscape of each.

    >>> found = variance_components([0.0, 0.2, 1.0, 1.2], ["a", "a", "b", "b"])
    >>> round(found.between, 3), round(found.within, 3)
    (0.7, 0.141)
    """
    effects = pd.Series(np.asarray(values, dtype=np.float64))
    groups = effects.groupby(_unit_names(landscapes))
    sizes, n = groups.size().to_numpy(), len(effects)
    if len(sizes) < 2 or n == len(sizes):
        return VarianceComponents(math.nan, math.nan)
    means = groups.mean().to_numpy()
    within = float(((effects - groups.transform("mean")) ** 2).sum()) / (n - len(sizes))
    spread = float((sizes * (means - effects.mean()) ** 2).sum()) / (len(sizes) - 1)
    runs = (n - float((sizes**2).sum()) / n) / (len(sizes) - 1)  # of a landscape; their number where balanced
    return VarianceComponents(math.sqrt(max(0.0, (spread - within) / runs)), math.sqrt(within))


def _unit_names(landscapes: Sequence[str | None]) -> list[str]:
    """Return a name for each run's unit."""
    named = [name if isinstance(name, str) else "" for name in landscapes]
    alone = len(set(named)) == 1
    return [f"\uffff{i:09d}" if alone or not name else name for i, name in enumerate(named)]
