"""Labels with decided places in them: read by windows, as polygons, and as a class raster."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from lulcseg.corrections.decided_places import DecidedPlace
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.raster_layouts import class_layout
from lulcseg.maps.sidecar import class_sidecar
from lulcseg.maps.styles import class_raster_style
from lulcseg.maps.writer import BLOCK, Raster, StripFile, StripSource, reporting_write_errors, sidecar_of
from lulcseg.progress import Progress
from lulcseg.scene.labels import LabelReader, areal, inside, uncovered_parts
from lulcseg.scene.legend_spec import IGNORE_NAME
from lulcseg.scene.scene import Scene


class NoLabels:
    """The labels of a scene that has none."""

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return 255 everywhere, (h, w) uint8."""
        return np.full((window.height, window.width), IGNORE, dtype=np.uint8)


class RevisedLabels:
    """A scene's labels with decided classes in their place, read by windows.

    Args:
        scene: The scene.
        places: Decided places, none of which overlaps another.

    Attributes:
        earlier: The labels before.
    """

    def __init__(self, scene: Scene, places: Sequence[DecidedPlace]) -> None:
        self.earlier: LabelReader = scene.labels or NoLabels()
        self._scene, self._places = scene, places
        self._tree = shapely.STRtree([place.geometry for place in places])

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return the class indices of a window, (h, w) uint8, 255 where there is no label."""
        label = self.earlier.read(window)
        for k in np.sort(self._tree.query(shapely.box(*self._scene.grid.bounds(window)))).tolist():
            label[self.covered(self._places[k], window)] = self._places[k].class_index
        return label

    def covered(self, place: DecidedPlace, window: Window) -> NDArray[np.bool_]:
        """Return which pixels of a window have their centre in a place, and inside the scene's boundary, (h, w)."""
        found = inside(place.geometry, self._scene.grid, window)
        boundary = self._scene.boundary
        return found if boundary is None else found & inside(boundary, self._scene.grid, window)


def revise_polygons(scene: Scene, places: Sequence[DecidedPlace]) -> gpd.GeoDataFrame:
    """Return a scene's polygons with decided ones in their place.

    Polygons that touch no decided place stay as they are. From the others what lies on top of them is cut, and the
    decided ground: cut without the former, a polygon would be smaller, and win over what covered it.

    Args:
        scene: A scene whose labels are polygons, or that has none.
        places: Decided places, none of which overlaps another.

    Returns:
        Columns ``class`` (name, or ``ignore``), ``origin`` (``labels``, or the review file), ``feature`` (row in the
        labels' file, or place in the review, from 1), ``interpreter``, and geometry (MultiPolygons) in the scene's CRS.
    """
    decided = np.array([place.geometry for place in places], dtype=object)
    parts = [
        pd.DataFrame(
            {
                "class": [_class_name(place.class_index, scene.legend) for place in places],
                "origin": [place.review for place in places],
                "feature": [place.number for place in places],
                "interpreter": [place.interpreter or None for place in places],
                "geometry": decided,
            }
        )
    ]
    if (features := scene.features) is not None:
        geometry = _cut(features.geometry.to_numpy(), decided)
        names = [_class_name(int(index), scene.legend) for index in features["class_index"]]
        columns = {"class": names, "origin": "labels", "feature": features["feature"].to_numpy() + 1}
        own = pd.DataFrame({**columns, "interpreter": None, "geometry": geometry})
        parts.insert(0, own[~shapely.is_empty(geometry)])
    frame = pd.concat(parts, ignore_index=True)
    outlines = as_multipolygons(frame.pop("geometry"))
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(outlines, crs=scene.grid.crs))


def _cut(geometry: NDArray[np.object_], decided: NDArray[np.object_]) -> NDArray[np.object_]:
    """Cut decided ground, and what lies on top, from the polygons that touch decided ground."""
    touched, near = shapely.STRtree(decided).query(geometry, predicate="intersects")
    geometry = geometry.copy()
    bare = uncovered_parts(geometry) if len(touched) else geometry
    for k in np.unique(touched).tolist():
        geometry[k] = areal(shapely.difference(bare[k], shapely.union_all(decided[near[touched == k]])))
    return geometry


def as_multipolygons(polygons: Iterable[Any]) -> NDArray[np.object_]:
    """Return polygons and multipolygons as multipolygons, the type of a layer that holds both."""
    return np.array([shapely.MultiPolygon(shapely.get_parts(each).tolist()) for each in polygons], dtype=object)


def _class_name(index: int, legend: Legend) -> str:
    return IGNORE_NAME if index == IGNORE else legend.names[index]


def write_label_raster(
    labels: LabelReader, grid: Grid, legend: Legend, out: Path, progress: Progress | None = None
) -> list[Path]:
    """Write labels as a class raster with its legend and QGIS style, whole or not at all.

    Args:
        labels: Reader of class indices.
        grid: The scene's grid.
        legend: The classes.
        out: The GeoTIFF.
        progress: Progress callback, called with (done, total) strips.

    Returns:
        The files written.

    Raises:
        LulcsegError: They can't be written.
    """
    table = legend.index_to_code()
    strips = list(blocks(grid.window, BLOCK, grid.width))
    with reporting_write_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".labels-", dir=out.parent) as folder:
        strip, cog = Path(folder) / "strip.tif", Path(folder) / out.name
        file = StripFile(strip, 1, grid, out)
        try:
            for done, window in enumerate(strips, start=1):
                file.write(table[labels.read(window)][None])
                if progress is not None:
                    progress(done, len(strips))
            source = StripSource(strip, 0, grid.height, file.close())
        finally:
            file.abandon()
        Raster(grid, class_layout(legend), legend, {}).join([source], cog, out)
        style = out.with_suffix(".qml")
        with reporting_write_errors(out):
            style.write_text(class_raster_style(legend) + "\n", encoding="utf-8")
            sidecar_of(out).write_text(class_sidecar(legend), encoding="utf-8")
            cog.replace(out)
    return [out, style]
