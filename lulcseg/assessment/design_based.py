"""From an assessment at points to estimates for the whole map, depending on how the points were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.assessment import design_estimators as estimators
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.class_sources import OFF_MAP, WITHOUT_CLASS, MapSource
from lulcseg.assessment.design import (
    AGREEMENT_ONLY,
    DESIGNS,
    POST_STRATIFIED,
    SIMPLE_RANDOM,
    STRATIFIED,
    UNKNOWN,
    DesignBased,
    Stratum,
)
from lulcseg.assessment.design_strata import (
    MapSizes,
    assign_strata,
    map_sizes,
    stored_design,
    stored_strata,
    strata_of_map,
    strata_of_table,
    strata_of_weights,
)
from lulcseg.assessment.point_design import PointDesign
from lulcseg.assessment.probability_points import PointProbabilities
from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.legend import Legend
from lulcseg.scene.file_names import FileName


@dataclass(frozen=True, slots=True)
class DesignRequest:
    """How points were drawn, as far as stated.

    Attributes:
        design: One of :data:`~lulcseg.assessment.design.DESIGNS`; None for the design recorded in the points' file.
        strata_map: Class raster whose classes were the strata.
        strata_sizes: CSV file of the strata's sizes.
    """

    design: str | None = None
    strata_map: FileName | None = None
    strata_sizes: Path | None = None

    def resolved(self, points: FileName) -> str:
        """Return the design, from the request or the points' file.

        Raises:
            LulcsegError: An unknown design, or one that the file contradicts.
        """
        stored = stored_design(points)
        design = self.design or stored or (STRATIFIED if self.strata_map or self.strata_sizes else UNKNOWN)
        if design not in DESIGNS:
            raise LulcsegError(f"there is no design '{design}'", where="design", remedy=did_you_mean(design, DESIGNS))
        if stored == STRATIFIED and design in {SIMPLE_RANDOM, POST_STRATIFIED}:
            raise LulcsegError(
                f"its points were drawn by strata, so they can't be estimated from as {design}",
                where=points,
                remedy="leave out the design",
            )
        return design


def with_design(
    result: Assessment,
    request: DesignRequest,
    map_path: FileName,
    points_path: FileName,
    places: gpd.GeoSeries,
    *,
    pixels: Sequence[int] | None = None,
    probabilities: PointProbabilities | None = None,
) -> Assessment:
    """Add design-based estimates for the whole map to an assessment.

    Args:
        result: A map's assessment at points.
        request: How the points were drawn.
        map_path: The map, a class raster of the assessment's legend.
        points_path: The points' file; a sample drawn by ``lulcseg reference`` contains its strata.
        places: Positions of the points, in the order of the assessment's table.
        pixels: Pixels of each class on the whole map, if known; else they are counted.
        probabilities: The map's probabilities at the scored points, to score too; None: there are none.

    Raises:
        LulcsegError: The design needs what is missing: strata, their sizes, two points in each.
    """
    design = request.resolved(points_path)
    if design == UNKNOWN:
        return _with_reliability(replace(result, design=design, design_note=AGREEMENT_ONLY), probabilities, None)
    assert result.points is not None
    sizes = map_sizes(map_path, result.legend, pixels)
    names = result.legend.names
    if design == SIMPLE_RANDOM:
        found = estimators.simple_random(result.confusion, names, float(sizes.hectares.sum()), sizes.hectares)
        of_points = PointDesign.simple_random(result.scores.n_scored)
    elif design == POST_STRATIFIED:
        found, of_points = _by_map(result, sizes, POST_STRATIFIED)
    else:
        found, of_points = _stratified(result, request, sizes, points_path, places)
    result = replace(result, design=design, design_based=found, design_note="")
    return _with_reliability(result, probabilities, of_points)


def with_design_if_possible(
    result: Assessment,
    request: DesignRequest,
    map_path: FileName,
    points_path: FileName,
    places: gpd.GeoSeries,
    *,
    pixels: Sequence[int] | None = None,
    probabilities: PointProbabilities | None = None,
) -> Assessment:
    """As :func:`with_design`, but if that is refused, return the assessment with the reason in its note."""
    try:
        return with_design(result, request, map_path, points_path, places, pixels=pixels, probabilities=probabilities)
    except LulcsegError as error:
        result = replace(result, design_note=f"No design-based estimates: {error}")
        return _with_reliability(result, probabilities, None)


def _with_reliability(
    result: Assessment, probabilities: PointProbabilities | None, design: PointDesign | None
) -> Assessment:
    """Add the scores of the probabilities; without a design, as plain means at the points."""
    if probabilities is None:
        return result
    named = UNKNOWN if design is None else result.design
    design = design or PointDesign.unknown(len(probabilities.reference))
    return replace(result, reliability=probabilities.reliability(design, named))


def _by_map(result: Assessment, sizes: MapSizes, design: str) -> tuple[DesignBased, PointDesign]:
    """Estimate from points whose strata are the map's classes; also return the scored points' design."""
    names = result.legend.names
    found = estimators.stratified_by_map(result.confusion, sizes.pixels, names, sizes.pixel_hectares, design=design)
    assert result.points is not None
    kept = [name for name, n in zip(names, sizes.pixels, strict=True) if n]
    shown = result.points["map"][result.points["excluded"] == ""]
    stratum = shown.map({name: h for h, name in enumerate(kept)}).to_numpy(dtype=np.int64)
    size = sizes.pixels[sizes.pixels > 0].astype(np.float64)
    return found, PointDesign.of_strata(stratum, size, size)


def _stratified(
    result: Assessment, request: DesignRequest, sizes: MapSizes, points_path: FileName, places: gpd.GeoSeries
) -> tuple[DesignBased, PointDesign]:
    """Estimate from points drawn by strata; also return the scored points' design."""
    found = points_in_strata(result, request, sizes, points_path, places)
    table, strata, which, scored = result.points, found.strata, found.which, found.scored
    assert table is not None
    names = {str(c.code): c.name for c in found.legend or result.legend}
    classes = np.array([names.get(s.name, s.name) for s in strata], dtype=object)
    same = bool((classes[which[scored]] == table["map"].to_numpy()[scored]).all())
    if same and _are_the_maps(classes, strata, result.legend, sizes):
        return _by_map(result, sizes, STRATIFIED)
    index = {name: k for k, name in enumerate(result.legend.names)}
    reference, mapped = (table[side].map(index)[scored].to_numpy(dtype=np.int64) for side in ("reference", "map"))
    counts, outside = found.counts(reference, mapped, len(result.legend))
    estimates = estimators.stratified_elsewhere(counts, strata, result.legend.names, sizes.hectares, outside)
    kept = [h for h, s in enumerate(strata) if s.hectares > 0]  # no other has points: the estimates would be refused
    size, units = (np.array([getattr(strata[h], name) for h in kept]) for name in ("hectares", "pixels"))
    stratum = np.searchsorted(kept, which[scored])
    return estimates, PointDesign.of_strata(stratum, size, units, outside[kept], corrected=True)


@dataclass(frozen=True, eq=False)
class PointStrata:
    """An assessment's points in the strata that they were drawn by.

    Attributes:
        strata: The H strata.
        legend: Classes whose codes name the strata; None: none do.
        which: (n,) index of each point's stratum, −1 where the point counts nowhere.
        scored: (n,) whether it is compared with the map.
        outside: (n,) whether it lies where the map has no class.
    """

    strata: Sequence[Stratum]
    legend: Legend | None
    which: NDArray[np.int64]
    scored: NDArray[np.bool_]
    outside: NDArray[np.bool_]

    def counts(
        self, reference: NDArray[np.integer], mapped: NDArray[np.integer], classes: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the counts (H, K, K) of scored points by stratum, reference and map, and (H,) those outside.

        Args:
            reference: (m,) class indices of the scored points.
            mapped: (m,) the map's.
            classes: Their number K.
        """
        counts, outside = np.zeros((len(self.strata), classes, classes)), np.zeros(len(self.strata))
        np.add.at(counts, (self.which[self.scored], reference, mapped), 1)
        np.add.at(outside, self.which[self.outside], 1)
        return counts, outside


def points_in_strata(
    result: Assessment, request: DesignRequest, sizes: MapSizes, points_path: FileName, places: gpd.GeoSeries
) -> PointStrata:
    """Return an assessment's points in the strata that they were drawn by.

    Args:
        result: A map's assessment at points.
        request: How the points were drawn.
        sizes: Extents of the map's classes.
        points_path: The points' file.
        places: Positions of the points, in the order of the assessment's table.

    Raises:
        LulcsegError: The points' strata or their sizes are unknown.
    """
    table = result.points
    assert table is not None
    scored = (table["excluded"] == "").to_numpy()
    off = table["excluded"].isin([OFF_MAP, *WITHOUT_CLASS]).to_numpy()
    strata, own, named = _strata(table, request, sizes, points_path, places)
    which = np.full(len(table), -1, dtype=np.int64)
    which[scored | off] = assign_strata(named[scored | off], strata, own, points_path)
    return PointStrata(strata, own, which, scored, off)


def _strata(
    table: pd.DataFrame, request: DesignRequest, sizes: MapSizes, points_path: FileName, places: gpd.GeoSeries
) -> tuple[Sequence[Stratum], Legend | None, NDArray[Any]]:
    """Return the strata, the legend whose codes name them (if any), and each point's stratum."""
    named = table["stratum"].to_numpy() if "stratum" in table.columns else None
    if request.strata_map is not None:
        strata, legend = strata_of_map(request.strata_map)
        return strata, legend, _looked_up(places, request.strata_map, legend) if named is None else named
    if named is None:
        raise LulcsegError(
            "its points are stratified, but no column names each point's stratum",
            where=points_path,
            remedy="name the column, or give the map whose classes were the strata",
        )
    if request.strata_sizes is not None:
        return strata_of_table(request.strata_sizes), None, named
    stored = stored_strata(points_path)
    if stored is not None:
        return stored, None, named
    if "weight" in table.columns:
        return strata_of_weights(named, table["weight"].to_numpy(), float(sizes.hectares.sum())), None, named
    raise LulcsegError(
        "its points are stratified, but the sizes of the strata are unknown",
        where=points_path,
        remedy="give the map whose classes were the strata, a table of sizes, or a column of weights",
    )


def _looked_up(places: gpd.GeoSeries, path: FileName, legend: Legend) -> NDArray[np.str_]:
    """Return the codes of the strata's map at the points ('' if it has none)."""
    source = MapSource(path, legend)
    there = places.to_crs(source.crs)
    x, y = np.asarray(there.x, dtype=np.float64), np.asarray(there.y, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    index = np.full(len(x), -1, dtype=np.int64)
    index[known], _ = source.classes_at(x[known], y[known])
    return np.array([*(str(c) for c in legend.codes), ""])[index]


def _are_the_maps(classes: NDArray[Any], strata: Sequence[Stratum], legend: Legend, sizes: MapSizes) -> bool:
    """Return whether strata named after these classes have the extents of the assessed map's classes."""
    extent = {name: s.pixels for name, s in zip(classes, strata, strict=True) if s.pixels}
    return extent == {name: float(n) for name, n in zip(legend.names, sizes.pixels, strict=True) if n}
