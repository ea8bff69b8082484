"""Weight windows: how much a pixel's prediction counts by where in its patch it lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

WeightName = Literal["uniform", "cone", "pyramid", "hann", "gaussian"]
WEIGHTS: tuple[WeightName, ...] = get_args(WeightName)
"""The names of the windows."""

_SIGMA = 1 / 4
"""Standard deviation of the Gaussian, as a share of the patch."""

_Window = NDArray[np.float64]


def _uniform(axis: _Window) -> _Window:
    return np.ones((len(axis), len(axis)))


def _cone(axis: _Window) -> _Window:
    # The cone's foot passes through the patch's corners, which lie half a pixel's diagonal beyond the
    # centres of the corner pixels: so those still weigh 1/P, and no pixel weighs nothing.
    return np.subtract(1, np.hypot(axis[:, None], axis[None, :]) / (len(axis) / math.sqrt(2)))


def _pyramid(axis: _Window) -> _Window:
    edge = 1 - np.abs(axis) / (len(axis) / 2)
    return np.minimum(edge[:, None], edge[None, :])


def _hann(axis: _Window) -> _Window:
    edge = np.cos(np.pi * axis / len(axis)) ** 2
    return np.outer(edge, edge)


def _gaussian(axis: _Window) -> _Window:
    edge = np.exp(-0.5 * (axis / (_SIGMA * len(axis))) ** 2)
    return np.outer(edge, edge)


_SHAPES: dict[str, Callable[[_Window], _Window]] = {
    "uniform": _uniform, "cone": _cone, "pyramid": _pyramid, "hann": _hann, "gaussian": _gaussian,
}  # fmt: skip


def weight_window(name: WeightName, patch: int) -> NDArray[np.float32]:
    """Return the weights of a patch's pixels.

    ``uniform`` is 1 everywhere. ``cone`` falls in a straight line with the distance from the patch's
    centre to 0 at its corners (multiple pass prediction, Clark, Phinn & Scarth: "weights that fall with
    distance from the centre"; the shape is not printed there). ``pyramid`` falls in a straight line to 0 at
    the nearest edge; ``hann`` is a raised cosine in each axis, 0 at the edges; ``gaussian`` a bell with a
    standard deviation of a quarter of the patch.

    Args:
        name: Which window.
        patch: Side of a patch, in pixels.

    Returns:
        (P, P) float32, positive (edges lie half a pixel beyond the outermost pixels), at most 1, the same
        under quarter turns and flips.

    Raises:
        KeyError: There is no window of that name.
    """
    axis = np.arange(patch, dtype=np.float64) - (patch - 1) / 2
    return _SHAPES[name](axis).astype(np.float32)
