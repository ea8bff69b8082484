"""Weight windows: how much a pixel's prediction counts by where in its patch it lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

WeightName = Literal["uniform", "cone"]


def _uniform(distance: NDArray[np.float64], patch: int) -> NDArray[np.float64]:  # noqa: ARG001
    return np.ones_like(distance)


def _cone(distance: NDArray[np.float64], patch: int) -> NDArray[np.float64]:
    # The cone's foot passes through the patch's corners, which lie half a pixel's diagonal beyond the
    # centres of the corner pixels: so those still weigh 1/P, and no pixel weighs nothing.
    return np.subtract(1, distance / (patch / math.sqrt(2)))


_SHAPES: dict[str, Callable[[NDArray[np.float64], int], NDArray[np.float64]]] = {"uniform": _uniform, "cone": _cone}


def weight_window(name: WeightName, patch: int) -> NDArray[np.float32]:
    """Return the weights of a patch's pixels.

    ``uniform`` is 1 everywhere. ``cone`` falls in a straight line with the distance from the patch's
    centre to 0 at its corners (multiple pass prediction, Clark, Phinn & Scarth: "weights that fall with
    distance from the centre"; the shape is not printed there).

    Args:
        name: Which window.
        patch: Side of a patch, in pixels.

    Returns:
        (P, P) float32, positive, at most 1, the same under quarter turns and flips.

    Raises:
        KeyError: There is no window of that name.
    """
    axis = np.arange(patch, dtype=np.float64) - (patch - 1) / 2
    distance = np.hypot(axis[:, None], axis[None, :])
    return _SHAPES[name](distance, patch).astype(np.float32)
