"""What a revision changed: which ground got which class from which, by whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.features import shapes

from lulcseg.corrections.decided_places import DecidedPlace
from lulcseg.corrections.revised_labels import NO_PLACE, RevisedLabels
from lulcseg.corrections.revised_polygons import as_multipolygons, class_or_ignore
from lulcseg.grid import Grid
from lulcseg.legend import Legend
from lulcseg.scene.ground_area import ground_blocks

LAYER = "difference"


@dataclass(frozen=True, eq=False)
class RelabelledGround:
    """Ground of one place that got another class.

    Attributes:
        place: The place.
        earlier: Class index before, 255 for none.
        pixels: Number of pixels.
        hectares: Their area on the ground.
        geometry: Their outline.
    """

    place: DecidedPlace
    earlier: int
    pixels: int
    hectares: float
    geometry: Any


def find_difference(labels: RevisedLabels, grid: Grid) -> list[RelabelledGround]:
    """Compare the labels before and after, pixel by pixel; the largest first.

    Args:
        labels: The labels before and after.
        grid: The scene's grid.
    """
    pixels: dict[int, int] = defaultdict(int)
    hectares: dict[int, float] = defaultdict(float)
    outlines: dict[int, list[Any]] = defaultdict(list)
    for block in labels.blocks:
        place = labels.decided(block)
        if (place == NO_PLACE).all():
            continue
        earlier = labels.earlier.read(block)
        changed = (place != NO_PLACE) & (earlier != labels.classes[place])
        if not changed.any():
            continue
        both = place * np.int32(256) + earlier  # one number for place and class before
        for part, area in ground_blocks(grid, block):
            at = part.slices_in(block)
            for key, count in zip(*np.unique(both[at][changed[at]], return_counts=True), strict=True):
                pixels[int(key)] += int(count)
                hectares[int(key)] += float(count * area / 10_000)
        transform = rasterio.Affine(*grid.crop(block).transform)
        for outline, key in shapes(both, mask=changed, connectivity=4, transform=transform):
            outlines[int(key)].append(shapely.geometry.shape(outline))
    found = [
        RelabelledGround(labels.places[key // 256], key % 256, pixels[key], hectares[key], shapely.union_all(parts))
        for key, parts in outlines.items()
    ]
    return sorted(found, key=lambda part: (-part.hectares, part.place.review, part.place.number))


def write_difference(found: Sequence[RelabelledGround], out: Path, crs: str, legend: Legend) -> None:
    """Write the difference as a GeoPackage.

    The layer ``difference`` has a pixel-exact feature for each place and class before: ``rank`` (the largest first),
    ``from``, ``to`` (names; ``ignore``: no label), ``pixels``, ``area_ha``, ``interpreter``, ``review`` and ``place``.

    Args:
        found: What changed.
        out: The GeoPackage, within :func:`lulcseg.files.replacing`.
        crs: The scene's CRS.
        legend: The classes.

    Raises:
        OSError: It can't be written.
    """
    columns: dict[str, Any] = {
        "rank": np.arange(1, len(found) + 1),
        "from": np.array([class_or_ignore(part.earlier, legend) for part in found], dtype=object),
        "to": np.array([class_or_ignore(part.place.class_index, legend) for part in found], dtype=object),
        "pixels": np.array([part.pixels for part in found], dtype=np.int64),
        "area_ha": np.array([part.hectares for part in found], dtype=np.float64),
        "interpreter": np.array([part.place.interpreter or None for part in found], dtype=object),
        "review": np.array([part.place.review for part in found], dtype=object),
        "place": np.array([part.place.number for part in found], dtype=np.int64),
    }
    outlines = as_multipolygons(part.geometry for part in found)
    frame = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(outlines, crs=crs))
    try:
        pyogrio.write_dataframe(frame, out, layer=LAYER, driver="GPKG", geometry_type="MultiPolygon")
    except (DataSourceError, DataLayerError) as error:
        raise OSError(str(error)) from error


def summarise_difference(found: Sequence[RelabelledGround], legend: Legend) -> pd.DataFrame:
    """Return the hectares of each pair of classes: columns ``from``, ``to``, ``hectares``, the largest first."""
    totals: dict[tuple[str, str], float] = defaultdict(float)
    for part in found:
        pair = class_or_ignore(part.earlier, legend), class_or_ignore(part.place.class_index, legend)
        totals[pair] += part.hectares
    rows = [(*pair, area) for pair, area in sorted(totals.items(), key=lambda item: -item[1])]
    return pd.DataFrame(rows, columns=["from", "to", "hectares"])
