"""Weight windows: the weight of a pixel's prediction by its position in the patch."""

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
    # The cone reaches 0 at the patch's corners, half a pixel's diagonal beyond the centres of the corner pixels,
    # whose weight is therefore 1/P: no pixel has weight 0.
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


def weight_window(name: WeightName, patch_size: int) -> NDArray[np.float32]:
    """Return the weights of a patch's pixels.

    ``uniform`` is 1 everywhere. ``cone`` falls linearly with the distance from the patch's centre, to 0 at its corners
    (multiple pass prediction, Clark, Phinn & Scarth: "weights that fall with distance from the centre"; the shape is
    not printed there). ``pyramid`` falls linearly to 0 at the nearest edge; ``hann`` is a raised cosine along each
    axis, 0 at the edges; ``gaussian`` has a standard deviation of a quarter of the patch size.

    Args:
        name: The window.
        patch_size: Patch size P, in pixels.

    Returns:
        (P, P) float32 in (0, 1] (edges lie half a pixel beyond the outermost pixels), invariant under quarter turns
        and flips.

    Raises:
        KeyError: There is no window of that name.

    Example:
        >>> weight_window("pyramid", 4)
        array([[0.25, 0.25, 0.25, 0.25],
               [0.25, 0.75, 0.75, 0.25],
               [0.25, 0.75, 0.75, 0.25],
               [0.25, 0.25, 0.25, 0.25]], dtype=float32)
    """
    axis = np.arange(patch_size, dtype=np.float64) - (patch_size - 1) / 2
    return _SHAPES[name](axis).astype(np.float32)
