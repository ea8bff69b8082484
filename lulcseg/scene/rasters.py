"""A set of raster files seen as one raster on one grid: the only reader of pixels.

Files on the scene's grid are read by window; others are warped on the fly. Handles open lazily
in the process that reads and never cross a fork.
"""

from __future__ import annotations

import glob
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError, RasterioIOError
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
    """

    path: Path
    grid: Grid
    bands: int
    dtype: str
    nodata: float | None
    masked: bool


def crs_name(crs: Any) -> str:
    """Return a CRS as an authority code where it has one, else as WKT."""
    crs = CRS.from_user_input(crs)
    epsg = crs.to_epsg(min_confidence=90)
    return f"EPSG:{epsg}" if epsg else str(crs.to_wkt())


def find_files(patterns: Sequence[str], base: Path, where: str) -> list[Path]:
    """Expand file names and globs, in the order given; globs sort by name.

    Args:
        patterns: Paths or globs, relative to ``base`` or absolute.
        base: Folder that relative ones start from.
        where: What to name in errors.

    Raises:
        LulcsegError: A name or pattern that finds no file.
    """
    found: list[Path] = []
    for pattern in patterns:
        full = str(base / pattern)
        paths = [full] if Path(full).exists() else sorted(glob.glob(full, recursive=True))  # noqa: PTH207
        if not paths:
            raise LulcsegError(f"there is no file '{full}'", where=where, remedy="check the path")
        found += [Path(p) for p in paths if Path(p) not in found]
    return found


def describe(path: Path) -> RasterFile:
    """Read a raster file's header.

    Raises:
        LulcsegError: Not a raster, without a CRS, rotated, or empty.
    """
    try:
        with rasterio.open(path) as source:
            if source.crs is None:
                raise LulcsegError("it has no coordinate reference system", where=path, remedy="assign one (gdal_edit)")
            t = source.transform
            if t.b or t.d or t.a <= 0 or t.e >= 0:
                raise LulcsegError("its rows don't run north to south", where=path, remedy="warp it to a north-up grid")
            grid = Grid(crs_name(source.crs), t.c, t.f, t.a, -t.e, source.height, source.width)
            flags = [flag for band in source.mask_flag_enums for flag in band]
            masked = MaskFlags.per_dataset in flags or MaskFlags.alpha in flags
            return RasterFile(path, grid, source.count, source.dtypes[0], source.nodata, masked)
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
        self.dtype = np.dtype(files[0].dtype)
        self.offsets = [grid.offset_of(f.grid) if f.grid.crs == grid.crs else None for f in files]
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
            Values (C, h, w) in the files' type, zero where there is none; and where they are
            valid, (h, w) bool.

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
                if nodata is None and (offset is None or file.masked):
                    has_value = source.dataset_mask(window=box) > 0
                else:
                    has_value = np.ones(values.shape[1:], dtype=bool)
            except (RasterioIOError, RasterioError) as error:
                raise LulcsegError(f"it can't be read ({error})", where=file.path, remedy="check the file") from error
        if nodata is not None:
            has_value = (values != nodata).any(axis=0)
        if values.dtype.kind == "f":
            finite = np.isfinite(values).all(axis=0)
            has_value = has_value & finite
            values = np.where(finite, values, 0)
        return values.astype(self.dtype, copy=False), has_value

    def _nodata_of(self, file: RasterFile) -> float | None:
        return self.nodata if self.nodata is not None else file.nodata

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
        """See a file on the grid; cells without source become invalid through alpha or nodata."""
        nodata = self._nodata_of(file)
        options: dict[str, Any] = {"nodata": nodata, "src_nodata": nodata} if nodata is not None else {}
        if nodata is None and not file.masked:
            options = {"add_alpha": True}
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
        if file.grid.crs != self.grid.crs:
            bounds = Bounds(*transform_bounds(file.grid.crs, self.grid.crs, *bounds, densify_pts=21))
        window = self.grid.window_of(bounds)
        return Window(window.row - 1, window.col - 1, window.height + 2, window.width + 2)
