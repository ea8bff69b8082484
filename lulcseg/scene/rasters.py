"""A set of raster files seen as one raster on one grid: the only reader of pixels.

Files on the scene's grid are read by window; others are warped on the fly. Handles open lazily
in the process that reads and never cross a fork.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from lulcseg.errors import LulcsegError
from lulcseg.grid import Bounds, Grid, Window

_MOST_HANDLES = 64


@dataclass(frozen=True)
class RasterFile:
    """What is known of one raster file without reading its pixels.

    Attributes:
        path: The file.
        grid: Its own grid.
        bands: Its number of bands.
        dtype: NumPy name of its values' type.
        nodata: The value it declares as nodata, if any.
        masked: Whether it declares a mask or an alpha band.
        colours: How it says its bands are to be seen (red, green, blue, alpha, undefined …).
    """

    path: Path
    grid: Grid
    bands: int
    dtype: str
    nodata: float | None
    masked: bool
    colours: tuple[str, ...]

    @property
    def alpha(self) -> int | None:
        """Number of the band that says where the others are valid, if there is one."""
        name = ColorInterp.alpha.name
        return self.colours.index(name) + 1 if name in self.colours else None

    @property
    def image_bands(self) -> list[int]:
        """Numbers of the bands that hold an image: all but alpha."""
        return [number for number, colour in enumerate(self.colours, start=1) if colour != ColorInterp.alpha.name]


def crs_name(crs: Any) -> str:
    """Return a CRS as an authority code where it has one, else as WKT."""
    crs = CRS.from_user_input(crs)
    epsg = crs.to_epsg(min_confidence=90)
    return f"EPSG:{epsg}" if epsg else str(crs.to_wkt())


@lru_cache(maxsize=1024)
def same_crs(one: str, other: str) -> bool:
    """Say whether two CRSs, however they are written, put the same numbers at the same place."""
    return one == other or CRS.from_user_input(one).equals(CRS.from_user_input(other), ignore_axis_order=True)


def describe(path: Path) -> RasterFile:
    """Read a raster file's header.

    Raises:
        LulcsegError: Not a raster, without a CRS, rotated, or empty.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said below, as an error
            source = rasterio.open(path)
        with source:
            if source.crs is None:
                raise LulcsegError("it has no coordinate reference system", where=path, remedy="assign one (gdal_edit)")
            t = source.transform
            if t.b or t.d or t.a <= 0 or t.e >= 0:
                raise LulcsegError("its rows don't run north to south", where=path, remedy="warp it to a north-up grid")
            grid = Grid(crs_name(source.crs), t.c, t.f, t.a, -t.e, source.height, source.width)
            flags = [flag for band in source.mask_flag_enums for flag in band]
            masked = MaskFlags.per_dataset in flags or MaskFlags.alpha in flags
            colours = tuple(c.name for c in source.colorinterp)
            return RasterFile(path, grid, source.count, source.dtypes[0], source.nodata, masked, colours)
    except RasterioIOError as error:
        reason = "there is no such file" if not path.exists() else "it can't be read as a raster"
        raise LulcsegError(reason, where=path, remedy="give a raster that GDAL can open") from error


class RasterSet:
    """Several raster files as one raster on one grid; where they overlap, the first listed wins.

    Args:
        files: Headers of the files, in order of precedence.
        grid: The grid to see them on.
        bands: Band numbers from 1, in the wanted order.
        nodata: Value that means "no data", over what the files declare.
        resampling: How files off the grid are warped: cubic for imagery, nearest for classes.
    """

    def __init__(
        self,
        files: Sequence[RasterFile],
        grid: Grid,
        bands: Sequence[int],
        *,
        nodata: float | None = None,
        resampling: Resampling = Resampling.cubic,
    ) -> None:
        """Place every file on the grid."""
        self.files = list(files)
        self.grid = grid
        self.band_numbers = list(bands)
        self.nodata = nodata
        self.resampling = resampling
        self.dtype = np.result_type(*(f.dtype for f in files))
        self.offsets = [grid.offset_of(f.grid) if same_crs(f.grid.crs, grid.crs) else None for f in files]
        self.footprints = [self._footprint(f, o) for f, o in zip(files, self.offsets, strict=True)]
        self._open: OrderedDict[int, Any] = OrderedDict()
        self._pid = os.getpid()
        self._lock = threading.Lock()

    @property
    def bands(self) -> int:
        """Number of bands read."""
        return len(self.band_numbers)

    @property
    def warped(self) -> list[Path]:
        """Files that don't lie on the grid and are warped on the fly."""
        return [f.path for f, offset in zip(self.files, self.offsets, strict=True) if offset is None]

    def __getstate__(self) -> dict[str, Any]:
        """Leave handles and the lock behind: the receiving process makes its own."""
        return self.__dict__ | {"_open": OrderedDict(), "_lock": None, "_pid": -1}

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window, which may reach outside the grid or the files.

        Args:
            window: What to read, in pixels of the grid.

        Returns:
            Values (C, h, w) in a type that holds all files' own, zero where there is none; and
            where they are valid, (h, w) bool.

        Raises:
            LulcsegError: A file can't be read any more.
        """
        data = np.zeros((self.bands, window.height, window.width), dtype=self.dtype)
        valid = np.zeros((window.height, window.width), dtype=bool)
        inside = window.intersection(self.grid.window)
        for number, footprint in enumerate(self.footprints):
            part = inside.intersection(footprint)
            if part.is_empty:
                continue
            place = part.slices_in(window)
            if valid[place].all():
                continue
            values, has_value = self._read_file(number, part)
            take = has_value & ~valid[place]
            if take.all():
                data[:, *place] = values
            else:
                np.copyto(data[:, *place], values, where=take)
            valid[place] |= has_value
        return data, valid

    def file_with(self, values: NDArray[Any], window: Window) -> Path:
        """Return the first file that holds one of some values in a window, to name it in an error."""
        for number, footprint in enumerate(self.footprints):
            part = window.intersection(self.grid.window).intersection(footprint)
            if not part.is_empty:
                found, valid = self._read_file(number, part)
                if np.isin(found[:, valid], values).any():
                    return self.files[number].path
        return self.files[0].path

    def _read_file(self, number: int, part: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        file, offset = self.files[number], self.offsets[number]
        row, col = (0, 0) if offset is None else offset
        box = rasterio.windows.Window(part.col - col, part.row - row, part.width, part.height)
        nodata = self._nodata_of(file)
        if self._pid != os.getpid():
            self._open, self._lock, self._pid = OrderedDict(), threading.Lock(), os.getpid()
        with self._lock:
            try:
                source = self._handle(number)
                values = source.read(self.band_numbers, window=box)
                has_value = self._declared_valid(source, number, box)
            except (RasterioIOError, RasterioError) as error:
                raise LulcsegError(f"it can't be read ({error})", where=file.path, remedy="check the file") from error
        if nodata is not None:
            # black in one of several integer bands is a colour; −9999 in a float band never is a value
            differs = values != nodata
            has_value &= differs.all(axis=0) if values.dtype.kind == "f" else differs.any(axis=0)
        if values.dtype.kind == "f":
            finite = np.isfinite(values).all(axis=0)
            has_value = has_value & finite
            values = np.where(finite, values, 0)
        return values.astype(self.dtype, copy=False), has_value

    def _declared_valid(self, source: Any, number: int, box: Any) -> NDArray[np.bool_]:
        """Return where a file's alpha band or mask, or the warp's, says there is a value, (h, w) bool."""
        file, warped = self.files[number], self.offsets[number] is None
        if file.alpha is not None:
            return np.asarray(source.read(file.alpha, window=box) > 0)
        if warped and self._nodata_of(file) is None:
            return np.asarray(source.read(source.count, window=box) > 0)  # the band that _warp added
        if file.masked and not warped and self.nodata is None:
            return np.asarray(source.dataset_mask(window=box) > 0)
        return np.ones((box.height, box.width), dtype=bool)

    def _nodata_of(self, file: RasterFile) -> float | None:
        """Return a file's nodata value, or None if there is none, its type can't hold it, or a mask stands over it."""
        masked = file.masked and file.alpha is None
        own = None if masked else file.nodata
        nodata, dtype = own if self.nodata is None else self.nodata, np.dtype(file.dtype)
        if nodata is not None and dtype.kind in "iu":
            limits = np.iinfo(dtype)
            return nodata if limits.min <= nodata <= limits.max and float(nodata).is_integer() else None
        return nodata

    def _handle(self, number: int) -> Any:
        """Return the file's open handle, opening it if need be."""
        if number not in self._open:
            if len(self._open) >= _MOST_HANDLES:
                _, old = self._open.popitem(last=False)
                old.close()
            source = rasterio.open(self.files[number].path)
            if self.offsets[number] is None:
                source = self._warp(source, self.files[number])
            self._open[number] = source
        self._open.move_to_end(number)
        return self._open[number]

    def _warp(self, source: Any, file: RasterFile) -> Any:
        """See a file on the grid; cells without source become invalid through alpha or nodata.

        A mask doesn't come through a warp, and an alpha band added to one isn't always declared
        as a mask (it isn't for floats): validity is read from the band itself.
        """
        nodata = self._nodata_of(file)
        options: dict[str, Any] = {"nodata": nodata, "src_nodata": nodata} if nodata is not None else {}
        if nodata is None and file.alpha is None:
            options = {"add_alpha": True, "nodata": None, "src_nodata": None}
        return WarpedVRT(
            source,
            crs=self.grid.crs,
            transform=rasterio.Affine(*self.grid.transform),
            width=self.grid.width,
            height=self.grid.height,
            resampling=self.resampling,
            **options,
        )

    def _footprint(self, file: RasterFile, offset: tuple[int, int] | None) -> Window:
        if offset is not None:
            return Window(*offset, file.grid.height, file.grid.width)
        bounds = file.grid.bounds()
        if not same_crs(file.grid.crs, self.grid.crs):
            bounds = Bounds(*transform_bounds(file.grid.crs, self.grid.crs, *bounds, densify_pts=21))
            if not np.isfinite(bounds).all():  # too far off to have a place on the grid
                return Window(0, 0, 0, 0)
        window = self.grid.window_of(bounds)
        return Window(window.row - 1, window.col - 1, window.height + 2, window.width + 2)
