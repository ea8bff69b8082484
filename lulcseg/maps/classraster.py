"""Reads class rasters: converts the codes in a file to class indices."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from lulcseg.errors import LulcsegError
from lulcseg.files import is_there
from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.as_written import check_as_written
from lulcseg.scene.band_source import BandSource
from lulcseg.scene.band_validity import BandFacts, choose_rule
from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.raster_opening import reading_error
from lulcseg.scene.sidecar_files import open_with_sidecars

LEGEND_TAG = "LULCSEG_LEGEND"
"""TIFF tag of lulcseg's maps that holds the legend, as JSON of :meth:`Legend.to_plain`."""


class ClassRaster:
    """A map or other class raster, open for reading by windows; a context manager.

    Only the window being read is held in memory.

    Args:
        path: A raster of one band of integer codes.
        legend: The classes of its codes.
        on: Another grid to read it on, by nearest neighbour; None: its own.

    Raises:
        LulcsegError: The file is missing or not a raster, or it has several bands, a type other than integer, or no
            CRS; or it is a map whose checksum isn't the one in its STAC item.
    """

    def __init__(self, path: FileName, legend: Legend, on: Grid | None = None) -> None:
        self._path, self._legend = path, legend
        self._table = legend.code_to_index()
        with ExitStack() as stack:
            with open_raster(path) as data:
                _check(data, path)
                if isinstance(path, Path):
                    check_as_written(path)
                rule = choose_rule(BandFacts.of(data), [1])
            self._source = stack.enter_context(closing(BandSource(path, rule, on, Resampling.nearest)))
            self._data = self._source.dataset
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        """Return the raster."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._stack.close()

    @property
    def crs(self) -> str:
        """CRS, as an authority code or WKT."""
        return str(self._data.crs.to_string())

    @property
    def height(self) -> int:
        """Number of rows."""
        return int(self._data.height)

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self._data.width)

    @property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns of the file's blocks."""
        height, width = self._data.block_shapes[0]
        return int(height), int(width)

    @property
    def grid(self) -> Grid:
        """The raster's pixel grid.

        Raises:
            LulcsegError: The raster isn't north-up.
        """
        t = self._data.transform
        if t.b or t.d or t.a <= 0 or t.e >= 0:
            raise LulcsegError("is not north-up", where=self._path, remedy="warp it first (gdalwarp)")
        return Grid(self.crs, t.c, t.f, t.a, -t.e, self.height, self.width)

    def rowcol(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and column of (n,) points in the raster's CRS, possibly outside the raster.

        A point on the border of two pixels belongs to the right or lower one.
        """
        t = ~self._data.transform
        row, col = np.floor(t.d * x + t.e * y + t.f), np.floor(t.a * x + t.b * y + t.c)
        return row.astype(np.int64), col.astype(np.int64)

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return the class indices of a window, (h, w) uint8; 255 where the raster has no class.

        Args:
            window: May reach outside the raster, where the class is 255.

        Raises:
            LulcsegError: A code is not in the legend, or the file is damaged.
        """
        out = np.full((window.height, window.width), IGNORE, dtype=np.uint8)
        inside = window.intersection(Window(0, 0, self.height, self.width))
        if inside.is_empty:
            return out
        at = RasterioWindow(inside.col, inside.row, inside.width, inside.height)
        with naming_damage(self._path):
            codes, valid = self._source.read(at)
        out[inside.slices_in(window)] = self._indexed(codes[0], valid)
        return out

    def overview(self, height: int, width: int) -> NDArray[np.uint8]:
        """Return the whole raster at another size; each pixel has the most frequent class of its area.

        Args:
            height: Number of rows.
            width: Number of columns.

        Returns:
            (height, width) uint8 class indices, 255 where there is no class. GDAL reads the file's overviews if there
            are any.

        Raises:
            LulcsegError: A code is not in the legend, or the file is damaged.
        """
        with naming_damage(self._path):
            reduced = self._source.reduced(height, width, Resampling.mode)
        return self._indexed(*reduced)

    def _indexed(self, codes: NDArray[np.integer], valid: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
        """Convert codes to class indices."""
        given = codes != IGNORE if valid is None else valid & (codes != IGNORE)
        known = given & (codes >= 0) & (codes < IGNORE)
        index = np.full(codes.shape, IGNORE, dtype=np.uint8)
        index[known] = self._table[codes[known]]
        unknown = given & (index == IGNORE)
        if unknown.any():
            listed = ", ".join(str(code) for code in np.unique(codes[unknown])[:5])
            raise LulcsegError(
                f"holds code {listed}, which the legend lacks",
                where=self._path,
                remedy="recode the raster: codes are 0…254"
                if (codes[unknown] > IGNORE).any()
                else "add the class to the legend or make the code the raster's nodata value",
            )
        return index


@contextmanager
def open_raster(path: FileName) -> Iterator[rasterio.DatasetReader]:
    """Open a raster for reading within a block.

    Raises:
        LulcsegError: The file is missing, not a raster, or damaged; the latter may show only where the block reads.
    """
    if not isinstance(path, RemoteFile) and not is_there(path):
        raise LulcsegError("no such file", where=path, remedy="check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a sentence says what lacks
            data = open_with_sidecars(path)
    except (RasterioError, CPLE_BaseError, CRSError) as error:
        otherwise = LulcsegError("not a raster", where=path, remedy="give a class raster (GeoTIFF)")
        raise reading_error(path, error, otherwise) from error
    with data, naming_damage(path):
        yield data


@contextmanager
def naming_damage(path: FileName) -> Iterator[None]:
    """Turn what GDAL says of a raster that can't be read into a sentence that names the raster.

    Raises:
        LulcsegError: It can't be read, or its header states a size that no memory holds.
    """
    try:
        yield
    except (RasterioError, CPLE_BaseError, CRSError, UnicodeDecodeError, MemoryError) as error:
        otherwise = LulcsegError(
            "it can't be read to its end: damaged or cut off", where=path, remedy="take it from a backup, or map again"
        )
        raise reading_error(path, error, otherwise) from error


def carried_legend(path: FileName) -> Legend | None:
    """Return the legend in the tag of a map that lulcseg wrote; None for other rasters.

    Raises:
        LulcsegError: The file is missing or not a raster, or the tag is not a legend.
    """
    with open_raster(path) as data:
        tag = data.tags().get(LEGEND_TAG)
    if tag is None:
        return None
    try:
        return Legend.from_plain(json.loads(tag))
    except (ValueError, TypeError, LulcsegError) as error:
        raise LulcsegError(f"its {LEGEND_TAG} tag is not a legend", where=path, remedy="give a legend") from error


def codes_in(path: FileName) -> list[str]:
    """Return the codes that occur in a class raster, as text; reads block by block.

    Raises:
        LulcsegError: As for :class:`ClassRaster`.
    """
    codes: set[int] = set()
    with open_raster(path) as data:
        _check(data, path)
        rule = choose_rule(BandFacts.of(data), [1])
    with closing(BandSource(path, rule)) as source, naming_damage(path):
        for _, window in source.dataset.block_windows(1):
            values, valid = source.read(window)
            codes.update(np.unique(values[0] if valid is None else values[0][valid]).tolist())
    return [str(code) for code in sorted(codes - {IGNORE})]


def _check(data: rasterio.DatasetReader, path: FileName) -> None:
    if data.count != 1:
        raise LulcsegError(f"has {data.count} bands, a class raster has one", where=path, remedy="give the map itself")
    if not np.issubdtype(np.dtype(data.dtypes[0]), np.integer):
        raise LulcsegError(
            f"holds {data.dtypes[0]} values, class codes are whole numbers", where=path, remedy="convert it to bytes"
        )
    if data.crs is None:
        raise LulcsegError(
            "has no CRS, or is cut off",
            where=path,
            remedy="assign one (gdal_edit.py -a_srs EPSG:…), or take it from a backup",
        )
