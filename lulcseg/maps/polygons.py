"""A finished class map as polygons, in a GeoPackage."""

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
from lulcseg.maps.stored_shares import SHARE_STEPS
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

LAYER = "map"
"""Name of the layer."""

_BATCH = 20_000
_STRIP = 512


@dataclass(frozen=True, slots=True)
class PolygonSummary:
    """What was written.

    Attributes:
        path: The GeoPackage.
        features: Number of polygons.
        pixels: Number of pixels they were drawn from: all that have a class.
        area_m2: Area of the polygons as drawn.
        sieved: Pixels that got another class because their region was smaller than the minimum mapping unit.
        below_unit: Polygons that are smaller even so (before simplifying): ground walled in by nodata on which no
            region reaches the unit.
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
    """Write a class map as polygons, whole or not at all.

    The layer ``map`` has a polygon for each region (4-connected pixels of one class), with ``class``, ``code``,
    ``pixels`` (after sieving), ``area_m2`` and ``area_ha`` (of the polygon as drawn) and, where asked for,
    ``confidence`` (mean over the region's pixels, 0…1; none where none of them has one). Polygons share their borders
    corner by corner: no gaps, no overlaps, before and after simplifying.

    Regions smaller than the minimum mapping unit first go to the largest of their neighbours, as GDAL's sieve does it,
    again and again until none is left that has a neighbour of at least the unit to go to. Nodata is no neighbour, and
    stays as it is: on ground that is walled in by it, and on which no region reaches the unit, all regions stay.

    Memory follows the sheet, and regions that reach over sheets, not the map; the sieve takes two bytes a pixel on the
    disk beside ``out`` while it works.

    Args:
        raster: The map: one band of legend codes, uint8, nodata 255, in a CRS in metres.
        legend: Its classes.
        out: The GeoPackage.
        min_area: Minimum mapping unit, m². Up to the area of one pixel nothing is sieved.
        simplify: Tolerance in pixels: corners go that make a triangle smaller than its square. Pixels' stairs go at 1;
            0 leaves outlines pixel-exact. The edge of mapped ground is simplified too; along the seams between
            sheets corners stay.
        confidence: Raster of the same pixels, uint8, in steps of 1/250, nodata 255.
        progress: Told how many of how many steps (sheets, in each stage) are done.
        sheet: Side of a sheet, in pixels.

    Returns:
        What was written.

    Raises:
        LulcsegError: A raster that can't be read or is not what is asked for, a code that the legend lacks, rasters
            of other pixels, an output that can't be written or is no GeoPackage, a negative area or tolerance.
    """
    check_not_negative("min_area", min_area)
    check_not_negative("simplify", simplify)
    check_geopackage_path(out)
    with ExitStack() as stack:
        mapped = stack.enter_context(ByteRaster(raster))
        surely = None if confidence is None else stack.enter_context(open_aligned(confidence, mapped))
        grid, read, unit = mapped.grid, mapped.classes(legend), min_pixels(min_area, mapped.grid)
        steps = StepCounter(progress, count_sheets(grid, sheet) * (3 if unit > 1 else 1))
        layer = PolygonLayer(stack.enter_context(replacing(out)), LAYER, grid)
        sieved = 0
        if unit > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f".{out.stem}-", dir=out.parent))
            read, sieved = _sieved(read, grid, unit, Path(folder), sheet=sheet, steps=steps)
        features, pixels, below, area = 0, 0, 0, 0.0
        for found in trace_regions(
            read, grid, simplify=simplify, confidence=surely.read if surely else None, sheet=sheet, done=steps
        ):
            columns = _columns(found, legend, grid)
            if surely:
                columns["confidence"] = found.confidence / SHARE_STEPS
            layer.add(columns, to_map_coordinates(found.outline, grid))
            features, pixels = features + len(found), pixels + int(found.pixels.sum())
            below, area = below + int((found.pixels < unit).sum()), area + float(columns["area_m2"].sum())
        layer.finish()
    return PolygonSummary(out, features, pixels, area, sieved, below)


def _columns(found: Regions, legend: Legend, grid: Grid) -> dict[str, NDArray[Any]]:
    index = found.value - 1
    area = shapely.area(found.outline) * grid.pixel_area
    return {
        "class": np.array(legend.names, dtype=object)[index],
        "code": np.array(legend.codes, dtype=np.int64)[index],
        "pixels": found.pixels,
        "area_m2": area,
        "area_ha": area / 10_000,
    }


def check_not_negative(name: str, value: float) -> None:
    """Raise LulcsegError where an area or a tolerance is negative or no number."""
    if not 0 <= value < math.inf:
        raise LulcsegError(f"{value} is no amount", where=name, remedy="give 0 or more")


def check_geopackage_path(out: Path) -> None:
    """See that a path can be that of a GeoPackage.

    Raises:
        LulcsegError: It can't.
    """
    if out.suffix != ".gpkg" or out.is_dir():
        raise LulcsegError("is not the name of a GeoPackage", where=out, remedy="let it end in .gpkg")


def open_aligned(path: Path, mapped: ByteRaster) -> ByteRaster:
    """Open a raster that belongs to a map.

    Raises:
        LulcsegError: It can't be opened, or its pixels are not those of the map.
    """
    opened = ByteRaster(path)
    one, two = mapped.grid, opened.grid
    if one.offset_of(two) != (0, 0) or (one.height, one.width) != (two.height, two.width):
        opened.close()
        raise LulcsegError(
            f"its pixels are not those of {mapped.path}", where=path, remedy="give the one written with the map"
        )
    return opened


def min_pixels(area: float, grid: Grid) -> int:
    """Return how many pixels make at least an area in m²; what rounding adds to a whole number doesn't count."""
    return math.ceil(area / grid.pixel_area - 1e-6)


class PolygonLayer:
    """A layer of polygons in a new GeoPackage, written in batches.

    Whatever goes wrong is an OSError, for :func:`lulcseg.files.replacing` to put into a sentence.
    """

    def __init__(self, path: Path, name: str, grid: Grid) -> None:
        """Keep the names; the first batch makes the file."""
        self._path, self._name, self._crs = path, name, grid.crs
        self._waiting: list[gpd.GeoDataFrame] = []
        self._made = False

    def add(self, columns: Mapping[str, NDArray[Any]], outlines: NDArray[Any]) -> None:
        """Add features, of the same columns each time; of none at all the layer learns its columns."""
        self._waiting.append(gpd.GeoDataFrame(dict(columns), geometry=gpd.GeoSeries(outlines, crs=self._crs)))
        if sum(map(len, self._waiting)) >= _BATCH:
            self.finish()

    def finish(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        frame = pd.concat(self._waiting, ignore_index=True)
        self._waiting = []
        try:
            pyogrio.write_dataframe(
                frame, self._path, layer=self._name, driver="GPKG", geometry_type="Polygon", append=self._made
            )
        except (DataSourceError, DataLayerError) as error:
            raise OSError(str(error)) from error
        self._made = True


def _sieved(
    read: ReadWindow, grid: Grid, unit: int, folder: Path, *, sheet: int, steps: StepCounter
) -> tuple[ReadWindow, int]:
    """Give regions of fewer pixels than the unit to their largest neighbours.

    Args:
        read: Reads the map; :data:`BACKGROUND` is no neighbour.
        grid: The map's pixels.
        unit: Fewest pixels of a region, at least 2.
        folder: An empty folder, for two files of a byte a pixel.
        sheet: Side of a sheet, for the progress.
        steps: Two for each sheet.

    Returns:
        A reader of the sieved map, which reads from the folder, and how many pixels got another class.
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
    # the values are their own mask: GDAL passes over zeros. An array as mask would be copied into memory.
    with source:
        band: Any = rasterio.band(source, 1)  # the stubs of sieve know arrays alone
        size = min(unit, grid.height * grid.width)
        sieve(band, size, out=_memory(after, grid, "r+"), mask=band, connectivity=4)


def _differing(before: Path, after: Path, grid: Grid) -> int:
    """Count the pixels that two files differ in."""
    one, two, count = _memory(before, grid, "r"), _memory(after, grid, "r"), 0
    for rows in blocks(grid.window, _STRIP, grid.width):
        old, new = one[rows.row : rows.row_end], two[rows.row : rows.row_end]
        if ((old == BACKGROUND) != (new == BACKGROUND)).any():
            raise RuntimeError("GDAL's sieve did not finish")  # rasterio does not look at what it returns
        count += int((old != new).sum())
    return count


def _memory(path: Path, grid: Grid, mode: Literal["r", "r+"]) -> NDArray[np.uint8]:
    return np.memmap(path, dtype=np.uint8, mode=mode, shape=(grid.height, grid.width))


def _allocate(file: int, size: int) -> None:
    """Take room on the disk, so that a full one is an error here and not a crash when memory is written to it."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
