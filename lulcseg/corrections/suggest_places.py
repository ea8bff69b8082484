"""Suggests the next places to digitise or to check: the most uncertain squares of a map, apart from each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from lulcseg.change.change_record import read_change
from lulcseg.corrections.square_lattice import SquareLattice, choose_squares, exclude_near, sum_squares
from lulcseg.corrections.uncertainty_layers import UncertaintyLayer
from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.legend import Legend
from lulcseg.maps.as_written import check_as_written
from lulcseg.maps.classraster import carried_legend
from lulcseg.maps.polygons import check_geopackage_path, check_not_negative
from lulcseg.maps.review_form import REVIEW_LAYER, SUGGESTED
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.maps.styles import embed_style, review_style
from lulcseg.maps.vectorise import ByteRaster, ReadWindow
from lulcseg.progress import Progress
from lulcseg.scene.file_names import locate_layer
from lulcseg.scene.format_quantities import format_count
from lulcseg.scene.ground_area import pixel_ground_area
from lulcseg.scene.vectors import check_not_empty, read_vector
from lulcseg.seeds import check_seed

_READ = 1024
"""Longest side of what is read at a time, in pixels, unless a square is larger."""


@dataclass(frozen=True)
class SuggestRequest:
    """The requested places.

    Attributes:
        mapped: The class map.
        out: The GeoPackage, new.
        count: Most squares.
        size: Side of a square, in metres; rounded to whole pixels.
        distance: Least distance between two squares, edge to edge, in metres.
        outside: Points or polygons to stay away from, perhaps with ``|layername=`` or ``|crs=`` after the file.
        buffer: Least distance from them, in metres; None: as ``distance``.
        random_seed: Seed to draw the places at random instead; None: the most uncertain first.
        legend: The map's classes; None: those that it carries.
    """

    mapped: Path
    out: Path
    count: int = 50
    size: float = 20.0
    distance: float = 50.0
    outside: Sequence[str | PathLike[str]] = ()
    buffer: float | None = None
    random_seed: int | None = None
    legend: Legend | None = None


@dataclass(frozen=True)
class SuggestedPlaces:
    """What was suggested.

    Attributes:
        places: Number of squares.
        shape: Their shape in pixels (rows, columns).
        measure: What they were chosen by.
        notes: How many squares were left out for what is to be stayed away from, a sentence for each file.
    """

    places: int
    shape: tuple[int, int]
    measure: str
    notes: tuple[str, ...] = ()


def suggest_places(request: SuggestRequest, progress: Progress | None = None, *, block: int = _READ) -> SuggestedPlaces:
    """Write squares for an interpreter, the most uncertain first.

    The squares lie on a lattice from the map's upper left corner. One with a pixel of nodata is left out, and so is one
    within the buffer of what to stay away from. Of the others the most uncertain is taken, then the most uncertain of
    those that are far enough from all taken ones, and so on; of equal ones the first from the top left.

    The layer ``review`` has ``rank``, ``mapped`` (the most frequent class), ``mapped_share`` (its share of the square),
    ``uncertainty`` (mean, 0…1), ``measure`` (of what), ``area_ha`` and, to be filled in, ``decision``, ``class``,
    ``interpreter`` and ``notes``.

    Args:
        request: What to suggest.
        progress: Progress callback, called with (blocks done, total).
        block: Longest side of what is read at a time, in pixels.

    Raises:
        LulcsegError: The map has no legend, or nothing beside it that tells its uncertainty, a file can't be read or is
            empty, no square is left, or the output exists.
    """
    _check(request)
    path = request.mapped
    if read_change(path) is not None:
        raise LulcsegError(
            "it is a change map", where=path, remedy="lulcseg report of its folder writes the places to review"
        )
    legend = request.legend or carried_legend(path)
    if legend is None:
        raise LulcsegError(
            "carries no legend, and places are decided by the names of classes",
            where=path,
            remedy="give its classes with --legend (a YAML file with a legend: list)",
        )
    check_as_written(path)
    with ByteRaster(path) as mapped, UncertaintyLayer(mapped, legend) as layer:
        lattice = SquareLattice.of(mapped.grid, request.size, path)
        classes = mapped.classes(legend)
        sums = sum_squares(lattice, classes, layer.read, block=block, progress=progress)
        notes = tuple(_stay_away(each, request, sums, lattice) for each in request.outside)
        if (sums < 0).all():
            raise LulcsegError(
                f"no square of {lattice.rows} × {lattice.cols} pixels is without nodata"
                + (" and far enough from what to stay away from" if request.outside else ""),
                where=path,
                remedy="make --size smaller" + (", or --buffer" if request.outside else ""),
            )
        scores: NDArray[Any] = sums
        if request.random_seed is not None:
            draws = np.random.default_rng(request.random_seed).random(sums.shape)
            scores = np.where(sums >= 0, draws, -1.0)
        chosen = choose_squares(scores, lattice, request.distance, request.count)
        frame = _describe(chosen, sums, lattice, classes, legend, layer.measure)
    _write(frame, request.out, legend)
    measure = "chance" if scores is not sums else layer.measure
    return SuggestedPlaces(len(frame), (lattice.rows, lattice.cols), measure, notes)


def _stay_away(
    outside: str | PathLike[str], request: SuggestRequest, sums: NDArray[np.int64], lattice: SquareLattice
) -> str:
    """Leave out the squares near a file's points or polygons, and say how many."""
    file, named, crs = locate_layer(outside, "outside")
    frame = read_vector(file, named, lattice.grid.crs, [], own_crs=crs)
    check_not_empty(frame, file, "points or polygons to stay away from")
    around = frame.geometry.to_numpy()
    extent = shapely.box(*lattice.grid.bounds())
    there = int(shapely.intersects(around, extent).sum())
    left_out = exclude_near(sums, lattice, around, request.distance if request.buffer is None else request.buffer)
    near = format_count(left_out, "square was", "squares were")
    return f"{file.name}: {near} left out." if there else f"{file.name} has nothing on the map; {near} left out for it."


def _check(request: SuggestRequest) -> None:
    check_seed(request.random_seed or 0, "--random")
    check_geopackage_path(request.out)
    if request.out.exists():
        raise LulcsegError(
            "it exists already, and may contain an interpreter's work", where=request.out, remedy="choose another name"
        )
    check_not_negative("--distance", request.distance)
    check_not_negative("--buffer", request.buffer or 0.0)
    if not 0 < request.size < math.inf:
        raise LulcsegError(f"{request.size:g} is not a length", where="--size", remedy="give metres above 0")
    if request.count < 1:
        raise LulcsegError(f"{request.count} is not a number of places", where="--count", remedy="give 1 or more")


def _describe(  # noqa: PLR0917 (what was read, side by side)
    chosen: list[tuple[int, int]],
    sums: NDArray[np.int64],
    lattice: SquareLattice,
    classes: ReadWindow,
    legend: Legend,
    measure: str,
) -> gpd.GeoDataFrame:
    """Return the squares with what the map says of each."""
    windows = [lattice.window(row, col) for row, col in chosen]
    counts = np.array([np.bincount(classes(w).ravel(), minlength=len(legend) + 1)[1:] for w in windows])
    pixels = lattice.rows * lattice.cols
    columns = {
        "rank": np.arange(1, len(chosen) + 1),
        "mapped": np.array(legend.names, dtype=object)[counts.argmax(axis=1)],
        "mapped_share": counts.max(axis=1) / pixels,
        "uncertainty": np.array([sums[at] for at in chosen]) / (pixels * SHARE_STEPS),
        "measure": np.full(len(chosen), measure, dtype=object),
        "area_ha": np.array([pixel_ground_area(lattice.grid, w) * pixels / 10_000 for w in windows]),
        **SUGGESTED.blanks(len(chosen)),
    }
    geometry = [shapely.box(*lattice.grid.bounds(window)) for window in windows]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=lattice.grid.crs)


def _write(frame: gpd.GeoDataFrame, out: Path, legend: Legend) -> None:
    with replacing(out) as part:
        try:
            pyogrio.write_dataframe(frame, part, layer=REVIEW_LAYER, driver="GPKG", geometry_type="Polygon")
        except (DataSourceError, DataLayerError) as error:
            raise OSError(str(error)) from error
        embed_style(part, REVIEW_LAYER, review_style(SUGGESTED, legend.names))
