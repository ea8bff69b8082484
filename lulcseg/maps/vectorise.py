"""Vectorises class rasters of any size, sheet by sheet.

Each sheet is traced and simplified on its own. Pieces of regions on a seam between sheets are kept until the whole
region has been traced, and are then joined. Coordinates are in pixels (x is the column, y the row) until they are
written, so corners are whole numbers, neighbouring sheets agree on them, and areas are exact.

For sheets to fit together, and for GEOS to recognise shared borders, every corner of one region must be a corner of all
regions that meet there. GDAL gives a region corners only where it turns. The others are added here: where three or more
regions meet, and, on a seam, wherever the value changes on either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.errors import RasterioIOError
from rasterio.windows import Window as RasterioWindow

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.rings import CornerLattice, trace_outlines
from lulcseg.maps.seams import Regions, Seams
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.scene.band_source import BandSource
from lulcseg.scene.band_validity import choose_rule
from lulcseg.scene.raster_headers import read_header

SHEET = 4096
"""Sheet size in pixels; tracing and simplifying a sheet with dense borders takes half a gigabyte."""

BACKGROUND = 0
"""Value of pixels that belong to no region."""

type ReadWindow = Callable[[Window], NDArray[Any]]
"""Reads a window that lies inside the raster, (h, w)."""


class ByteRaster:
    """A raster of one band of bytes, open for reading by windows; a context manager.

    Attributes:
        path: The file.
        grid: Its pixels.

    Raises:
        LulcsegError: The file is missing or not a raster, has several bands or another type, or has no CRS in metres.
    """

    def __init__(self, path: Path) -> None:
        found = read_header(path)
        if found.facts.dtypes != ("uint8",):
            raise LulcsegError(
                f"holds {found.bands} bands of {found.facts.dtypes[0]}, one of uint8 is needed",
                where=path,
                remedy="give the map that lulcseg wrote, not its probabilities",
            )
        crs = CRS.from_user_input(found.grid.crs)
        if not crs.is_projected or crs.axis_info[0].unit_conversion_factor != 1:
            raise LulcsegError("its CRS is not in metres", where=path, remedy="warp it to one that is (gdalwarp)")
        self.path, self.grid = path, found.grid
        self._source = BandSource(path, choose_rule(found.facts, [1]))

    def __enter__(self) -> Self:
        """Return the raster."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read a window inside the raster, (h, w); 255 where it has no value, by its mask or its nodata value.

        Raises:
            LulcsegError: It can't be read, for instance because the file is truncated.
        """
        at = RasterioWindow(window.col, window.row, window.width, window.height)
        try:
            (values,), valid = self._source.read(at)
        except RasterioIOError as error:
            raise LulcsegError("part of it can't be read", where=self.path, remedy="write the file again") from error
        return values if valid is None else np.where(valid, values, np.uint8(IGNORE))

    def classes(self, legend: Legend) -> ReadWindow:
        """Return a reader of a class map: 1 + the class's index, :data:`BACKGROUND` where there is no class.

        255 means no class, as :meth:`read` returns it. Reading raises LulcsegError on a code that is not in the legend.
        """
        table, known = (legend.code_to_index() + np.uint8(1)).astype(np.uint8), np.zeros(256, dtype=bool)
        known[[*legend.codes, IGNORE]] = True

        def read(window: Window) -> NDArray[np.uint8]:
            codes = self.read(window)
            if not known[codes].all():
                raise LulcsegError(
                    f"holds code {codes[~known[codes]].min()}, which the legend lacks",
                    where=self.path,
                    remedy="give the legend that the map was made with",
                )
            return table[codes]

        return read


class StepCounter:
    """Counts steps of a known total and reports them.

    Args:
        progress: Progress callback, called with (done, total); None: nothing is reported.
        total: Total number of steps.
    """

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, count: int = 1) -> None:
        """Count further steps."""
        self._done += count
        if self._progress is not None:
            self._progress(self._done, self._total)


def count_sheets(grid: Grid, sheet: int) -> int:
    """Return the number of sheets of a raster."""
    return -(-grid.height // sheet) * -(-grid.width // sheet)


def to_map_coordinates(outline: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """Convert polygons, (n,) shapely, from pixels to map coordinates, with counter-clockwise outer rings."""
    moved = shapely.transform(outline, lambda xy: xy * (grid.xres, -grid.yres) + (grid.left, grid.top))
    turned: NDArray[Any] = shapely.orient_polygons(moved)
    return turned


def trace_regions(
    read: ReadWindow,
    grid: Grid,
    *,
    simplify: float = 0.0,
    confidence: ReadWindow | None = None,
    sheet: int = SHEET,
    done: Callable[[], None] = lambda: None,
) -> Iterator[Regions]:
    """Trace all regions of a raster except those of :data:`BACKGROUND`.

    Args:
        read: Reads values, uint8 or uint16.
        grid: The raster's pixels; only their number is used.
        simplify: Tolerance in pixels; 0 leaves outlines pixel-exact. A corner is removed if its triangle with its
            neighbours is smaller than the tolerance's square (Visvalingam-Whyatt), on both sides of a border alike.
            Corners remain along seams, and where a border meets a seam or the raster's edge.
        confidence: Reads uint8 values to average over the regions, above 250 where there is none.
        sheet: Sheet size, in pixels.
        done: Called after each sheet.

    Yields:
        Regions: those within a sheet, sheet by sheet from the top left, and after each row of sheets those that cross
        a seam and are now complete. Together their outlines are a valid coverage: regions that meet share their
        corners, without gap or overlap.
    """
    lattice = CornerLattice(grid.height, grid.width)
    seams = Seams(lattice, sheet)
    for strip in blocks(grid.window, sheet, grid.width):
        for window in blocks(strip, sheet, sheet):
            whole = seams.add(window, *_traced(read, window, lattice, simplify, confidence))
            done()
            yield whole
        yield seams.close(strip)


def _traced(
    read: ReadWindow, window: Window, lattice: CornerLattice, simplify: float, confidence: ReadWindow | None
) -> tuple[Regions, NDArray[np.int64]]:
    """Return a sheet's regions, and the numbers of the corners on its seams where three or more regions meet."""
    around = Window(window.row - 1, window.col - 1, window.height + 2, window.width + 2)
    frame = around.intersection(Window(0, 0, lattice.height, lattice.width))
    values = read(frame)
    rows, cols, meeting = _nodes(values, frame, window)
    # the background is traced for simplification, so that its edge is simplified too
    leave = None if simplify > 0 else BACKGROUND
    rings, value = trace_outlines(np.ascontiguousarray(values[window.slices_in(frame)]), window, leave=leave)
    pixels = shapely.area(rings.to_polygons()).round().astype(np.int64)
    total, counted = np.zeros_like(pixels), np.zeros_like(pixels)
    if confidence is not None:
        stored = confidence(window)
        there = stored <= SHARE_STEPS
        counted, total = rings.sums(there, window), rings.sums(np.where(there, stored, np.uint8(0)), window)
    outline = rings.with_nodes(rows, cols, lattice).to_polygons()
    if simplify > 0:
        outline = shapely.coverage_simplify(outline, simplify, simplify_boundary=False)
    found = Regions(outline, value, pixels, total, counted)
    return found[value != BACKGROUND], lattice.by_row(rows, cols)[meeting]


def _nodes(
    values: NDArray[Any], frame: Window, window: Window
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Find the pixel corners at which outlines need a corner that GDAL may omit.

    Args:
        values: The sheet's pixels, with one pixel around them where the raster has any.
        frame: Window of ``values``.
        window: The sheet.

    Returns:
        Rows and columns of the corners, and whether each is on a seam where three or more regions meet.
    """
    across, down = values[:, 1:] != values[:, :-1], values[1:] != values[:-1]
    changes = across[1:].astype(np.uint8)
    for other in (across[:-1], down[:, 1:], down[:, :-1]):
        changes += other
    # among the four pixels around a corner, two regions make 0, 2 or (diagonally) 4 changes, three make 3 or 4
    node = changes == 3
    seam = np.zeros_like(node)
    for row in (window.row - frame.row - 1, window.row_end - frame.row - 1):
        if 0 <= row < len(node):
            seam[row] = True
            node[row] |= across[row] | across[row + 1]
    for col in (window.col - frame.col - 1, window.col_end - frame.col - 1):
        if 0 <= col < node.shape[1]:
            seam[:, col] = True
            node[:, col] |= down[:, col] | down[:, col + 1]
    rows, cols = np.nonzero(node)
    return rows + frame.row + 1, cols + frame.col + 1, (seam & (changes >= 3))[rows, cols]
