"""Confusion matrices on the page of a trial: the mean of each value's, and each replicate's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lulcseg.report.matrix_cells import MatrixCell, matrix_cells
from lulcseg.report.trial.score_views import ViewComparison


@dataclass(frozen=True)
class MatrixOption:
    """One matrix to choose: its place in the list, and its label."""

    place: int
    label: str


@dataclass(frozen=True)
class MatrixGroup:
    """A value's matrices."""

    label: str
    options: list[MatrixOption]


@dataclass(frozen=True)
class ConfusionView:
    """The matrices of one scene; the first is in the page, the script replaces it by the chosen one.

    Attributes:
        title: Title of the first matrix.
        names: The classes.
        indices: Their places in the page's list of classes.
        groups: The choices.
        cells: The first matrix.
        totals: Its row sums, as printed.
        mapped: Its column sums, as printed.
        scored: Its sum, as printed.
        matrices: All matrices, for the script: ``title``, ``mean`` (whether it is a mean) and ``cells``.
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
        comparison: The scene, with at least one map.
        indices: Each class's place in the page's list of classes.
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
            mean = np.round(counts.mean(axis=0), 4).tolist()  # printed to tenths; sums need more digits
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
        cells=matrix_cells(first, digits),
        totals=[f"{n:,.{digits}f}" for n in first.sum(axis=1)],
        mapped=[f"{n:,.{digits}f}" for n in first.sum(axis=0)],
        scored=f"{first.sum():,.{digits}f}",
        matrices=matrices,
    )
