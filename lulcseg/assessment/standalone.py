"""Assessing two files that somebody hands over: ``lulcseg assess map.tif points.gpkg``."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from rasterio.errors import RasterioIOError

from lulcseg.assessment.assess import assess
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.classraster import ClassRaster, codes_in, open_raster
from lulcseg.assessment.pixels import NO_REFERENCE, PolygonReader, assess_pixels
from lulcseg.assessment.points import NO_MAP_DATA, OFF_MAP, ClassSource, LabelReader, MapSource, PolygonSource
from lulcseg.assessment.scores import score
from lulcseg.assessment.vectorfile import (
    NO_CLASS,
    are_points,
    class_column,
    class_indices,
    distinct_classes,
    read_features,
)
from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, LandClass, Legend

LEGEND_TAG = "LULCSEG_LEGEND"
"""TIFF tag in which our maps carry their legend, as JSON of :meth:`Legend.to_plain`."""

OFF_REFERENCE = "off the reference"

_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999", "#000000")
"""Okabe and Ito's colour-blind-safe set, for legends that nobody gave colours."""


class _Side:
    """One of the two files: a raster, points or polygons."""

    def __init__(self, path: Path, column: str | None) -> None:
        self.path = path
        self.features: gpd.GeoDataFrame | None = None if _is_raster(path) else read_features(path)
        self.is_points = self.features is not None and are_points(self.features, path)
        self.column = None if self.features is None else class_column(self.features, column, path)

    @property
    def is_raster(self) -> bool:
        return self.features is None

    def classes(self) -> list[str]:
        """Return the class names or codes that occur in the file, as text."""
        if self.features is None:
            return codes_in(self.path)
        return distinct_classes(self.features[self.column])

    def indexed(self, legend: Legend) -> gpd.GeoDataFrame:
        """Return the features with ``class_index`` and ``reason``."""
        assert self.features is not None
        index = class_indices(self.features[self.column], legend, self.path)
        reason = np.where(index < 0, NO_CLASS, "")
        return self.features.assign(class_index=index, reason=reason)

    def source(self, legend: Legend) -> ClassSource:
        """Return what looks classes up at points."""
        if self.is_raster:
            return MapSource(self.path, legend)
        polygons = self.indexed(legend)
        return PolygonSource(polygons[polygons["class_index"] >= 0], self.path)


def assess_files(
    reference: Path,
    mapped: Path,
    *,
    reference_column: str | None = None,
    mapped_column: str | None = None,
    legend: Legend | None = None,
) -> Assessment:
    """Compare a map with a reference, each of them points, polygons or a class raster.

    Where one of the two is points, the other's class is looked up there. Else they are compared on
    every pixel of the raster (the map's pixels, if both are rasters).

    Args:
        reference: The reference.
        mapped: The map.
        reference_column: Column of the reference's class; default: the one plainly meant.
        mapped_column: The same for the map, where it is a vector file.
        legend: The classes; default: the legend a map of ours carries, else the classes that occur.

    Raises:
        LulcsegError: A file is missing, unreadable, has no CRS, no class column or classes that
            the legend lacks; the two can't be compared; or they don't meet on the ground.
    """
    ref, shown = _Side(reference, reference_column), _Side(mapped, mapped_column)
    if not (ref.is_points or shown.is_points or ref.is_raster or shown.is_raster):
        raise LulcsegError(
            "two polygon files share no places to compare", where=mapped, remedy="give points or a raster on one side"
        )
    if ref.is_points and shown.is_points:
        raise LulcsegError(
            "both files hold points", where=mapped, remedy="give a map or polygons to look the classes up in"
        )
    legend = legend or _carried_legend(shown) or _carried_legend(ref) or _found_legend(ref, shown)
    result = _at_points(ref, shown, legend) if ref.is_points or shown.is_points else _on_pixels(ref, shown, legend)
    if result.scores.n_scored == 0:
        reasons = ", ".join(f"{count} {reason}" for reason, count in result.excluded.items())
        place = "point lies on the map" if result.places == "points" else "pixel has a class on both sides"
        raise LulcsegError(f"no {place} of {mapped.name} ({reasons})", where=reference, remedy="check place and CRS")
    return result


def _at_points(ref: _Side, shown: _Side, legend: Legend) -> Assessment:
    """Look one side up at the other's points; rows of the matrix stay the reference."""
    points, looked_up = (ref, shown) if ref.is_points else (shown, ref)
    result = assess(
        points.indexed(legend),
        looked_up.source(legend),
        legend,
        scene=shown.path.stem,
        compared="map" if looked_up.is_raster else "labels",
        reference=points.path,
    )
    return result if points is ref else _swapped(result)


def _swapped(result: Assessment) -> Assessment:
    """Exchange the sides, where the points are the map's classes and not the reference's."""
    confusion = result.confusion.T.copy()
    renamed = {OFF_MAP: OFF_REFERENCE, NO_MAP_DATA: NO_REFERENCE}
    table = None
    if result.points is not None:
        table = result.points.rename(columns={"reference": "map", "map": "reference"})
        table["excluded"] = table["excluded"].replace(renamed)
    return replace(
        result,
        compared="map",
        source=result.reference,
        reference=result.source,
        confusion=confusion,
        scores=score(confusion),
        excluded={renamed.get(reason, reason): count for reason, count in result.excluded.items()},
        unmapped=(0,) * len(result.legend),
        points=table,
    )


def _on_pixels(ref: _Side, shown: _Side, legend: Legend) -> Assessment:
    base, other = (shown, ref) if shown.is_raster else (ref, shown)
    with ExitStack() as stack:
        pixels = stack.enter_context(ClassRaster(base.path, legend))
        second: LabelReader
        if other.is_raster:
            second = stack.enter_context(ClassRaster(other.path, legend, on=pixels.grid))
        else:
            polygons = other.indexed(legend).to_crs(pixels.crs)
            second = PolygonReader(polygons[polygons["class_index"] >= 0], pixels.grid)
        return assess_pixels(
            second if base is shown else pixels,
            pixels if base is shown else second,
            pixels.grid,
            legend,
            scene=shown.path.stem,
            source=shown.path,
            reference_path=ref.path,
        )


def _is_raster(path: Path) -> bool:
    if not path.exists():
        raise LulcsegError("no such file", where=path, remedy="check the path")
    try:
        with rasterio.open(path):
            return True
    except RasterioIOError:
        return False


def _carried_legend(side: _Side) -> Legend | None:
    """Return the legend that one of our maps carries in its tag."""
    if not side.is_raster:
        return None
    with open_raster(side.path) as data:
        tag = data.tags().get(LEGEND_TAG)
    if tag is None:
        return None
    try:
        return Legend.from_plain(json.loads(tag))
    except (ValueError, TypeError) as error:
        raise LulcsegError(f"its {LEGEND_TAG} tag is no legend", where=side.path, remedy="give a legend") from error


def _found_legend(ref: _Side, shown: _Side) -> Legend:
    """Make a legend of the classes that occur: codes as they are, or names in alphabetical order."""
    found = sorted(set(ref.classes()) | set(shown.classes()))
    codes = [text for text in found if text.isdecimal() and int(text) < IGNORE]
    if len(codes) == len(found):
        return _coloured([(int(c), f"class {c}") for c in sorted(codes, key=int)])
    if ref.is_raster or shown.is_raster:
        raster, named = (ref, shown) if ref.is_raster else (shown, ref)
        raise LulcsegError(
            f"carries no legend, and {named.path.name} names its classes ({', '.join(named.classes()[:4])}, …)",
            where=raster.path,
            remedy="give a legend that says which code is which class",
        )
    return _coloured(list(enumerate(found)))


def _coloured(classes: list[tuple[int, str]]) -> Legend:
    return Legend(tuple(LandClass(code, name, _COLOURS[i % len(_COLOURS)]) for i, (code, name) in enumerate(classes)))
