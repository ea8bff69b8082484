"""Looking up classes at points: in a map, a label raster or polygons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.classraster import ClassRaster
from lulcseg.scene.file_names import FileName
from lulcseg.scene.labels import LabelReader
from lulcseg.scene.overlaps import burn_order

OFF_MAP = "off the map"
NO_MAP_DATA = "the map has no data here"
OFF_LABELS = "off the labels"
NO_LABEL = "no label here"

WITHOUT_CLASS = frozenset({NO_MAP_DATA, NO_LABEL})
"""Reasons for places that the source covers without a class."""

Classes = tuple[NDArray[np.int64], NDArray[np.str_]]
"""Class index of each point, −1 if there is none, and the reason ('' if there is one)."""

_LABEL_BLOCK = 512


class ClassSource(Protocol):
    """Something that gives classes at places: a map, a label raster, polygons."""

    @property
    def crs(self) -> str:
        """CRS of the coordinates given to :meth:`classes_at`."""
        ...

    @property
    def origin(self) -> str:
        """Origin of the classes, for the record: usually a path."""
        ...

    def classes_at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Classes:
        """Return class index and reason at each of (n,) points (finite coordinates in the source's CRS)."""
        ...


class MapSource:
    """The classes of a map file (or any class raster), read by the file's own blocks.

    Args:
        path: The raster, with codes of ``legend``.
        legend: The classes.

    Raises:
        LulcsegError: The file is missing, not a class raster, or has no CRS.
    """

    def __init__(self, path: FileName, legend: Legend) -> None:
        self._path, self._legend = path, legend
        with ClassRaster(path, legend) as raster:
            self._crs = raster.crs

    @property
    def crs(self) -> str:
        """CRS of the map."""
        return self._crs

    @property
    def origin(self) -> str:
        """Path of the map."""
        return str(self._path)

    def classes_at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Classes:
        """Return class index and reason at points.

        Args:
            x: (n,) eastings in the map's CRS, finite.
            y: (n,) northings.

        Raises:
            LulcsegError: The map has a code there that the legend lacks.
        """
        with ClassRaster(self._path, self._legend) as raster:
            row, col = raster.rowcol(x, y)
            index, inside = _read_at(row, col, (raster.height, raster.width), raster.block_shape, raster.read)
        return _with_reasons(index, inside, OFF_MAP, NO_MAP_DATA)


class LabelSource:
    """The classes of a scene's label raster.

    Args:
        labels: The scene's label reader.
        grid: The scene's grid.
        origin: Name in the record: the path of the polygons or the class raster.
    """

    def __init__(self, labels: LabelReader, grid: Grid, origin: str | FileName = "labels") -> None:
        self._labels, self._grid, self._origin = labels, grid, str(origin)

    @property
    def crs(self) -> str:
        """CRS of the grid."""
        return self._grid.crs

    @property
    def origin(self) -> str:
        """Name or path of the labels."""
        return self._origin

    def classes_at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Classes:
        """Return class index and reason at (n,) points in the grid's CRS."""
        row, col = self._grid.rowcol(x, y)
        shape = (self._grid.height, self._grid.width)
        index, inside = _read_at(row, col, shape, (_LABEL_BLOCK, _LABEL_BLOCK), self._labels.read)
        return _with_reasons(index, inside, OFF_LABELS, NO_LABEL)


class PolygonSource:
    """The classes of digitised polygons, looked up without rasterising.

    Where polygons overlap, the smaller one wins, as in a scene's labels (:func:`lulcseg.scene.overlaps.burn_order`).

    Args:
        polygons: With columns ``class_index`` (int) and geometry (Polygon or MultiPolygon).
        origin: Name in the record.
    """

    def __init__(self, polygons: gpd.GeoDataFrame, origin: str | FileName = "polygons") -> None:
        assert polygons.crs is not None
        self._crs, self._origin = polygons.crs.to_string(), str(origin)
        polygons = polygons.iloc[burn_order(polygons.geometry.to_numpy())]
        self._class = polygons["class_index"].to_numpy(dtype=np.int64)
        self._tree = shapely.STRtree(polygons.geometry.to_numpy())
        self._bounds = polygons.total_bounds

    @property
    def crs(self) -> str:
        """CRS of the polygons."""
        return str(self._crs)

    @property
    def origin(self) -> str:
        """Name or path of the polygons."""
        return self._origin

    def classes_at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Classes:
        """Return class index and reason at (n,) points in the polygons' CRS.

        A point outside the polygons' common extent is off the labels; inside it, but in no
        polygon, it has no label.

        Args:
            x: (n,) eastings.
            y: (n,) northings.
        """
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        left, bottom, right, top = self._bounds
        inside = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
        index = np.full(x.shape, -1, dtype=np.int64)
        places = np.flatnonzero(inside)
        which, polygon = self._tree.query(shapely.points(x[places], y[places]), predicate="intersects")
        last = np.full(x.shape, -1, dtype=np.int64)
        np.maximum.at(last, places[which], polygon)
        index[last >= 0] = self._class[last[last >= 0]]
        return _with_reasons(index, inside, OFF_LABELS, NO_LABEL)


def _read_at(
    row: NDArray[np.int64],
    col: NDArray[np.int64],
    shape: tuple[int, int],
    block: tuple[int, int],
    read: Callable[[Window], NDArray[np.uint8]],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Read the class at pixels, each block that contains some of them once.

    Returns:
        Class index, −1 if there is none, and whether the pixel is inside ``shape``.
    """
    inside = (row >= 0) & (col >= 0) & (row < shape[0]) & (col < shape[1])
    places = np.flatnonzero(inside)
    rows, cols = row[places], col[places]
    index = np.full(row.shape, -1, dtype=np.int64)
    for group in by_block(rows // block[0], cols // block[1]):
        r, c = rows[group], cols[group]
        window = Window(int(r.min()), int(c.min()), int(np.ptp(r)) + 1, int(np.ptp(c)) + 1)
        found = read(window)[r - window.row, c - window.col].astype(np.int64)
        index[places[group]] = np.where(found == IGNORE, -1, found)
    return index, inside


def by_block(block_row: NDArray[np.int64], block_col: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the positions of the points of each block, block by block."""
    if block_row.size == 0:
        return
    order = np.lexsort((block_col, block_row))
    rows, cols = block_row[order], block_col[order]
    starts = np.flatnonzero((np.diff(rows) != 0) | (np.diff(cols) != 0)) + 1
    yield from np.split(order, starts)


def _with_reasons(index: NDArray[np.int64], inside: NDArray[np.bool_], off: str, without: str) -> Classes:
    reason = np.where(inside, np.where(index < 0, without, ""), off)
    return index, reason
