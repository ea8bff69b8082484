"""Learning-rate schedules: the rate as a share of its peak, over the share of training done after the warm-up.

A schedule is a function from the share done, 0…1, to a factor on the peak rate. :func:`one_cycle` brings a warm-up of
its own, and is a function of the share of all training. The name of a schedule is in
:data:`lulcseg.settings.optim.SCHEDULES`; a dotted path of a function in ``optim.schedule`` works as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lulcseg.settings.optim import SCHEDULES, OptimSettings
from lulcseg.settings.registry import import_target

Schedule = Callable[[float], float]

FIRST = 1 / 25
"""Rate that one_cycle starts from, as a share of its peak: PyTorch's default."""

LAST = FIRST / 1e4
"""Rate that one_cycle ends at, as a share of its peak: PyTorch's default."""


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


def one_cycle(done: float, rise: float = 0.3) -> float:
    """Rise along half a cosine from a 25th of the peak, then fall along another to 4 millionths of it.

    The learning rate of the 1cycle policy (Smith & Topin 2018), of the shape and defaults of PyTorch's ``OneCycleLR``.
    The momentum, which that lowers while the rate is high, stays as it is.

    Args:
        done: Share of all training done.
        rise: Share of it at which the rate is at its peak.

    Examples:
        >>> [round(one_cycle(done), 3) for done in (0, 0.15, 0.3, 0.65, 1)]
        [0.04, 0.52, 1.0, 0.5, 0.0]
    """
    if done < rise:
        return FIRST + (1 - FIRST) * (1 - cosine(done / rise))
    return LAST + (1 - LAST) * cosine((done - rise) / (1 - rise))


def schedule_of(name: str) -> Schedule:
    """Return a schedule by its name, or by the dotted path of a function.

    Raises:
        LulcsegError: An unknown name, or a path that can't be imported.
    """
    found: Schedule = import_target(name, SCHEDULES.key) if "." in name else SCHEDULES.load(name)
    return found


def rate_curve(settings: OptimSettings, steps: int, spent: Callable[[], float] = lambda: 0.0) -> Schedule:
    """Return the learning rate, as a share of its peak, as a function of the steps done.

    Where training may end by its time before its steps are done, the rate is that of the larger of two shares: of the
    steps and of the time. So it comes to its end in either case.

    Args:
        settings: Schedule, and the share of the steps over which the rate rises.
        steps: Steps of the whole run.
        spent: Returns the share of the training's time that is spent.

    Raises:
        LulcsegError: An unknown schedule, or a path that can't be imported.
    """
    schedule = schedule_of(settings.schedule)
    if schedule is one_cycle:
        return lambda step: one_cycle(min(1.0, max(step / max(1, steps), spent())), settings.rise)
    warmup = settings.warmup
    return lambda step: rate_factor(max(step, spent() * steps), steps, schedule=schedule, warmup=warmup)


def rate_factor(step: float, steps: int, *, schedule: Schedule, warmup: float) -> float:
    """Return the learning rate at a step, as a share of its peak.

    Args:
        step: Steps done; between two steps where time counts as steps.
        steps: Steps of the whole run.
        schedule: The schedule after the warm-up.
        warmup: Share of the steps over which the rate rises linearly from near 0.

    Examples:
        >>> [rate_factor(step, 100, schedule=linear, warmup=0.1) for step in (0, 9, 10, 55, 100)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    rising = round(warmup * steps)
    if step < rising:
        return min(1.0, (step + 1) / rising)
    return schedule(min(1.0, (step - rising) / max(1, steps - rising)))
