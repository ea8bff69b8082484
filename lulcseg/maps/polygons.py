"""Writes a class map as polygons to a GeoPackage."""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import sieve

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.grid import Grid, blocks
from lulcseg.legend import Legend
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
from lulcseg.scene.ground_area import ground_areas, is_stretched, min_pixels
from lulcseg.scene.raster_headers import same_crs

LAYER = "map"
"""Name of the layer."""

_BATCH = 20_000
_STRIP = 512


@dataclass(frozen=True, slots=True)
class PolygonSummary:
    """Counts of the polygons written.

    Attributes:
        path: The GeoPackage.
        features: Number of polygons.
        pixels: Number of pixels that they were traced from: all that have a class.
        area_m2: Area of the polygons as written.
        sieved: Number of pixels whose class changed because their region was below the minimum mapping unit.
        below_unit: Number of polygons that remain below it (before simplification): ground enclosed by nodata on which
            no region reaches the unit.
    """

    path: Path
    features: int
    pixels: int
    area_m2: float
    sieved: int
    below_unit: int


def write_polygons(
    raster: Path,
    legend: Legend,
    out: Path,
    *,
    min_area: float,
    simplify: float,
    confidence: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    sheet: int = SHEET,
) -> PolygonSummary:
    """Write a class map as polygons, atomically.

    The layer ``map`` has a polygon for each region (4-connected pixels of one class), with ``class``, ``code``,
    ``pixels`` (after sieving), ``area_m2`` and ``area_ha`` (of the polygon as written) and, if requested,
    ``confidence`` (mean over the region's pixels, 0…1; missing if none of them has one). Polygons share the corners of
    their borders: there are no gaps and no overlaps, before and after simplification.

    Regions below the minimum mapping unit are first merged into the largest of their neighbours by GDAL's sieve, which
    is repeated until none is left that has a neighbour of at least the unit. Nodata is not a neighbour and remains
    nodata: on ground that it encloses and on which no region reaches the unit, all regions remain.

    Memory depends on the sheet size and on regions that cross sheets, not on the map's size. The sieve uses two bytes
    per pixel of disk space beside ``out`` while it runs.

    Args:
        raster: The map: one band of legend codes, uint8, nodata 255, in a CRS in metres.
        legend: Its classes.
        out: The GeoPackage.
        min_area: Minimum mapping unit, in m². Up to the area of one pixel nothing is sieved.
        simplify: Tolerance in pixels: corners are removed whose triangle with their neighbours is smaller than its
            square. A tolerance of 1 removes the stairs of pixels, 0 leaves outlines pixel-exact. The edge of the mapped
            ground is simplified too; corners on seams between sheets remain.
        confidence: Raster of the same pixels, uint8, in steps of 1/250, nodata 255.
        progress: Progress callback, called with (done, total) sheets over all stages.
        sheet: Sheet size, in pixels.

    Returns:
        Counts of the polygons written.

    Raises:
        LulcsegError: A raster can't be read or has the wrong type, a code is not in the legend, the rasters' pixels
            differ, the output can't be written or is not a GeoPackage, or the area or tolerance is negative.
    """
    check_not_negative("min_area", min_area)
    check_not_negative("simplify", simplify)
    check_geopackage_path(out)
    with ExitStack() as stack:
        mapped = stack.enter_context(ByteRaster(raster))
        confidences = None if confidence is None else stack.enter_context(open_aligned(confidence, mapped))
        grid, read, unit = mapped.grid, mapped.classes(legend), min_pixels(min_area, mapped.grid)
        steps = StepCounter(progress, count_sheets(grid, sheet) * (3 if unit > 1 else 1))
        layer = PolygonLayer(stack.enter_context(replacing(out)), LAYER, grid)
        sieved = 0
        if unit > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f".{out.stem}-", dir=out.parent))
            read, sieved = _sieved(read, grid, unit, Path(folder), sheet=sheet, steps=steps)
        features, pixels, below, area = 0, 0, 0, 0.0
        for found in trace_regions(
            read, grid, simplify=simplify, confidence=confidences.read if confidences else None, sheet=sheet, done=steps
        ):
            columns = _columns(found, legend, grid)
            if confidences:
                columns["confidence"] = found.confidence / SHARE_STEPS
            layer.add(columns, to_map_coordinates(found.outline, grid))
            features, pixels = features + len(found), pixels + int(found.pixels.sum())
            below, area = below + int((found.pixels < unit).sum()), area + float(columns["area_m2"].sum())
        layer.finish()
    return PolygonSummary(out, features, pixels, area, sieved, below)


def _columns(found: Regions, legend: Legend, grid: Grid) -> dict[str, NDArray[Any]]:
    index = found.value - 1
    area = shapely.area(found.outline) * grid.pixel_area
    if is_stretched(grid):
        area = ground_areas(to_map_coordinates(found.outline, grid), grid)
    return {
        "class": np.array(legend.names, dtype=object)[index],
        "code": np.array(legend.codes, dtype=np.int64)[index],
        "pixels": found.pixels,
        "area_m2": area,
        "area_ha": area / 10_000,
    }


def check_not_negative(name: str, value: float) -> None:
    """Raise LulcsegError if an area or a tolerance is negative or not a finite number."""
    if not 0 <= value < math.inf:
        raise LulcsegError(f"{value} is not an amount", where=name, remedy="give 0 or more")


def check_geopackage_path(out: Path) -> None:
    """Check that a path can be that of a GeoPackage.

    Raises:
        LulcsegError: It is a folder, or has another suffix.
    """
    if out.suffix != ".gpkg" or out.is_dir():
        raise LulcsegError("is not the name of a GeoPackage", where=out, remedy="give a file name that ends in .gpkg")


def open_aligned(path: Path, mapped: ByteRaster) -> ByteRaster:
    """Open a raster of the same pixels as a map.

    Raises:
        LulcsegError: It can't be opened, or its CRS or pixels are not those of the map.
    """
    opened = ByteRaster(path)
    one, two = mapped.grid, opened.grid
    if (
        not same_crs(one.crs, two.crs)
        or one.offset_of(two) != (0, 0)
        or (one.height, one.width) != (two.height, two.width)
    ):
        opened.close()
        raise LulcsegError(
            f"its pixels are not those of {mapped.path}", where=path, remedy="give the one written with the map"
        )
    return opened


class PolygonLayer:
    """A layer of polygons in a new GeoPackage, written in batches.

    Failures are raised as OSError, which :func:`lulcseg.files.replacing` converts to a LulcsegError.

    Attributes:
        path: The GeoPackage.
    """

    def __init__(self, path: Path, name: str, grid: Grid) -> None:
        self.path, self._name, self._crs = path, name, grid.crs
        self._pending: list[gpd.GeoDataFrame] = []
        self._exists = False

    def add(self, columns: Mapping[str, NDArray[Any]], outlines: NDArray[Any]) -> None:
        """Add features, with the same columns each time; an empty call defines the columns of an empty layer."""
        self._pending.append(gpd.GeoDataFrame(dict(columns), geometry=gpd.GeoSeries(outlines, crs=self._crs)))
        if sum(map(len, self._pending)) >= _BATCH:
            self.finish()

    def finish(self) -> None:
        """Write the pending features."""
        if not self._pending:
            return
        frame = pd.concat(self._pending, ignore_index=True)
        self._pending = []
        try:
            pyogrio.write_dataframe(
                frame, self.path, layer=self._name, driver="GPKG", geometry_type="Polygon", append=self._exists
            )
        except (DataSourceError, DataLayerError) as error:
            raise OSError(str(error)) from error
        self._exists = True


def _sieved(
    read: ReadWindow, grid: Grid, unit: int, folder: Path, *, sheet: int, steps: StepCounter
) -> tuple[ReadWindow, int]:
    """Merge regions of fewer pixels than the unit into their largest neighbours.

    Args:
        read: Reads the map; :data:`BACKGROUND` is not a neighbour.
        grid: The map's pixels.
        unit: Minimum number of pixels of a region, at least 2.
        folder: An empty folder for two files of one byte per pixel.
        sheet: Sheet size, for the progress.
        steps: Counts two steps per sheet.

    Returns:
        A reader of the sieved map, which reads from the folder, and the number of pixels whose class changed.
    """
    before, after = folder / "before.bin", folder / "after.bin"
    with before.open("wb") as file:
        for strip in blocks(grid.window, sheet, grid.width):
            for rows in blocks(strip, _STRIP, grid.width):
                file.write(np.ascontiguousarray(read(rows)).tobytes())
            steps(count_sheets(grid, sheet) // -(-grid.height // sheet))
    with after.open("wb") as file:
        _allocate(file.fileno(), grid.height * grid.width)
    changed, moved = -1, 0
    while changed:
        _sieve_once(before, after, grid, unit)
        changed = _differing(before, after, grid)
        moved += changed
        before, after = after, before
    steps(count_sheets(grid, sheet))
    pixels = _memory(before, grid, "r")
    return lambda window: np.array(pixels[window.slices_in(grid.window)]), moved


def _sieve_once(before: Path, after: Path, grid: Grid, unit: int) -> None:
    """Sieve from one file of bytes into another."""
    header = f"ENVI\nsamples = {grid.width}\nlines = {grid.height}\nbands = 1\nheader offset = 0\n"
    before.with_suffix(".hdr").write_text(header + "data type = 1\ninterleave = bsq\nbyte order = 0\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        source = rasterio.open(before, driver="ENVI")
    # the values are their own mask, since GDAL skips zeros; a mask array would be copied into memory
    with source:
        band: Any = rasterio.band(source, 1)  # the stubs of sieve know arrays alone
        size = min(unit, grid.height * grid.width)
        sieve(band, size, out=_memory(after, grid, "r+"), mask=band, connectivity=4)


def _differing(before: Path, after: Path, grid: Grid) -> int:
    """Count the pixels in which two files differ."""
    one, two, count = _memory(before, grid, "r"), _memory(after, grid, "r"), 0
    for rows in blocks(grid.window, _STRIP, grid.width):
        old, new = one[rows.row : rows.row_end], two[rows.row : rows.row_end]
        if ((old == BACKGROUND) != (new == BACKGROUND)).any():
            raise RuntimeError("GDAL's sieve did not finish")  # rasterio ignores GDAL's return value
        count += int((old != new).sum())
    return count


def _memory(path: Path, grid: Grid, mode: Literal["r", "r+"]) -> NDArray[np.uint8]:
    return np.memmap(path, dtype=np.uint8, mode=mode, shape=(grid.height, grid.width))


def _allocate(file: int, size: int) -> None:
    """Reserve disk space, so that a full disk is an error here and not a crash when mapped memory is written."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
