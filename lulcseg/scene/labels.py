"""Labels: digitised polygons burned once into a cached raster, or class rasters as they are.

Where polygons overlap, the smaller one wins (:func:`lulcseg.scene.overlaps.burn_order`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.features import rasterize, shapes

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, Legend
from lulcseg.progress import tracked
from lulcseg.scene.cached_files import make_once
from lulcseg.scene.overlaps import burn_order
from lulcseg.scene.raster_headers import RasterFile, read_header
from lulcseg.scene.rasters import RasterSet

_BLOCK = 4096
_BURN_VERSION = 2
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
        if len(f.image_bands) != 1:
            raise LulcsegError(f"it has {f.bands} bands", where=f.path, remedy="give class rasters of one band")
        if np.dtype(f.dtype).kind not in "iu":
            raise LulcsegError(f"its type is {f.dtype}", where=f.path, remedy="give class rasters of whole numbers")


def raster_table(legend: Legend, crosswalk: dict[str, int]) -> NDArray[np.uint8]:
    """Return the (256,) table of :class:`RasterLabels` for a crosswalk of values."""
    table = np.full(256, _NOWHERE, dtype=np.uint8)
    if IGNORE not in legend.codes:
        table[IGNORE] = IGNORE
    for value, index in crosswalk.items():
        if value.isdigit() and int(value) < 256:
            table[int(value)] = index
    return table


class CachedLabels:
    """A label raster on the scene's grid, read by window; may be pickled and read after a fork."""

    def __init__(self, path: Path, grid: Grid) -> None:
        self.path = path
        self.grid = grid
        # on the grid by construction (a GeoTIFF may return its CRS in another form); its nodata is a label: ignore
        file = replace(read_header(path), grid=grid, nodata=None)
        self._raster = RasterSet([file], grid, [1], resampling=Resampling.nearest)

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read class indices of a window, (h, w) uint8, 255 where there is no label."""
        label: NDArray[np.uint8]
        if self.grid.window.contains(window):
            label = self._raster.read_file(0, window)[0][0]
            return label
        values, valid = self._raster.read(window)
        label = np.where(valid, values[0], np.uint8(IGNORE))
        return label


def burn(
    features: gpd.GeoDataFrame, grid: Grid, *, uncovered: int, boundary: Any, cache: Path, legend: Legend
) -> CachedLabels:
    """Burn polygons into a cached label raster: the same content is never burned again.

    If several processes request it at once, one burns and the others wait.

    Args:
        features: Columns ``class_index`` and ``geometry``, in the grid's CRS, in file order.
        grid: The scene's grid.
        uncovered: Class index of ground that no polygon covers, or 255.
        boundary: Mapping boundary (shapely), or None; outside it is 255.
        cache: Folder for label rasters.
        legend: The classes, for the key.

    Returns:
        The label raster.

    Raises:
        LulcsegError: The cache can't be written to.
    """
    path = cache / "labels" / f"{_key(features, grid, uncovered, boundary, legend)}.tif"
    make_once(path, lambda part: _burn_blocks(part, features, grid, uncovered, boundary))
    return CachedLabels(path, grid)


def _burn_blocks(path: Path, features: gpd.GeoDataFrame, grid: Grid, uncovered: int, boundary: Any) -> None:
    ordered = features.iloc[burn_order(features.geometry.to_numpy())]
    geometries, classes = ordered.geometry.to_numpy(), ordered["class_index"].to_numpy()
    tree = shapely.STRtree(geometries)
    # run lengths: 1.5 × the size of deflate, read in two thirds of the time
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": IGNORE, "crs": grid.crs, "height": grid.height,
        "width": grid.width, "transform": rasterio.Affine(*grid.transform), "compress": "packbits",
        "tiled": True, "blockxsize": 256, "blockysize": 256, "bigtiff": "if_safer",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        for block in tracked(list(blocks(grid.window, _BLOCK, _BLOCK)), "Burning labels"):
            label = np.full((block.height, block.width), uncovered, dtype=np.uint8)
            near = np.sort(tree.query(shapely.box(*grid.bounds(block))))
            if len(near):
                rasterize(
                    zip(geometries[near], classes[near].tolist(), strict=True),
                    out=label,
                    transform=rasterio.Affine(*grid.crop(block).transform),
                )
            if boundary is not None:
                label[~inside(boundary, grid, block)] = IGNORE
            out.write(label, 1, window=rasterio.windows.Window(block.col, block.row, block.width, block.height))


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


def raster_features(labels: RasterLabels | CachedLabels, windows: list[Window]) -> gpd.GeoDataFrame:
    """Trace the connected regions of each class in class rasters.

    Args:
        labels: Reader of class indices.
        windows: Ground to trace; overlaps are traced once. Large windows are cut into
            blocks of 4,096 pixels, and so are regions.

    Returns:
        Columns ``class_index`` and ``geometry``, in the grid's CRS.
    """
    grid = labels.grid
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


def _key(features: gpd.GeoDataFrame, grid: Grid, uncovered: int, boundary: Any, legend: Legend) -> str:
    """Return a hash of everything that the label raster depends on."""
    digest = hashlib.sha256()
    facts = [_BURN_VERSION, grid.crs, *grid.transform, grid.height, grid.width, uncovered, legend.names]
    digest.update(json.dumps(facts).encode())
    digest.update(np.ascontiguousarray(features["class_index"].to_numpy(dtype=np.int64)).tobytes())
    for wkb in shapely.to_wkb(features.geometry.to_numpy()):
        digest.update(wkb)
    if boundary is not None:
        digest.update(shapely.to_wkb(boundary))
    return digest.hexdigest()[:32]
