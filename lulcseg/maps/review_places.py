"""Finds where map and digitised labels disagree, for review: confident and large disagreements first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.polygons import PolygonLayer, check_geopackage_path, check_not_negative, open_aligned
from lulcseg.maps.review_form import MAP_REVIEW, REVIEW_LAYER
from lulcseg.maps.seams import Regions
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.maps.vectorise import (
    BACKGROUND,
    SHEET,
    ByteRaster,
    ReadWindow,
    StepCounter,
    count_sheets,
    to_map_coordinates,
    trace_regions,
)
from lulcseg.scene.ground_area import min_pixels, pixel_ground_area
from lulcseg.scene.labels import LabelReader
from lulcseg.scene.raster_headers import same_crs

SLIVER_PIXELS = 4.0
"""Width in pixels below which regions are omitted: a border digitised by hand is a few pixels off the visible one, so a
strip of this width along it is not a disagreement about the class."""

_PAIR = 256
"""A disagreement's value is the labelled class's index times this plus the mapped class's index."""


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """Counts of the regions written and omitted.

    Attributes:
        path: The GeoPackage.
        features: Number of regions written.
        area_m2: Their area.
        differing: Number of pixels in which map and labels disagree, in regions written or omitted.
        small: Number of regions omitted because they are smaller than the minimum area.
        slivers: Number of regions omitted because they are too narrow.
        unsure: Number of regions omitted because the map is not confident enough of its class there.
    """

    path: Path
    features: int
    area_m2: float
    differing: int
    small: int
    slivers: int
    unsure: int = 0


def write_review(  # noqa: PLR0917 (two rasters, the labels with their legend and grid, the output)
    raster: Path,
    confidence: Path,
    labels: LabelReader,
    legend: Legend,
    grid: Grid,
    out: Path,
    *,
    min_area: float,
    least_confidence: Sequence[float] | None = None,
    progress: Callable[[int, int], None] | None = None,
    sheet: int = SHEET,
) -> ReviewSummary:
    """Write the regions in which map and labels disagree, atomically.

    The layer ``review`` has a pixel-exact polygon for each region: 4-connected pixels of one labelled and one mapped
    class. Its columns: ``rank`` (from 1, by falling product of confidence and area), ``labelled`` and ``mapped``
    (names), ``area_m2``, ``area_ha``, ``confidence`` (the map's mean over the region, 0…1; missing if no pixel has
    one, and then ranked last) and ``width_m`` (twice the area divided by the length of the outline, holes included:
    the width of a long strip, half the side of a square); and, to be filled in, ``decision``, ``class``,
    ``interpreter`` and ``notes``. Regions below the minimum area or narrower than
    :data:`SLIVER_PIXELS` are omitted. If all are, the layer exists and is empty.

    Args:
        raster: The map: one band of legend codes, uint8, nodata 255, in a CRS in metres. It may cover a part of
            the labels' scene.
        confidence: Raster of the same pixels, uint8, in steps of 1/250, nodata 255.
        labels: Reads class indices of windows of ``grid``, (h, w) uint8, 255 where there is no label.
        legend: The classes.
        grid: The labels' scene's pixels.
        out: The GeoPackage.
        min_area: Minimum area of a region, in m².
        least_confidence: For each class, the mean confidence of a region mapped as it from which on it is written;
            infinity: never; None: all regions are.
        progress: Progress callback, called with (sheets done, total).
        sheet: Sheet size, in pixels.

    Returns:
        Counts of the regions written and omitted.

    Raises:
        LulcsegError: A raster can't be read or has the wrong type, a code is not in the legend, the rasters' pixels
            are not the labels', the output can't be written or is not a GeoPackage, or the area is negative.
    """
    check_not_negative("min_area", min_area)
    check_geopackage_path(out)
    with ExitStack() as stack:
        mapped = stack.enter_context(ByteRaster(raster))
        confidences = stack.enter_context(open_aligned(confidence, mapped))
        steps = StepCounter(progress, count_sheets(mapped.grid, sheet))
        layer = PolygonLayer(stack.enter_context(replacing(out)), REVIEW_LAYER, mapped.grid)
        read = _disagreement(mapped.classes(legend), labels, _offset(mapped, grid))
        fewest, kept, differing, small = min_pixels(min_area, mapped.grid), [], 0, 0
        for found in trace_regions(read, mapped.grid, confidence=confidences.read, sheet=sheet, done=steps):
            large = found.pixels >= fewest
            kept.append(found[large])
            differing, small = differing + int(found.pixels.sum()), small + int((~large).sum())
        found = Regions.joined(kept)
        outline = to_map_coordinates(found.outline, mapped.grid)
        area = found.pixels * pixel_ground_area(mapped.grid)
        width = 2 * found.pixels * mapped.grid.pixel_area / shapely.length(outline)
        wide = width >= SLIVER_PIXELS * np.sqrt(mapped.grid.pixel_area)
        sure = _is_sure(found, least_confidence)
        order = _ranked(found, wide & sure)
        layer.add(
            {
                "rank": np.arange(1, len(order) + 1),
                "labelled": np.array(legend.names, dtype=object)[found.value[order] // _PAIR],
                "mapped": np.array(legend.names, dtype=object)[found.value[order] % _PAIR],
                "area_m2": area[order],
                "area_ha": area[order] / 10_000,
                "confidence": found.confidence[order] / SHARE_STEPS,
                "width_m": width[order],
                **MAP_REVIEW.blanks(len(order)),
            },
            outline[order],
        )
        layer.finish()
    slivers, unsure = int((~wide).sum()), int((wide & ~sure).sum())
    return ReviewSummary(out, len(order), float(area[order].sum()), differing, small, slivers, unsure)


def _is_sure(found: Regions, least: Sequence[float] | None) -> NDArray[np.bool_]:
    """Return which regions the map is confident enough of; a region without a confidence is not, if that is asked."""
    if least is None:
        return np.ones(len(found), dtype=np.bool_)
    wanted = np.asarray(least, dtype=np.float64)[found.value.astype(np.int64) % _PAIR]
    return np.asarray(found.confidence / SHARE_STEPS >= wanted)


def _offset(mapped: ByteRaster, grid: Grid) -> Window:
    """Return the window of the labels' scene that a map covers."""
    at = grid.offset_of(mapped.grid) if same_crs(grid.crs, mapped.grid.crs) else None
    window = None if at is None else Window(*at, mapped.grid.height, mapped.grid.width)
    if window is None or not grid.window.contains(window):
        raise LulcsegError(
            "its pixels are not the labels'",
            where=mapped.path,
            remedy="give a map of the scene that the labels belong to, or of a part of it",
        )
    return window


def _disagreement(classes: ReadWindow, labels: LabelReader, place: Window) -> ReadWindow:
    """Return a reader of disagreements, uint16; :data:`BACKGROUND` where there is none.

    Class index 0 labelled and mapped would have the background's value too, but is not a disagreement.
    """

    def read(window: Window) -> NDArray[Any]:
        mapped = classes(window)
        label = labels.read(Window(place.row + window.row, place.col + window.col, window.height, window.width))
        index = mapped.astype(np.uint16) - np.uint16(1)
        seen = (mapped != BACKGROUND) & (label != IGNORE) & (label != index)
        return np.where(seen, label.astype(np.uint16) * np.uint16(_PAIR) + index, np.uint16(BACKGROUND))

    return read


def _ranked(found: Regions, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the indices of the regions to write, by rank; ties are sorted from top to bottom, then left to right."""
    weight = found.confidence * found.pixels  # lexsort puts NaN last
    left, top, _, _ = shapely.bounds(found.outline).reshape(-1, 4).T
    order = np.lexsort((found.value, left, top, -weight))
    return order[kept[order]]
