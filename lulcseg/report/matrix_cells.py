"""Cells of a confusion matrix as the pages show them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STRONG = 0.72
"""Strength of a shade above which the text on it is light."""


@dataclass(frozen=True)
class MatrixCell:
    """A cell of a confusion matrix.

    Attributes:
        text: The count as printed; · for 0.
        kind: Classes of its HTML element: ``agrees`` or ``differs``, and ``strong`` or ``zero``.
        strength: Opacity of its shade: the square root of its share of the row, so that small shares stay visible.
    """

    text: str
    kind: str
    strength: float


def matrix_cells(matrix: NDArray[Any], digits: int = 0) -> list[list[MatrixCell]]:
    """Return the cells of a confusion matrix, row by row.

    Args:
        matrix: (n, n) counts, means of counts, or areas; rows = reference, columns = map.
        digits: Decimals printed.

    Example:
        >>> [[cell.text for cell in row] for row in matrix_cells(np.array([[1200, 0], [3, 5]]))]
        [['1,200', '·'], ['3', '5']]
    """
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1e-12)
    return [
        [
            _cell(float(count), math.sqrt(float(share[i, j])), digits, agrees=i == j)
            for j, count in enumerate(line)
        ]
        for i, line in enumerate(matrix)
    ]  # fmt: skip


def _cell(count: float, strength: float, digits: int, *, agrees: bool) -> MatrixCell:
    kind = "agrees" if agrees else "differs"
    kind += " strong" if strength > _STRONG else ""
    return MatrixCell(f"{count:,.{digits}f}" if count else "·", kind if count else f"{kind} zero", round(strength, 3))
