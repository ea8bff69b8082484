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
from lulcseg.corrections.revised_labels import RevisedLabels, as_multipolygons
from lulcseg.files import replacing
from lulcseg.grid import Bounds, Grid, blocks
from lulcseg.legend import IGNORE, Legend
from lulcseg.scene.ground_area import ground_blocks
from lulcseg.scene.legend_spec import IGNORE_NAME

LAYER = "difference"
_BLOCK = 2048


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


def find_difference(labels: RevisedLabels, places: Sequence[DecidedPlace], grid: Grid) -> list[RelabelledGround]:
    """Compare the labels before and after, pixel by pixel of the decided places; the largest first.

    Args:
        labels: The labels before and after.
        places: Decided places, none of which overlaps another.
        grid: The scene's grid.
    """
    found: list[RelabelledGround] = []
    for place in places:
        pixels: dict[int, int] = defaultdict(int)
        hectares: dict[int, float] = defaultdict(float)
        outlines: dict[int, list[Any]] = defaultdict(list)
        for block in blocks(grid.window_of(Bounds(*place.geometry.bounds)).intersection(grid.window), _BLOCK, _BLOCK):
            earlier = labels.earlier.read(block)
            changed = labels.covered(place, block) & (earlier != place.class_index)
            if not changed.any():
                continue
            for part, area in ground_blocks(grid, block):
                at = part.slices_in(block)
                counts = np.bincount(earlier[at][changed[at]], minlength=256)
                for index in np.flatnonzero(counts).tolist():
                    pixels[index] += int(counts[index])
                    hectares[index] += float(counts[index] * area / 10_000)
            transform = rasterio.Affine(*grid.crop(block).transform)
            for outline, value in shapes(earlier, mask=changed, connectivity=4, transform=transform):
                outlines[int(value)].append(shapely.geometry.shape(outline))
        found += [
            RelabelledGround(place, index, pixels[index], hectares[index], shapely.union_all(parts))
            for index, parts in outlines.items()
        ]
    return sorted(found, key=lambda part: -part.hectares)


def write_difference(found: Sequence[RelabelledGround], out: Path, crs: str, legend: Legend) -> None:
    """Write the difference as a GeoPackage, whole or not at all.

    The layer ``difference`` has a pixel-exact feature for each place and class before: ``rank`` (the largest first),
    ``from``, ``to`` (names; ``ignore``: no label), ``pixels``, ``area_ha``, ``interpreter``, ``review`` and ``place``.

    Args:
        found: What changed.
        out: The GeoPackage.
        crs: The scene's CRS.
        legend: The classes.

    Raises:
        LulcsegError: It can't be written.
    """
    columns: dict[str, Any] = {
        "rank": np.arange(1, len(found) + 1),
        "from": np.array([class_or_none(part.earlier, legend) for part in found], dtype=object),
        "to": np.array([class_or_none(part.place.class_index, legend) for part in found], dtype=object),
        "pixels": np.array([part.pixels for part in found], dtype=np.int64),
        "area_ha": np.array([part.hectares for part in found], dtype=np.float64),
        "interpreter": np.array([part.place.interpreter or None for part in found], dtype=object),
        "review": np.array([part.place.review for part in found], dtype=object),
        "place": np.array([part.place.number for part in found], dtype=np.int64),
    }
    outlines = as_multipolygons(part.geometry for part in found)
    frame = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(outlines, crs=crs))
    with replacing(out) as target:
        try:
            pyogrio.write_dataframe(frame, target, layer=LAYER, driver="GPKG", geometry_type="MultiPolygon")
        except (DataSourceError, DataLayerError) as error:
            raise OSError(str(error)) from error


def summarise_difference(found: Sequence[RelabelledGround], legend: Legend) -> pd.DataFrame:
    """Return the hectares of each pair of classes: columns ``from``, ``to``, ``hectares``, the largest first."""
    totals: dict[tuple[str, str], float] = defaultdict(float)
    for part in found:
        pair = class_or_none(part.earlier, legend), class_or_none(part.place.class_index, legend)
        totals[pair] += part.hectares
    rows = [(*pair, area) for pair, area in sorted(totals.items(), key=lambda item: -item[1])]
    return pd.DataFrame(rows, columns=["from", "to", "hectares"])


def class_or_none(index: int, legend: Legend) -> str:
    """Return a class's name, ``ignore`` where there is no label."""
    return IGNORE_NAME if index == IGNORE else legend.names[index]
