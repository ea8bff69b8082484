"""One of two files that are compared: a class raster, points or polygons."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import rasterio
from pyproj import CRS
from rasterio.errors import RasterioIOError

from lulcseg.assessment.class_sources import ClassSource, MapSource, PolygonSource
from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.legend import Legend
from lulcseg.maps.classraster import carried_legend, codes_in, open_raster
from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.points import NO_CLASS, NOT_INTERPRETABLE, said_no
from lulcseg.scene.raster_opening import open_dataset, reading_error
from lulcseg.scene.table_files import is_table
from lulcseg.scene.vectors import class_indices, describe_crs, read_vector, value_text

_RASTER_ENDINGS = frozenset({".tif", ".tiff", ".vrt", ".img"})


class ComparedFile:
    """A class raster, points or polygons.

    Args:
        path: The file.
        column: Column of the class in a vector file; None to find it (:func:`_class_column`).
        layer: Layer of a vector file; None for the only one with geometries.
        crs: CRS of a vector file that states none (CSV).

    Attributes:
        path: The file.
        features: Points or polygons, None for a raster.
        is_points: Whether it holds points.
        column: Column of the class, empty for a raster.

    Raises:
        LulcsegError: The file is missing or unreadable, has no CRS, no features, other geometries
            or no column that is clearly the class.
    """

    def __init__(self, path: FileName, column: str | None, layer: str | None = None, crs: str | None = None) -> None:
        self.path = path
        self.features: gpd.GeoDataFrame | None = None if _is_raster(path) else _features(path, layer, crs)
        self.is_points = self.features is not None and _are_points(self.features, path)
        self.column = "" if self.features is None else _class_column(self.features, column, path)

    @property
    def is_raster(self) -> bool:
        """Whether it is a raster."""
        return self.features is None

    def classes(self) -> list[str]:
        """Return the class names or codes that occur in the file, as text."""
        if self.features is None:
            return codes_in(self.path)
        return sorted(set(self.features[self.column].map(value_text).dropna()))

    def carried_legend(self) -> Legend | None:
        """Return the legend stored in the file, if it is a map by lulcseg."""
        return carried_legend(self.path) if self.is_raster else None

    def indexed(self, legend: Legend, stratum: str | None = None) -> gpd.GeoDataFrame:
        """Return the features with ``class_index`` and ``reason``.

        Args:
            legend: The classes.
            stratum: Column of the points' stratum, if it isn't ``stratum``.

        Raises:
            LulcsegError: A class that the legend lacks, or no such column.
        """
        assert self.features is not None
        where = f"{self.path}: column {self.column}"
        index = class_indices(self.features[self.column], legend, {}, where).astype(np.int64)
        reason = np.where(index < 0, NO_CLASS, "").astype(object)
        if "interpretable" in self.features.columns:
            reason[said_no(self.features["interpretable"])] = NOT_INTERPRETABLE
        found = self.features.assign(class_index=index, reason=reason)
        if stratum is None:
            return found
        if stratum not in found.columns:
            others = [str(c) for c in self.features.columns if c != self.features.geometry.name]
            raise LulcsegError(f"it has no column '{stratum}'", where=self.path, remedy=did_you_mean(stratum, others))
        return found.assign(stratum=found[stratum])

    def source(self, legend: Legend) -> ClassSource:
        """Return the source of classes at points."""
        if self.is_raster:
            return MapSource(self.path, legend)
        polygons = self.indexed(legend)
        return PolygonSource(polygons[polygons["class_index"] >= 0], self.path)

    def differs_from(self, other: ComparedFile) -> tuple[str, ...]:
        """Describe how this file is brought onto the other: nothing, or a sentence."""
        own, theirs = self._crs(), other._crs()
        if not own.equals(theirs, ignore_axis_order=True):
            return (f"{self.path.name} was warped from {describe_crs(own)} to {describe_crs(theirs)}.",)
        if self.is_raster and other.is_raster and self._pixels() != other._pixels():
            return (f"{self.path.name} was read on the pixels of {other.path.name}, by nearest neighbour.",)
        return ()

    def _crs(self) -> CRS:
        if self.features is not None:
            return self.features.crs
        with open_raster(self.path) as data:
            return CRS.from_user_input(data.crs)

    def _pixels(self) -> tuple[rasterio.Affine, tuple[int, int]]:
        with open_raster(self.path) as data:
            return data.transform, data.shape


def _is_raster(path: FileName) -> bool:
    if not isinstance(path, RemoteFile) and not path.exists():
        raise LulcsegError("no such file", where=path, remedy="check the path")
    if is_table(path):  # GDAL would read one of x, y and a number as a grid
        return False
    try:
        with open_dataset(path):
            return True
    except RasterioIOError as error:
        if path.suffix.lower() in _RASTER_ENDINGS:
            otherwise = LulcsegError("it can't be read as a raster", where=path, remedy="check that it is whole")
            raise reading_error(path, error, otherwise) from error
        return False


def _features(path: FileName, layer: str | None, crs: str | None) -> gpd.GeoDataFrame:
    features = read_vector(path, layer, None, None, own_crs=crs)
    if features.empty:
        raise LulcsegError("it holds no features", where=path, remedy="check that the layer was saved")
    return features


def _are_points(features: gpd.GeoDataFrame, path: FileName) -> bool:
    """Return whether the features are points; False for polygons."""
    kinds = set(features.geom_type.dropna())
    if kinds == {"Point"}:
        return True
    if kinds and kinds <= {"Polygon", "MultiPolygon"}:
        return False
    found = " and ".join(sorted(kinds)) or "no geometries"
    raise LulcsegError(f"it holds {found}", where=path, remedy="give a layer of points or of polygons")


def _class_column(features: gpd.GeoDataFrame, column: str | None, path: FileName) -> str:
    """Return the column of the class: the one named, else the only candidate.

    Without a name it is the column called ``class``, or else the only one whose name contains
    "class", or else the only one there is.
    """
    columns = [str(c) for c in features.columns if c != features.geometry.name]
    if column is not None:
        if column not in columns:
            raise LulcsegError(f"it has no column '{column}'", where=path, remedy=did_you_mean(column, columns))
        return column
    exact = [c for c in columns if c.casefold() == "class"]
    for candidates in (exact, [c for c in columns if "class" in c.casefold()], columns):
        if len(candidates) == 1:
            return candidates[0]
    listed = f"its columns are {', '.join(columns)}" if columns else "it has no columns"
    raise LulcsegError(
        f"it doesn't say which column holds the class ({listed})",
        where=path,
        remedy="name the column: --column or --map-column, in Python reference_column or mapped_column",
    )
