"""Polygons burned once into a cached label raster.

Where polygons overlap, the smaller one wins (:func:`lulcseg.scene.overlaps.burn_order`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.features import rasterize

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, Legend
from lulcseg.progress import tracked
from lulcseg.scene.cached_files import make_once
from lulcseg.scene.labels import inside
from lulcseg.scene.overlaps import burn_order
from lulcseg.scene.raster_headers import read_header
from lulcseg.scene.rasters import RasterSet

_BLOCK = 4096
_BURN_VERSION = 2
_BEST_COMPRESSION = 64
"""Pixels that run lengths store in a byte, where all are alike."""

_MANY_PIXELS = 10**10
"""Pixels that take half a minute of processor time and more, and up to a byte each on disk."""


class CachedLabels:
    """A label raster on the scene's grid, read by window; may be pickled and read after a fork."""

    def __init__(self, path: Path, grid: Grid) -> None:
        self.path = path
        self.grid = grid
        # on the grid by construction (a GeoTIFF may return its CRS in another form); its nodata is a label: ignore
        file = replace(read_header(path), grid=grid)
        self._raster = RasterSet([file], grid, [1], valid="all", resampling=Resampling.nearest)

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
        LulcsegError: The cache can't be written to, or has too little room.
    """
    path = cache / "labels" / f"{_key(features, grid, uncovered, boundary, legend)}.tif"
    make_once(path, lambda part: _burn_blocks(part, features, grid, uncovered, boundary))
    return CachedLabels(path, grid)


class PolygonBurner:
    """Burns polygons block by block: the same block gets the same labels, whoever asks.

    A pixel whose centre lies on an edge is burned by rounding, which depends on where its block begins.

    Args:
        features: Columns ``class_index`` and ``geometry``, in the grid's CRS, in file order.
        grid: The scene's grid.
        uncovered: Class index of ground that no polygon covers, or 255.
        boundary: Mapping boundary (shapely), or None; outside it is 255.
    """

    def __init__(self, features: gpd.GeoDataFrame, grid: Grid, *, uncovered: int, boundary: Any) -> None:
        ordered = features.iloc[burn_order(features.geometry.to_numpy())]
        self._geometries, self._classes = ordered.geometry.to_numpy(), ordered["class_index"].to_numpy()
        self._tree = shapely.STRtree(self._geometries)
        self._grid, self._uncovered, self._boundary = grid, uncovered, boundary

    def burn(self, block: Window) -> NDArray[np.uint8]:
        """Return the class indices of one of :func:`burned_blocks`, (h, w) uint8, 255 where there is no label."""
        label = np.full((block.height, block.width), self._uncovered, dtype=np.uint8)
        near = np.sort(self._tree.query(shapely.box(*self._grid.bounds(block))))
        if len(near):
            rasterize(
                zip(self._geometries[near], self._classes[near].tolist(), strict=True),
                out=label,
                transform=rasterio.Affine(*self._grid.crop(block).transform),
            )
        if self._boundary is not None:
            label[~inside(self._boundary, self._grid, block)] = IGNORE
        return label


def burned_blocks(grid: Grid) -> list[Window]:
    """Return the blocks that the labels of a grid are burned by."""
    return list(blocks(grid.window, _BLOCK, _BLOCK))


def _burn_blocks(path: Path, features: gpd.GeoDataFrame, grid: Grid, uncovered: int, boundary: Any) -> None:
    _reckon(grid, path.parent)
    burner = PolygonBurner(features, grid, uncovered=uncovered, boundary=boundary)
    # run lengths: 1.5 × the size of deflate, read in two thirds of the time
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": IGNORE, "crs": grid.crs, "height": grid.height,
        "width": grid.width, "transform": rasterio.Affine(*grid.transform), "compress": "packbits",
        "tiled": True, "blockxsize": 256, "blockysize": 256, "bigtiff": "if_safer",
    }  # fmt: skip
    written = []
    with rasterio.open(path, "w", **profile) as out:
        for block in tracked(burned_blocks(grid), "Burning labels"):
            label = burner.burn(block)
            window = rasterio.windows.Window(block.col, block.row, block.width, block.height)
            out.write(label, 1, window=window)
            written.append((window, zlib.crc32(label)))
    _read_back(path, written)


def _reckon(grid: Grid, folder: Path) -> None:
    """Say how much will be burned, where that is much, before it begins.

    Raises:
        LulcsegError: The disk has less room than the least that the label raster takes.
    """
    pixels = grid.height * grid.width
    least, free = pixels // _BEST_COMPRESSION, shutil.disk_usage(folder).free
    size = f"{grid.height:,} × {grid.width:,} pixels"
    if least > free:
        raise LulcsegError(
            f"the label raster of {size} takes {least / 1e9:.1f} GB at least, and {free / 1e9:.1f} GB are free",
            where=folder,
            remedy="set cache= to a folder on another disk, or give the scene a boundary: around less ground",
        )
    if pixels > _MANY_PIXELS:
        sys.stderr.write(
            f"Burning labels of {size}, {least / 1e9:.1f} to {pixels / 1e9:.0f} GB: a boundary: in the scene file "
            "around the ground in question makes it less.\n"
        )


def _read_back(path: Path, written: Sequence[tuple[Any, int]]) -> None:
    """Compare a raster with the checksums of the windows written to it: on a full disk, GDAL may lose some in silence.

    Raises:
        LulcsegError: It can't be read, or holds other values.
    """
    try:
        with rasterio.open(path) as file:
            whole = all(zlib.crc32(file.read(1, window=window)) == checksum for window, checksum in written)
    except RasterioError:
        whole = False
    if not whole:
        raise LulcsegError(
            "the label raster can't be read back as it was written",
            where=path.parent,
            remedy="make room on its disk, or set cache= to a folder on another",
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
