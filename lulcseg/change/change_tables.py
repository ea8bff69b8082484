"""The areas of a change as tables: by pair of classes, as a matrix, as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.change.transition_codes import TransitionCodes
from lulcseg.legend import Legend

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChangeAreas:
    """Areas of every from–to pair, (K, K) ha each, rows the first date; the diagonal is what kept its class.

    Attributes:
        classes: The K classes.
        mapped: On the change map, after what was left out.
        subtracted: Of the two maps as they are.
        independent: Expected by the probabilities of two independent dates; None: there are none.
        persistent: Expected with the prior of persistence; None: none was stated.
        persistence: That prior.
        without_probabilities: Ground without probabilities, ha, counted in both as it is mapped.
        shifted: Change that the boundary tolerance took for a shift, ha.
        small: Change in patches below the minimum mapping unit, ha.
    """

    classes: Legend
    mapped: Array
    subtracted: Array
    independent: Array | None = None
    persistent: Array | None = None
    persistence: float | None = None
    without_probabilities: float = 0.0
    shifted: float = 0.0
    small: float = 0.0

    def to_plain(self) -> dict[str, Any]:
        """Return the totals, fit for JSON."""
        named = {"mapped": self.mapped, "subtracted": self.subtracted, "independent": self.independent}
        named["persistent"] = self.persistent
        return {
            "ground_hectares": _rounded(self.mapped.sum()),
            "change_hectares": {key: _rounded(changed(each)) for key, each in named.items() if each is not None},
            "removed_hectares": {"tolerance": _rounded(self.shifted), "minimum_unit": _rounded(self.small)},
            "hectares_without_probabilities": _rounded(self.without_probabilities),
            "persistence": self.persistence,
        }


def changed(matrix: Array) -> float:
    """Return the area of a matrix off its diagonal.

    Example:
        >>> changed(np.array([[5.0, 1.0], [2.0, 9.0]]))
        3.0
    """
    return float(matrix.sum(where=~np.eye(len(matrix), dtype=np.bool_)))  # a difference would leave rounding


def areas_csv(areas: ChangeAreas, codes: TransitionCodes, pixels: NDArray[np.int64]) -> str:
    """Return the pairs as CSV, a line each: what the map holds first, then what only other figures have.

    Columns: from, to, code (empty if the map lacks the pair), pixels, hectares, share (of the ground), subtracted,
    and, where there are probabilities, independent and persistent, all in ha.

    Args:
        areas: The areas.
        codes: The map's pairs.
        pixels: (K, K) pixels on the map.
    """
    further = {"independent": areas.independent, "persistent": areas.persistent}
    columns = {"subtracted": areas.subtracted} | {key: each for key, each in further.items() if each is not None}
    coded = dict(zip(codes.pairs, codes.codes, strict=True))
    seen = sum((np.asarray(each) >= 5e-5 for each in columns.values()), np.zeros_like(areas.mapped)) > 0
    others = [(int(i), int(j)) for i, j in np.argwhere(seen) if (int(i), int(j)) not in coded]
    names, total = areas.classes.names, max(float(areas.mapped.sum()), 1e-12)
    rows = [["from", "to", "code", "pixels", "hectares", "share", *columns]]
    for i, j in [*coded, *others]:
        code = coded.get((i, j))
        ground = areas.mapped[i, j]
        figures = [f"{each[i, j]:.4f}" for each in columns.values()]
        rows.append([
            names[i], names[j], "" if code is None else str(code), str(pixels[i, j]), f"{ground:.4f}",
            f"{ground / total:.6f}", *figures,
        ])  # fmt: skip
    return _csv(rows)


def matrix_csv(classes: Legend, hectares: Array) -> str:
    r"""Return the matrix of the mapped pairs as CSV, ha: rows the first date, columns the second, both with totals.

    Example:
        >>> from lulcseg.legend import LandClass
        >>> two = Legend((LandClass(1, "Forest", "#0b5d3b"), LandClass(2, "Cane", "#8fce6a")))
        >>> print(matrix_csv(two, np.array([[5.0, 1.0], [2.0, 9.0]])))
        from \ to,Forest,Cane,total
        Forest,5.0000,1.0000,6.0000
        Cane,2.0000,9.0000,11.0000
        total,7.0000,10.0000,17.0000
    """
    framed = np.vstack([hectares, hectares.sum(axis=0)])
    framed = np.column_stack([framed, framed.sum(axis=1)])
    rows = [["from \\ to", *classes.names, "total"]]
    for name, values in zip([*classes.names, "total"], framed, strict=True):
        rows.append([name, *(f"{value:.4f}" for value in values)])
    return _csv(rows)


def _csv(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().rstrip("\n")


def _rounded(value: float) -> float:
    return round(float(value), 4)
