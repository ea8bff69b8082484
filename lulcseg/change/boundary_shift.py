"""Changes along edges that a small shift of the boundary explains: maps of two dates never lie quite on each other."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from lulcseg.legend import IGNORE


def shift_reach(tolerance: float, yres: float, xres: float) -> tuple[int, int]:
    """Return the rows and columns around a window that decide on its pixels.

    Args:
        tolerance: Greatest shift, in map units.
        yres: Height of a pixel, in map units.
        xres: Width of a pixel.

    Example:
        >>> shift_reach(2.0, 0.5, 0.5), shift_reach(0.0, 0.5, 0.5)
        ((5, 5), (1, 1))
    """
    farthest = tolerance + math.sqrt(yres * xres)
    return math.ceil(farthest / yres), math.ceil(farthest / xres)


def boundary_shifts(
    before: NDArray[np.uint8], after: NDArray[np.uint8], tolerance: float, yres: float, xres: float
) -> NDArray[np.bool_]:
    """Return the changed pixels through which a boundary moved by no more than a tolerance.

    A pixel that changed from class a to class b is one if b lies near on the first date, a lies near on the second,
    and both distances, between centres of pixels, sum to at most the tolerance and the size of a pixel. Where a
    boundary moved by w pixels, every pixel between its two places has the sum w + 1: strips up to the tolerance are
    found whole, wider ones not at all. What is new, or gone, has no such neighbour on one of the dates.

    Args:
        before: (h, w) class indices of the first date, 255 where there is none.
        after: (h, w) the same of the second date.
        tolerance: Greatest shift, in map units.
        yres: Height of a pixel, in map units.
        xres: Width of a pixel.

    Returns:
        (h, w) bool. Pixels nearer to the array's edge than :func:`shift_reach` are decided without what lies outside.

    Example:
        >>> one = np.array([[0, 0, 1, 1, 1, 1]], dtype=np.uint8)  # the boundary moves by two pixels
        >>> two = np.array([[0, 0, 0, 0, 1, 1]], dtype=np.uint8)
        >>> [boundary_shifts(one, two, d, 1.0, 1.0).sum().item() for d in (1.0, 2.0)]
        [0, 2]
    """
    changed: NDArray[np.bool_] = (before != after) & (before != IGNORE) & (after != IGNORE)
    if not changed.any():
        return changed
    reach = shift_reach(tolerance, yres, xres)
    total = np.zeros(before.shape)
    for near, held in ((before, after), (after, before)):
        for index in np.unique(held[changed]):
            _add_distance(total, near == index, changed & (held == index), reach, (yres, xres))
    near_enough: NDArray[np.bool_] = total <= (tolerance + math.sqrt(yres * xres)) * (1 + 1e-9)
    return changed & near_enough


def _add_distance(
    total: NDArray[np.float64],
    near: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    reach: tuple[int, int],
    sampling: tuple[float, float],
) -> None:
    """Add the distance to a class to the pixels that want it, looking no farther than decides.

    Args:
        total: (h, w) sums, changed in place; infinite where the class is not within reach.
        near: (h, w) where the class is.
        wanted: (h, w) pixels whose distance is added.
        reach: Rows and columns to look around them.
        sampling: Height and width of a pixel.
    """
    rows, cols = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    box = tuple(
        slice(max(0, int(found[0]) - far), int(found[-1]) + far + 1)
        for found, far in zip((rows, cols), reach, strict=True)
    )
    here = near[box]
    if here.any():
        distance = distance_transform_edt(~here, sampling=sampling)
        total[box] += np.where(wanted[box], distance, 0.0)
    else:
        total[wanted] = np.inf
