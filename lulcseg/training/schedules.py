"""Learning-rate schedules: the rate as a share of its peak, over the share of training done after the warm-up.

A schedule is a function from the share done, 0…1, to a factor on the peak rate. Its name is in
:data:`lulcseg.settings.optim.SCHEDULES`; a dotted path of a function in ``optim.schedule`` works as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lulcseg.settings.optim import SCHEDULES
from lulcseg.settings.registry import import_target

Schedule = Callable[[float], float]


def constant(done: float) -> float:  # noqa: ARG001
    """Return the peak rate throughout.

    Examples:
        >>> constant(0.7)
        1.0
    """
    return 1.0


def cosine(done: float) -> float:
    """Fall to 0 along half a cosine.

    Examples:
        >>> [round(cosine(done), 3) for done in (0, 0.25, 0.5, 1)]
        [1.0, 0.854, 0.5, 0.0]
    """
    return 0.5 * (1 + math.cos(math.pi * done))


def linear(done: float) -> float:
    """Fall to 0 in proportion to the share done.

    Examples:
        >>> linear(0.25)
        0.75
    """
    return 1.0 - done


def schedule_of(name: str) -> Schedule:
    """Return a schedule by its name, or by the dotted path of a function.

    Raises:
        LulcsegError: An unknown name, or a path that can't be imported.
    """
    found: Schedule = import_target(name, SCHEDULES.key) if "." in name else SCHEDULES.load(name)
    return found


def rate_factor(step: int, steps: int, *, schedule: Schedule, warmup: float) -> float:
    """Return the learning rate at a step, as a share of its peak.

    Args:
        step: Steps done.
        steps: Steps of the whole run.
        schedule: The schedule after the warm-up.
        warmup: Share of the steps over which the rate rises linearly from near 0.

    Examples:
        >>> [rate_factor(step, 100, schedule=linear, warmup=0.1) for step in (0, 9, 10, 55, 100)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return schedule(min(1.0, (step - rising) / max(1, steps - rising)))
