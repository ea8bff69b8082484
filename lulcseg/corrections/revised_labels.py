"""Labels with decided places in them, read by blocks, and written as a class raster."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from lulcseg.corrections.decided_places import DecidedPlace
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.raster_layouts import class_layout
from lulcseg.maps.sidecar import class_sidecar
from lulcseg.maps.styles import class_raster_style
from lulcseg.maps.writer import BLOCK, Raster, StripFile, StripSource, reporting_write_errors
from lulcseg.progress import Progress
from lulcseg.scene.label_burning import burned_blocks
from lulcseg.scene.labels import LabelReader, inside
from lulcseg.scene.overlaps import burn_order
from lulcseg.scene.scene import Scene

NO_PLACE = -1
"""In place of a place's index: none is decided there."""


class NoLabels:
    """The labels of a scene that has none."""

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return 255 everywhere, (h, w) uint8."""
        return np.full((window.height, window.width), IGNORE, dtype=np.uint8)


class RevisedLabels:
    """A scene's labels with decided classes in their place, read by blocks.

    A pixel whose centre lies on an edge is in a place or not by rounding, which depends on where the block begins:
    what is written and what is said of it come from the same blocks.

    Args:
        scene: The scene.
        places: Decided places, none of which overlaps another.

    Attributes:
        places: The places, in the order of burning.
        earlier: The labels before.
        of_raster: Whether they are of class rasters.
        blocks: The blocks: those that polygons are burned by, else strips of rows.
    """

    def __init__(self, scene: Scene, places: Sequence[DecidedPlace]) -> None:
        self.earlier: LabelReader = scene.labels or NoLabels()
        self.of_raster = scene.spec.labels is not None and bool(scene.spec.labels.rasters)
        grid = self._grid = scene.grid
        self.blocks = list(blocks(grid.window, BLOCK, grid.width)) if self.of_raster else burned_blocks(grid)
        self._geometries = np.array([place.geometry for place in places], dtype=object)
        order = burn_order(self._geometries)
        self._geometries = self._geometries[order]
        self.places = [places[k] for k in order.tolist()]
        self.classes = np.array([place.class_index for place in self.places], dtype=np.int64)
        self._boundary = scene.boundary
        self._tree = shapely.STRtree(self._geometries)

    def decided(self, block: Window) -> NDArray[np.int32]:
        """Return the index of the place that decides each pixel of a block, (h, w) int32, else :data:`NO_PLACE`.

        It is that of the place that the pixel's centre lies in, inside the scene's boundary.
        """
        found = np.full((block.height, block.width), NO_PLACE, dtype=np.int32)
        near = np.sort(self._tree.query(shapely.box(*self._grid.bounds(block))))
        if len(near):
            rasterize(
                zip(self._geometries[near], near.tolist(), strict=True),
                out=found,
                transform=rasterio.Affine(*self._grid.crop(block).transform),
            )
            if self._boundary is not None:
                found[~inside(self._boundary, self._grid, block)] = NO_PLACE
        return found

    def read(self, block: Window) -> NDArray[np.uint8]:
        """Return the class indices of a block, (h, w) uint8, 255 where there is no label."""
        label, place = self.earlier.read(block).copy(), self.decided(block)
        there = place != NO_PLACE
        label[there] = self.classes[place[there]]
        return label


def write_label_raster(
    labels: RevisedLabels,
    grid: Grid,
    legend: Legend,
    parts: Sequence[Path],
    *,
    out: Path,
    progress: Progress | None = None,
) -> None:
    """Write labels of class rasters as a class raster with its legend and QGIS style.

    Args:
        labels: The labels.
        grid: The scene's grid.
        legend: The classes.
        parts: Where to write the GeoTIFF, its QGIS style and its GDAL sidecar.
        out: The GeoTIFF that the first will be, for errors.
        progress: Progress callback, called with (done, total) strips.

    Raises:
        LulcsegError: They can't be written.
    """
    table = legend.index_to_code()
    raster, style, sidecar = parts
    with tempfile.TemporaryDirectory(prefix=".labels-", dir=out.parent) as folder:
        strip, cog = Path(folder) / "strip.tif", Path(folder) / out.name
        file = StripFile(strip, 1, grid, out)
        try:
            for done, window in enumerate(labels.blocks, start=1):
                file.write(table[labels.read(window)][None])
                if progress is not None:
                    progress(done, len(labels.blocks))
            source = StripSource(strip, 0, grid.height, file.close())
        finally:
            file.abandon()
        Raster(grid, class_layout(legend), legend, {}).join([source], cog, out)
        with reporting_write_errors(out):
            style.write_text(class_raster_style(legend) + "\n", encoding="utf-8")
            sidecar.write_text(class_sidecar(legend), encoding="utf-8")
            cog.replace(raster)
