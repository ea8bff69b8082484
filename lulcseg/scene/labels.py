"""Labels: class rasters as they are, and what is computed from polygons; their burning is in `label_burning.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize, shapes

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, Legend
from lulcseg.progress import tracked
from lulcseg.scene.overlaps import burn_order
from lulcseg.scene.raster_headers import RasterFile
from lulcseg.scene.rasters import RasterSet

_BLOCK = 4096
_NOWHERE = 254
"""Marks values of a class raster that lead to no class."""


class LabelReader(Protocol):
    """Reads class indices by windows: a scene's labels, a class raster, polygons."""

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return the class indices of a window, (h, w) uint8, 255 where there is no label."""
        ...


class RasterLabels:
    """Class rasters read as class indices.

    Args:
        rasters: The class rasters on the scene's grid (nearest where warped).
        table: (256,) value → class index, 255 for ignore, 254 for values without a class.
        boundary: Mapping boundary, or None.
    """

    def __init__(self, rasters: RasterSet, table: NDArray[np.uint8], boundary: Any = None) -> None:
        self.rasters = rasters
        self.table = table
        self.boundary = boundary
        self.grid = rasters.grid

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read class indices of a window, (h, w) uint8, 255 where there is no label.

        Raises:
            LulcsegError: A value without a class.
        """
        values, valid = self.rasters.read(window)
        if (
            values.dtype != np.uint8
            and valid.any()
            and not (0 <= values[0][valid].min() <= values[0][valid].max() < 256)
        ):
            raise LulcsegError("class rasters have values outside 0…255", where="labels.rasters", remedy="recode them")
        label: NDArray[np.uint8] = self.table[values[0].astype(np.uint8)]
        label[~valid] = IGNORE
        lost = label == _NOWHERE
        if lost.any():
            strays = np.unique(values[0][lost])[:5]
            raise LulcsegError(
                f"value {', '.join(map(str, strays))} is not in the legend",
                where=self.rasters.file_with(strays, window),
                remedy="add it to the legend, or map it to a class or to 'ignore' in labels.crosswalk",
            )
        if self.boundary is not None:
            label[~inside(self.boundary, self.grid, window)] = IGNORE
        return label


def labelled_share(
    labels: LabelReader, rows: NDArray[np.int64], cols: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """Return the share of pixels with a label in square windows, (n,) float64.

    Args:
        labels: Reader of class indices.
        rows: First row of each window, (n,).
        cols: First column of each window, (n,).
        size: Side of a window, pixels.
    """
    windows = [Window(int(r), int(c), size, size) for r, c in zip(rows, cols, strict=True)]
    shares = [(labels.read(w) != IGNORE).mean() for w in tracked(windows, "Looking for labels", "windows")]
    return np.array(shares, dtype=np.float64)


def check_class_rasters(files: Sequence[RasterFile]) -> None:
    """Check that rasters can be class rasters.

    Raises:
        LulcsegError: A raster with several bands, or without integer values.
    """
    for f in files:
        if len(f.facts.image_bands) != 1:
            raise LulcsegError(f"it has {f.bands} bands", where=f.path, remedy="give class rasters of one band")
        dtype = f.facts.dtypes[f.facts.image_bands[0] - 1]
        if np.dtype(dtype).kind not in "iu":
            raise LulcsegError(f"its type is {dtype}", where=f.path, remedy="give class rasters of whole numbers")


def raster_table(legend: Legend, crosswalk: dict[str, int]) -> NDArray[np.uint8]:
    """Return the (256,) table of :class:`RasterLabels` for a crosswalk of values."""
    table = np.full(256, _NOWHERE, dtype=np.uint8)
    if IGNORE not in legend.codes:
        table[IGNORE] = IGNORE
    for value, index in crosswalk.items():
        if value.isdigit() and int(value) < 256:
            table[int(value)] = index
    return table


def uncovered_parts(geometries: NDArray[Any]) -> NDArray[Any]:
    """Cut from each polygon the parts covered by others on top of it, by the order of burning.

    Args:
        geometries: (n,) valid polygons, in file order.

    Returns:
        (n,) geometries that don't overlap and cover the same ground; some may be empty.
    """
    rank = np.empty(len(geometries), dtype=np.int64)
    rank[burn_order(geometries)] = np.arange(len(geometries))
    below, above = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    keep = rank[below] < rank[above]
    below, above = below[keep], above[keep]
    keep = ~shapely.touches(geometries[below], geometries[above])
    below, above = below[keep], above[keep]
    by_polygon = np.argsort(below, kind="stable")
    lower, starts = np.unique(below[by_polygon], return_index=True)
    out = geometries.copy()
    for polygon, covering in zip(lower, np.split(above[by_polygon], starts[1:]), strict=len(lower) > 0):
        out[polygon] = shapely.difference(geometries[polygon], shapely.union_all(geometries[covering]))
    return out


def areal(geometry: Any) -> Any:
    """Return the polygons of a geometry, without the points and lines that a repair may leave."""
    if geometry is None:
        return shapely.Polygon()
    if geometry.geom_type in {"Polygon", "MultiPolygon"}:
        return geometry
    parts = [g for g in shapely.get_parts(geometry) if g.geom_type in {"Polygon", "MultiPolygon"}]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def invalid(geometries: NDArray[Any]) -> NDArray[np.int64]:
    """Return the indices of invalid geometries, such as self-crossing rings, (k,) int64; missing ones are left out."""
    return np.flatnonzero(~shapely.is_valid(geometries) & ~shapely.is_missing(geometries))


def inside(boundary: Any, grid: Grid, window: Window) -> NDArray[np.bool_]:
    """Return which pixels of a window have their centre inside a polygon, (h, w) bool."""
    box = shapely.box(*grid.bounds(window))
    if window.is_empty or not boundary.intersects(box):
        return np.zeros((window.height, window.width), dtype=bool)
    if boundary.contains(box):
        return np.ones((window.height, window.width), dtype=bool)
    part = boundary.intersection(box)
    burned = rasterize(
        [(part, 1)],
        out_shape=(window.height, window.width),
        transform=rasterio.Affine(*grid.crop(window).transform),
        dtype="uint8",
    )
    return np.asarray(burned, dtype=bool)


def raster_features(labels: LabelReader, grid: Grid, windows: list[Window]) -> gpd.GeoDataFrame:
    """Trace the connected regions of each class in class rasters.

    Args:
        labels: Reader of class indices.
        grid: The scene's grid.
        windows: Ground to trace; overlaps are traced once. Large windows are cut into
            blocks of 4,096 pixels, and so are regions.

    Returns:
        Columns ``class_index`` and ``geometry``, in the grid's CRS.
    """
    found: list[tuple[int, Any]] = []
    for number, window in enumerate(windows):
        for block in blocks(window.intersection(grid.window), _BLOCK, _BLOCK):
            label = labels.read(block)
            for earlier in windows[:number]:
                label[block.intersection(earlier).slices_in(block)] = IGNORE
            transform = rasterio.Affine(*grid.crop(block).transform)
            found += [
                (int(value), shapely.geometry.shape(geometry))
                for geometry, value in shapes(label, mask=label != IGNORE, connectivity=4, transform=transform)
            ]
    return gpd.GeoDataFrame(
        {"class_index": np.array([c for c, _ in found], dtype=np.int64)}, geometry=[g for _, g in found], crs=grid.crs
    )
