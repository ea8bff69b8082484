"""The confusion matrix: counts of places by their reference class and their class on the map."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def confusion_matrix(reference: ArrayLike, mapped: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Count pairs of reference class and map class.

    A class index out of range is an error. (Flattening the pair to one number and counting, without
    checking the range, would count a map class of n as class 0 of the next row.)

    Args:
        reference: Class indices by the reference, any shape, integer, 0…n − 1.
        mapped: Class indices by the map, the same shape and range.
        n_classes: Number of classes of the legend.

    Returns:
        (n, n) int64 counts; rows are reference classes, columns map classes.

    Raises:
        ValueError: The shapes differ, the indices are not integers, or one is out of range.

    Example:
        >>> confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], n_classes=2)
        array([[1, 1],
               [0, 2]])
    """
    rows = _checked(reference, n_classes, "reference")
    cols = _checked(mapped, n_classes, "map")
    if rows.shape != cols.shape:
        raise ValueError(f"reference has shape {rows.shape}, map has {cols.shape}")
    counts = np.bincount((rows * n_classes + cols).ravel(), minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def _checked(indices: ArrayLike, n_classes: int, side: str) -> NDArray[np.int64]:
    array = np.asarray(indices)
    if array.size == 0:
        return np.zeros(array.shape, dtype=np.int64)
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{side} classes must be integers, not {array.dtype}")
    lowest, highest = array.min(), array.max()
    if lowest < 0 or highest >= n_classes:
        bad = lowest if lowest < 0 else highest
        raise ValueError(f"{side} class {bad} is outside 0…{n_classes - 1}")
    return array.astype(np.int64)
