"""Headers of raster files: all that is known of one without reading its pixels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import rasterio
from pyproj import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid


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


def read_header(path: Path) -> RasterFile:
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
