"""Confidence intervals of a proportion."""

from __future__ import annotations

import math

from scipy.special import ndtri


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a binomial proportion (Wilson 1927).

    It holds for user's and producer's accuracy if the points are a simple random sample: it is the
    sampling error of the score of *this* map. It does not measure how much retraining the model would
    change the map.

    Args:
        successes: Number of points that agree.
        trials: Number of points.
        level: Confidence level, 0…1.

    Returns:
        Lower and upper bound, 0…1; both NaN without trials.

    Example:
        >>> [round(bound, 3) for bound in wilson_interval(8, 10)]
        [0.49, 0.943]
        >>> wilson_interval(0, 10)[0]
        0.0
    """
    if trials == 0:
        return math.nan, math.nan
    z2 = float(ndtri(0.5 + level / 2)) ** 2
    share = successes / trials
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    # At 0 and at all of them the bound is exact; rounding would leave it slightly off.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return low, high
