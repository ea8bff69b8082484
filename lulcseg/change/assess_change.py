"""Accuracy and area of a change: a change map against reference points of both dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.assessment import design_estimators as estimators
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.class_sources import MapSource
from lulcseg.assessment.design import FEW_POINTS, POST_STRATIFIED, SIMPLE_RANDOM, UNKNOWN, DesignBased, Stratum
from lulcseg.assessment.design_based import (
    DesignRequest,
    PointStrata,
    points_in_strata,
    with_design,
)
from lulcseg.assessment.design_strata import MapSizes, map_sizes
from lulcseg.assessment.score_points import assess
from lulcseg.change.change_points import ChangePoints, read_change_points
from lulcseg.change.change_record import ChangeRecord
from lulcseg.change.change_strata import OTHER
from lulcseg.errors import LulcsegError
from lulcseg.files import write_json
from lulcseg.maps.as_written import checksum
from lulcseg.scene.file_names import FileName
from lulcseg.scene.format_quantities import format_hectares
from lulcseg.scene.points import NO_CLASS

CHANGE, SAME = "change", "no change"
"""The two classes that all pairs are, too."""


@dataclass(frozen=True, eq=False)
class ChangeAssessment:
    """What points of both dates say of a change map.

    Attributes:
        pairs: The assessment of all from–to pairs; its ``design_based`` holds accuracy and area of each.
        change: Estimates of the two classes change and no change; None if the design allows none.
        transitions: Of each class of ``pairs``, the places of its two classes in the legend of both dates.
        labels: What the dates are called.
        map_checksum: SHA-256 of the change map, as a multihash.
    """

    pairs: Assessment
    change: DesignBased | None
    transitions: tuple[tuple[int, int], ...]
    labels: tuple[str, str]
    map_checksum: str

    def save(self, stem: Path) -> None:
        """Write ``<stem>.json`` and its tables as of any assessment, and ``<stem>_change.json``."""
        self.pairs.save(stem)
        plain = {
            "dates": list(self.labels),
            "map_checksum": self.map_checksum,
            "design_based": None if self.change is None else self.change.to_plain(),
        }
        write_json(stem.with_name(f"{stem.name}_change.json"), plain)


def assess_change(
    mapped: Path,
    points: FileName,
    record: ChangeRecord,
    *,
    columns: str | None = None,
    layer: str | None = None,
    crs: str | None = None,
    request: DesignRequest | None = None,
    stratum_column: str | None = None,
) -> ChangeAssessment:
    """Compare a change map with reference points that carry the classes of both dates.

    Args:
        mapped: The change map.
        points: The points.
        record: The map's record.
        columns: Both columns, as ``class_2015,class_2018``; None: found (:func:`read_change_points`).
        layer: Layer of the points.
        crs: CRS of the points, if their file states none (CSV).
        request: How the points were drawn; default: as recorded in their file.
        stratum_column: Column of the points' stratum; default: ``stratum``, if present.

    Raises:
        LulcsegError: The points can't be read, are of another pair of dates or off the map, or a design is requested
            that they don't fit.
    """
    read = read_change_points(points, record, mapped, columns=columns, layer=layer, crs=crs, stratum=stratum_column)
    legend = read.codes.legend()
    result = assess(read.frame, MapSource(mapped, legend), legend, scene=mapped.stem, compared="map", reference=points)
    if result.scores.n_scored == 0:
        reasons = ", ".join(f"{count} {reason}" for reason, count in result.excluded.items())
        if set(result.excluded) <= {NO_CLASS}:
            raise LulcsegError(
                f"none of its {result.n_points:,} points has a class of both dates",
                where=points,
                remedy=f"fill in {' and '.join(read.columns)}, an interpreter's work, and assess again",
            )
        raise LulcsegError(
            f"no point lies on the map of {mapped.name} ({reasons})", where=points, remedy="check location and CRS"
        )
    try:
        result, change = _estimated(result, request or DesignRequest(), mapped, points, read)
    except LulcsegError as error:
        if request is not None:
            raise
        result, change = replace(result, design_note=f"No design-based estimates: {error}"), None
    return ChangeAssessment(result, change, read.codes.pairs, record.labels, checksum(mapped))


def _estimated(
    result: Assessment, request: DesignRequest, mapped: Path, points: FileName, read: ChangePoints
) -> tuple[Assessment, DesignBased | None]:
    """Add the estimates of all pairs, and return those of change as a whole."""
    design = request.resolved(points)
    places = read.frame.geometry
    if design == UNKNOWN:
        return with_design(result, request, mapped, points, places), None
    sizes = map_sizes(mapped, result.legend)
    moved = np.array([i != j for i, j in read.codes.pairs])
    if design == POST_STRATIFIED:
        found = _pooled(result, sizes, moved)
        of_pairs, of_change = (_post_stratified(_from_strata(result, found, sizes, how)) for how in (None, moved))
        return replace(result, design=design, design_based=of_pairs, design_note=""), of_change
    # all pixels are counted already
    result = with_design(result, request, mapped, points, places, pixels=sizes.pixels.tolist())
    if design == SIMPLE_RANDOM:
        return result, _of_random(result, sizes, moved)
    change = _from_strata(result, points_in_strata(result, request, sizes, points, places), sizes, moved)
    assert result.design_based is not None
    return result, replace(change, sentence=result.design_based.sentence, strata=result.design_based.strata)


def _pooled(result: Assessment, sizes: MapSizes, moved: NDArray[np.bool_]) -> PointStrata:
    """Group points drawn at random by the map's pairs; those with few points are pooled, change and no change apart."""
    table = result.points
    assert table is not None
    scored = (table["excluded"] == "").to_numpy()
    names = result.legend.names
    index = {name: k for k, name in enumerate(names)}
    shown = table["map"].map(index).to_numpy()
    shown = np.where(scored, np.nan_to_num(shown.astype(np.float64), nan=-1), -1).astype(np.int64)
    number = np.bincount(shown[scored], minlength=len(names))
    place = np.full(len(names), -1, dtype=np.int64)
    strata: list[Stratum] = []
    for kind, pooled in ((False, "other unchanged ground"), (True, OTHER)):
        members = np.flatnonzero((moved == kind) & (sizes.pixels > 0))
        groups = [([int(k)], names[k]) for k in members if number[k] >= FEW_POINTS]
        rest = [int(k) for k in members if number[k] < FEW_POINTS]
        if rest and number[rest].sum() < FEW_POINTS and groups:
            groups.sort(key=lambda group: number[group[0][0]])  # too few by themselves: with the next in points
            rest, groups = [*groups[0][0], *rest], groups[1:]
        groups += [(rest, pooled)] if rest else []
        for own, name in groups:
            place[own] = len(strata)
            strata.append(Stratum(name, float(sizes.pixels[own].sum()), float(sizes.hectares[own].sum())))
    which = np.where(shown >= 0, place[shown], -1)
    return PointStrata(strata, None, which, scored, np.zeros(len(table), dtype=np.bool_))


def _from_strata(
    result: Assessment, found: PointStrata, sizes: MapSizes, moved: NDArray[np.bool_] | None
) -> DesignBased:
    """Estimate from points in strata: of all pairs, or, told which of them are changes, of change as a whole."""
    lead, names = _collapsed(result, moved)
    reference, shown = (lead[index] for index in _pairs_of(result, found.scored))
    counts, outside = found.counts(reference, shown, len(names))
    mapped = np.bincount(lead, sizes.hectares, minlength=len(names))
    return estimators.stratified_elsewhere(counts, found.strata, names, mapped, outside)


def _post_stratified(found: DesignBased) -> DesignBased:
    """Return estimates named as what they are: of points whose strata were formed after they were drawn."""
    hectares, points = sum(s.hectares for s in found.strata), sum(s.points for s in found.strata)
    return replace(
        found,
        design=POST_STRATIFIED,
        estimator="strata formed of the change map's classes, rare ones pooled (Stehman 2014, eqs. 2, 25, 28); errors "
        "are conditional on the points in each",
        sentence=f"Estimates for the {format_hectares(hectares)} ha that the map covers, from {points:,} points drawn "
        f"at random, grouped afterwards by {len(found.strata)} strata of the change map.",
    )


def _of_random(result: Assessment, sizes: MapSizes, moved: NDArray[np.bool_]) -> DesignBased:
    lead, names = _collapsed(result, moved)
    confusion = np.zeros((2, 2))
    np.add.at(confusion, (lead[:, None], lead[None, :]), result.confusion)
    mapped = np.bincount(lead, sizes.hectares, minlength=2)
    return estimators.simple_random(confusion, names, float(sizes.hectares.sum()), mapped)


def _collapsed(result: Assessment, moved: NDArray[np.bool_] | None) -> tuple[NDArray[np.int64], Sequence[str]]:
    """Return each pair's class in an estimate, and the classes' names: themselves, or change and no change."""
    if moved is None:
        return np.arange(len(result.legend)), result.legend.names
    return np.where(moved, 0, 1), (CHANGE, SAME)


def _pairs_of(result: Assessment, scored: NDArray[np.bool_]) -> list[NDArray[Any]]:
    """Return reference and map of the scored points, as places in the legend."""
    assert result.points is not None
    index = {name: k for k, name in enumerate(result.legend.names)}
    return [result.points[side].map(index)[scored].to_numpy(dtype=np.int64) for side in ("reference", "map")]
