"""Headers of raster files: what is known without reading pixels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS as GdalCrs  # noqa: N811 (CRS is pyproj's)
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from lulcseg.errors import LulcsegError
from lulcseg.files import is_there
from lulcseg.grid import Grid
from lulcseg.scene.band_validity import BandFacts
from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.raster_opening import reading_error
from lulcseg.scene.sidecar_files import open_with_sidecars

_READ = {"uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "float32", "float64"}


@dataclass(frozen=True)
class RasterFile:
    """The header of a raster file.

    Attributes:
        path: The file.
        grid: Its own grid.
        facts: What it declares of its bands.
        driver: GDAL's name of its format.
    """

    path: FileName
    grid: Grid
    facts: BandFacts
    driver: str

    @property
    def bands(self) -> int:
        """Its number of bands."""
        return len(self.facts.dtypes)

    def expand(self, nodata: float | None) -> RasterFile:
        """Return the header of the colours of its palette (:meth:`BandFacts.expand`); itself if it has none."""
        return replace(self, facts=self.facts.expand(nodata))


def crs_name(crs: Any) -> str:
    """Return a CRS as an authority code if it has one, else as WKT."""
    crs = CRS.from_user_input(crs)
    epsg = crs.to_epsg(min_confidence=90)
    return f"EPSG:{epsg}" if epsg else str(crs.to_wkt())


@lru_cache(maxsize=1024)
def same_crs(one: str, other: str) -> bool:
    """Return whether two CRSs, in whatever form, are the same on the map: apart from heights and the order of axes."""
    return one == other or _on_map(one).equals(_on_map(other), ignore_axis_order=True)


def proj_is_broken() -> bool:
    """Return whether GDAL can't make out the commonest CRS: its PROJ data is missing, or another version's."""
    try:
        return not GdalCrs.from_epsg(4326).is_geographic
    except (RasterioError, CPLE_BaseError, ValueError):
        return True


def _on_map(crs: str) -> CRS:
    """Return a CRS without its height and without the way to WGS 84 that some software writes beside it."""
    known = CRS.from_user_input(crs)
    while known.is_bound or known.is_compound:
        known = known.source_crs if known.is_bound else known.sub_crs_list[0]
        assert known is not None
    return known


def read_header(path: FileName) -> RasterFile:
    """Read a raster file's header.

    Raises:
        LulcsegError: Not a raster, without a CRS or a place, rotated, or of values that can't be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # an error below
            source = open_with_sidecars(path)
        with source:
            return _header(source, path)
    except (RasterioError, CPLE_BaseError, CRSError, OSError, ValueError) as error:
        there = isinstance(path, RemoteFile) or is_there(path)
        reason = "it can't be read as a raster" if there else "there is no such file"
        otherwise = LulcsegError(reason, where=path, remedy="give a raster that GDAL can open")
        raise reading_error(path, error, otherwise) from error


def _header(source: Any, path: FileName) -> RasterFile:
    if unreadable := [kind for kind in source.dtypes if kind not in _READ]:
        raise LulcsegError(
            f"its values are {unreadable[0]}, which can't be read",
            where=path,
            remedy="convert it to real numbers, such as float32 or uint16 (gdal_translate -ot)",
        )
    if source.crs is None:
        raise LulcsegError("it has no coordinate reference system", where=path, remedy="assign one (gdal_edit)")
    t = source.transform
    if t.is_identity:
        raise LulcsegError(
            "it has no place on the ground: its transform is the identity",
            where=path,
            remedy="assign its extent (gdal_edit -a_ullr)",
        )
    if t.b or t.d or t.a <= 0 or t.e >= 0:
        raise LulcsegError("its rows don't run north to south", where=path, remedy="warp it to a north-up grid")
    grid = Grid(crs_name(source.crs), t.c, t.f, t.a, -t.e, source.height, source.width)
    return RasterFile(path, grid, BandFacts.of(source), source.driver)
