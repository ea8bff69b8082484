"""The trial page's confusion matrices: the mean of each value's, and each replicate's own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.report.trial.score_views import ViewComparison


@dataclass(frozen=True)
class MatrixCell:
    """A cell as it is shown at first."""

    text: str
    kind: str
    strength: float


@dataclass(frozen=True)
class MatrixOption:
    """One matrix to choose: its place in the list, and what it is called."""

    place: int
    label: str


@dataclass(frozen=True)
class MatrixGroup:
    """A value's matrices."""

    label: str
    options: list[MatrixOption]


@dataclass(frozen=True)
class ConfusionView:
    """The matrices of one scene; the first is in the page, the others are put in its place by the script.

    Attributes:
        title: Of the first.
        names: The classes.
        indices: Their places in the page's list.
        groups: What there is to choose from.
        cells: The first matrix.
        totals: Its sums over rows, as printed.
        mapped: Its sums over columns, as printed.
        scored: Its sum, as printed.
        matrices: All of them, for the script: ``title``, ``mean`` (whether it is one) and ``cells``.
    """

    title: str
    names: list[str]
    indices: list[int]
    groups: list[MatrixGroup]
    cells: list[list[MatrixCell]]
    totals: list[str]
    mapped: list[str]
    scored: str
    matrices: list[dict[str, Any]]


def confusion_view(comparison: ViewComparison, indices: dict[str, int]) -> ConfusionView:
    """Gather a scene's matrices.

    Args:
        comparison: The scene; it has one map at least.
        indices: Each class's place in the page's list.
    """
    matrices: list[dict[str, Any]] = []
    groups = []
    for value, own, counts in zip(comparison.values, comparison.scored, comparison.confusions(), strict=True):
        if not own:
            continue
        options = []
        if len(own) > 1:
            label = f"mean of {len(own)}"
            options.append(MatrixOption(len(matrices), label))
            mean = np.round(counts.mean(axis=0), 4).tolist()  # shown to tenths, summed as it is
            matrices.append({"title": f"{value.name}, {label} replicates", "mean": True, "cells": mean})
        for s, matrix in zip(own, counts, strict=True):
            label = f"seed {s.replicate.seed}"
            options.append(MatrixOption(len(matrices), label))
            matrices.append({"title": f"{value.name}, {label}", "mean": False, "cells": matrix.tolist()})
        groups.append(MatrixGroup(value.name, options))
    first = np.array(matrices[0]["cells"], dtype=np.float64)
    digits = 1 if matrices[0]["mean"] else 0
    return ConfusionView(
        title=matrices[0]["title"],
        names=comparison.names,
        indices=[indices[name] for name in comparison.names],
        groups=groups,
        cells=_cells(first, digits),
        totals=[f"{n:,.{digits}f}" for n in first.sum(axis=1)],
        mapped=[f"{n:,.{digits}f}" for n in first.sum(axis=0)],
        scored=f"{first.sum():,.{digits}f}",
        matrices=matrices,
    )


def _cells(matrix: NDArray[np.float64], digits: int) -> list[list[MatrixCell]]:
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return [
        [
            _cell(float(n), math.sqrt(float(share[i, j])), digits, agrees=i == j)
            for j, n in enumerate(line)
        ]
        for i, line in enumerate(matrix)
    ]  # fmt: skip


def _cell(n: float, strength: float, digits: int, *, agrees: bool) -> MatrixCell:
    kind = "agrees" if agrees else "differs"
    kind += " strong" if strength > 0.72 else ""
    return MatrixCell(f"{n:,.{digits}f}" if n else "·", kind if n else f"{kind} zero", round(strength, 3))
