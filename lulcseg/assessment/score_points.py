"""Comparing a map (or the digitised polygons) with reference points."""

from __future__ import annotations

from collections import Counter

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.assessment.assessment import Assessment, Compared, SubsetScores
from lulcseg.assessment.class_sources import OFF_LABELS, OFF_MAP, WITHOUT_CLASS, ClassSource
from lulcseg.assessment.confusion import confusion_matrix
from lulcseg.assessment.scores import score
from lulcseg.legend import Legend
from lulcseg.scene.file_names import FileName

NO_POSITION = "no position"
NOT_SCORABLE = "not scorable"

_CARRIED = ("interpreter", "stratum", "weight")
"""Columns of the reference points that are copied to the point table, for estimators that need them."""


def assess(
    reference_points: gpd.GeoDataFrame,
    source: ClassSource,
    legend: Legend,
    *,
    scene: str,
    compared: Compared,
    reference: str | FileName,
    mosaic: str | None = None,
    design: str = "unknown",
    in_training: NDArray[np.bool_] | None = None,
) -> Assessment:
    """Compare a source's classes with the reference at points.

    Every point is counted either in the confusion matrix or under a reason in ``excluded``.

    Args:
        reference_points: Columns ``class_index`` (int, −1 = not scorable), ``reason`` (str, '' if
            scorable) and point geometry, in any CRS; optionally ``feature`` (else the frame's
            index names the point), ``second_index``, ``interpreter``, ``stratum``, ``weight``.
        source: What to compare with: a map, labels, polygons.
        legend: The classes of both.
        scene: Name of the scene.
        compared: Whether the source is a ``map`` or the digitised ``labels``.
        reference: Path of the points, for the record.
        mosaic: The mosaic setting that the map was made with ("single", "multiple"), if any.
        design: How the points were drawn, for the record (see :mod:`lulcseg.assessment.design_based`).
        in_training: (n,) bool: whether the point lies inside a training patch. If given, scores
            inside and outside are recorded beside those of all points.

    Returns:
        The assessment; its scores are NaN if no point could be scored.
    """
    points = reference_points.geometry
    index = reference_points["class_index"].to_numpy(dtype=np.int64)
    reason = _reference_reasons(reference_points, index)
    mapped = np.full(len(points), -1, dtype=np.int64)

    off = OFF_MAP if compared == "map" else OFF_LABELS
    x, y = _coordinates(points.to_crs(source.crs))
    reason[(reason == "") & ~(np.isfinite(x) & np.isfinite(y))] = off  # not defined in the source's CRS
    asked = np.flatnonzero(reason == "")
    mapped[asked], reason[asked] = source.classes_at(x[asked], y[asked])

    scored = reason == ""
    confusion = confusion_matrix(index[scored], mapped[scored], len(legend))
    without_class = np.isin(reason, list(WITHOUT_CLASS)) & (index >= 0)
    table = _point_table(reference_points, legend, index, mapped, reason)
    if in_training is not None:
        table["subset"] = np.where(in_training, "inside training", "outside training")
    return Assessment(
        scene=scene,
        compared=compared,
        source=source.origin,
        reference=str(reference),
        mosaic=mosaic,
        design=design,
        places="points",
        legend=legend,
        confusion=confusion,
        scores=score(confusion),
        n_points=len(points),
        excluded=dict(sorted(Counter(reason[~scored].tolist()).items())),
        unmapped=tuple(np.bincount(index[without_class], minlength=len(legend)).tolist()),
        points=table,
        subsets=_subsets(index, mapped, scored, in_training, len(legend)),
    )


def _coordinates(points: gpd.GeoSeries) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.asarray(points.x, dtype=np.float64), np.asarray(points.y, dtype=np.float64)


def _reference_reasons(points: gpd.GeoDataFrame, index: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return why a point can't be scored, from the reference alone ('' if it can)."""
    reason: NDArray[np.object_] = points["reason"].fillna("").astype(str).to_numpy(dtype=object, copy=True)
    placeless = (points.geometry.isna() | points.geometry.is_empty).to_numpy()
    reason[(reason == "") & placeless] = NO_POSITION
    reason[(reason == "") & (index < 0)] = NOT_SCORABLE
    return reason


def _point_table(
    points: gpd.GeoDataFrame,
    legend: Legend,
    index: NDArray[np.int64],
    mapped: NDArray[np.int64],
    reason: NDArray[np.object_],
) -> pd.DataFrame:
    """One row a point, in the reference's order; x and y in the reference's CRS."""
    x, y = _coordinates(points.geometry)
    scored = reason == ""
    names = np.array([*legend.names, ""], dtype=object)  # index −1 picks the empty name
    table = pd.DataFrame(
        {
            "point": (points["feature"] if "feature" in points.columns else points.index).to_numpy(),
            "x": x,
            "y": y,
            "reference": names[index],
            "map": names[mapped],
            "agrees": np.where(scored, np.where(index == mapped, "yes", "no"), ""),
            "excluded": reason,
        }
    )
    if "second_index" in points.columns:
        second = points["second_index"].fillna(-1).to_numpy(dtype=np.int64)
        table["second_choice"] = names[np.where(second < len(legend), second, -1)]  # 255: ignored by a crosswalk
    for column in _CARRIED:
        if column in points.columns:
            table[column] = points[column].to_numpy()
    return table


def _subsets(
    index: NDArray[np.int64],
    mapped: NDArray[np.int64],
    scored: NDArray[np.bool_],
    in_training: NDArray[np.bool_] | None,
    n_classes: int,
) -> dict[str, SubsetScores]:
    if in_training is None:
        return {}
    subsets = {}
    for name, part in (("inside_training", in_training), ("outside_training", ~in_training)):
        chosen = scored & part
        scores = score(confusion_matrix(index[chosen], mapped[chosen], n_classes))
        subsets[name] = SubsetScores(
            scores.n_scored, scores.overall_accuracy, scores.kappa, scores.mean_f1, scores.classes_averaged
        )
    return subsets
