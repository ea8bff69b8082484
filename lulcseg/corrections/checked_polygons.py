"""Revised polygons written so that they burn to what was decided, and to what was there everywhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from lulcseg.corrections.revised_labels import RevisedLabels
from lulcseg.corrections.revised_polygons import as_multipolygons, class_or_ignore
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import Legend
from lulcseg.scene.class_polygons import read_polygons, repair_polygons
from lulcseg.scene.label_burning import PolygonBurner
from lulcseg.scene.layer_writing import write_layer
from lulcseg.scene.legend_spec import IGNORE_NAME
from lulcseg.scene.scene import Scene
from lulcseg.scene.spec import LabelsSpec

LAYER = "labels"

EDGE = "edge"
"""Origin of the squares around single pixels' centres that a cut edge would give another class by rounding."""

_SQUARE = 0.5
"""Side of such a square, in pixels; halved where a smaller polygon lies on top."""

_ROUNDS = 12


def write_checked_polygons(scene: Scene, labels: RevisedLabels, polygons: gpd.GeoDataFrame, part: Path) -> bool:
    """Write revised polygons, read them back, burn them and compare them with the revised labels, pixel by pixel.

    Where a pixel's centre lies on an edge that was cut, which polygon gets it is up to rounding: such pixels get a
    square of their own.

    Args:
        scene: The scene.
        labels: Its labels with decided places.
        polygons: :func:`lulcseg.corrections.revised_polygons.revise_polygons` of them.
        part: The GeoPackage to write, within :func:`lulcseg.files.replacing`.

    Returns:
        Whether some polygons are of the class ``ignore``.

    Raises:
        LulcsegError: The polygons don't burn to the revised labels.
        OSError: The file can't be written.
    """
    earlier = scene.spec.labels or LabelsSpec()
    spec = LabelsSpec(file=str(part), column="class", uncovered=earlier.uncovered, crosswalk={IGNORE_NAME: IGNORE_NAME})
    differing: dict[tuple[int, int], int] = {}
    side = _SQUARE
    for _ in range(_ROUNDS):
        whole = _with_squares(polygons, differing, scene.grid, scene.legend, side)
        part.unlink(missing_ok=True)
        write_layer(whole, part, LAYER)
        found = _differing(scene, labels, spec, part)
        if not found:
            return bool((whole["class"] == IGNORE_NAME).any())
        if found.keys() <= differing.keys():
            side /= 2
        differing |= found
    row, col = next(iter(found))
    x, y = scene.grid.xy(np.array([row]), np.array([col]))
    raise LulcsegError(
        f"{len(found):,} pixels would get another label than was decided, the first at {x[0]:.2f} {y[0]:.2f}",
        where=part.parent,
        remedy="nothing was written; redraw the decided polygon there a little larger or smaller",
    )


def _differing(scene: Scene, labels: RevisedLabels, spec: LabelsSpec, part: Path) -> dict[tuple[int, int], int]:
    """Return row, column and class of the pixels where the file doesn't burn to the revised labels."""
    frame = repair_polygons(read_polygons(spec, part, scene.grid.crs, scene.legend), spec, part)
    burner = PolygonBurner(frame, scene.grid, uncovered=scene.uncovered, boundary=scene.boundary)
    found: dict[tuple[int, int], int] = {}
    for block in labels.blocks:
        wanted = labels.read(block)
        rows, cols = np.nonzero(burner.burn(block) != wanted)
        places = zip((rows + block.row).tolist(), (cols + block.col).tolist(), strict=True)
        found |= dict(zip(places, wanted[rows, cols].tolist(), strict=True))
    return found


def _with_squares(
    polygons: gpd.GeoDataFrame, pixels: dict[tuple[int, int], int], grid: Grid, legend: Legend, side: float
) -> gpd.GeoDataFrame:
    """Add squares around the centres of pixels: for each class a feature, smaller than what lies below."""
    if not pixels:
        return polygons
    places = np.array(list(pixels), dtype=np.int64)
    classes = np.array(list(pixels.values()), dtype=np.int64)
    x, y = grid.xy(places[:, 0], places[:, 1])
    half = side / 2 * grid.xres, side / 2 * grid.yres
    squares: NDArray[Any] = shapely.box(x - half[0], y - half[1], x + half[0], y + half[1])
    of_class = np.unique(classes)
    outlines = as_multipolygons(shapely.multipolygons(squares[classes == k]) for k in of_class)
    added = gpd.GeoDataFrame(
        {"class": [class_or_ignore(int(k), legend) for k in of_class], "origin": EDGE, "feature": 0},
        geometry=gpd.GeoSeries(outlines, crs=polygons.crs),
    )
    return gpd.GeoDataFrame(pd.concat([polygons, added.assign(interpreter=None)], ignore_index=True), crs=polygons.crs)
