"""Comparing two class rasters, or a map with polygons, pixel by pixel."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.class_sources import NO_MAP_DATA
from lulcseg.assessment.confusion import confusion_matrix
from lulcseg.assessment.scores import score
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, Legend
from lulcseg.scene.file_names import FileName
from lulcseg.scene.labels import LabelReader
from lulcseg.scene.overlaps import burn_order

NO_REFERENCE = "the reference has no class here"

_BLOCK = 1024


class PolygonReader:
    """Polygons read as if they were a label raster; a pixel has the class of the polygon at its centre.

    Where polygons overlap, the smaller one wins, as in a scene's labels.

    Args:
        polygons: With columns ``class_index`` and geometry, in the grid's CRS.
        grid: The pixels.
    """

    def __init__(self, polygons: gpd.GeoDataFrame, grid: Grid) -> None:
        self._polygons, self._grid = polygons.iloc[burn_order(polygons.geometry.to_numpy())], grid

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return (h, w) uint8 class indices, 255 where no polygon covers the pixel's centre."""
        shape = (window.height, window.width)
        near = self._polygons.iloc[np.sort(self._polygons.sindex.query(shapely.box(*self._grid.bounds(window))))]
        if near.empty:
            return np.full(shape, IGNORE, dtype=np.uint8)
        burned: NDArray[np.uint8] = rasterize(
            zip(near.geometry, near["class_index"].astype(int), strict=True),
            out_shape=shape,
            transform=rasterio.Affine(*self._grid.crop(window).transform),
            fill=IGNORE,
            dtype="uint8",
        )
        return burned


def assess_pixels(
    reference: LabelReader,
    mapped: LabelReader,
    grid: Grid,
    legend: Legend,
    *,
    scene: str,
    source: str | FileName,
    reference_path: str | FileName,
) -> Assessment:
    """Compare two readers of class indices on every pixel of a grid, block by block.

    This is a census of the whole ground, not a sample: it has no sampling error, and neighbouring
    pixels are not independent. There is no table of places.

    Args:
        reference: Reader of the reference's class indices, 255 where it has none.
        mapped: Reader of the map's class indices, 255 where it has none.
        grid: The pixels of both.
        legend: The classes of both.
        scene: Name of the scene.
        source: Path of the map, for the record.
        reference_path: Path of the reference, for the record.
    """
    n = len(legend)
    confusion = np.zeros((n, n), dtype=np.int64)
    unmapped = np.zeros(n, dtype=np.int64)
    for block in blocks(grid.window, _BLOCK, _BLOCK):
        truth, shown = reference.read(block), mapped.read(block)
        given, drawn = truth != IGNORE, shown != IGNORE
        confusion += confusion_matrix(truth[given & drawn], shown[given & drawn], n)
        unmapped += np.bincount(truth[given & ~drawn], minlength=n)
    n_pixels = grid.height * grid.width
    excluded = {
        NO_MAP_DATA: int(unmapped.sum()),
        NO_REFERENCE: int(n_pixels - confusion.sum() - unmapped.sum()),
    }
    return Assessment(
        scene=scene,
        compared="map",
        source=str(source),
        reference=str(reference_path),
        mosaic=None,
        design="census",
        places="pixels",
        legend=legend,
        confusion=confusion,
        scores=score(confusion),
        n_points=n_pixels,
        excluded={reason: count for reason, count in excluded.items() if count},
        unmapped=tuple(unmapped.tolist()),
    )
