"""Reads a map's class probabilities at reference points, from the raster beside the map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterWindow

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.class_sources import by_block
from lulcseg.assessment.design_variance import Array
from lulcseg.assessment.point_design import PointDesign
from lulcseg.assessment.reliability import Reliability, measure_reliability
from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.classraster import open_raster
from lulcseg.maps.probability_bands import probability_bands
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.scene.file_names import FileName

SUFFIX = "_probabilities.tif"
"""What a map's name ends in for its probabilities: ``<map>_probabilities.tif``."""

_REMEDY = "map the scene again with mosaic.outputs=[probabilities]"


def probabilities_beside(mapped: Path) -> Path:
    """Return the path of a map's probabilities, which need not exist.

    >>> probabilities_beside(Path("maps/farm_single.tif")).name
    'farm_single_probabilities.tif'
    """
    return mapped.with_name(mapped.stem + SUFFIX)


@dataclass(frozen=True, eq=False)
class PointProbabilities:
    """Class probabilities at the scored points of an assessment.

    Attributes:
        values: (n, K) in the legend's order; NaN where the raster holds none.
        reference: (n,) class indices.
        mapped: (n,) class indices of the map.
    """

    values: Array
    reference: NDArray[np.int64]
    mapped: NDArray[np.int64]

    @classmethod
    def read(cls, path: FileName, mapped: FileName, result: Assessment, places: gpd.GeoSeries) -> PointProbabilities:
        """Read the raster at an assessment's scored points.

        Args:
            path: The raster of probabilities: a band for each class, named after it, in steps of 0.004.
            mapped: The class map.
            result: The map's assessment at points.
            places: Positions of the points, in the order of the assessment's table.

        Raises:
            LulcsegError: The raster can't be read, has other classes or pixels than the map, or is another map's.
        """
        table = result.points
        assert table is not None
        scored = (table["excluded"] == "").to_numpy()
        index = {name: k for k, name in enumerate(result.legend.names)}
        reference, shown = (np.asarray(table[side].map(index)[scored], dtype=np.int64) for side in ("reference", "map"))
        values = _read_at(path, mapped, result.legend, gpd.GeoSeries(places[scored]))
        found = cls(values, reference, shown)
        found._check(path)
        return found

    def reliability(self, design: PointDesign, named: str) -> Reliability | None:
        """Return the scores under a design of the n points; None if no point has probabilities."""
        known = ~np.isnan(self.values).any(axis=1)
        if not known.any():
            return None
        return measure_reliability(
            self.values[known], self.reference[known], self.mapped[known], design.where(known), named=named
        )

    def _check(self, path: FileName) -> None:
        """Refuse probabilities whose highest is of another class than the map's: they are of an earlier map."""
        known = ~np.isnan(self.values).any(axis=1)
        own = self.values[known, self.mapped[known]]
        if (own < self.values[known].max(axis=1) - 1 / SHARE_STEPS).any():
            raise LulcsegError("its most probable classes are not the map's", where=path, remedy=_REMEDY)


def _read_at(path: FileName, mapped: FileName, legend: Legend, places: gpd.GeoSeries) -> Array:
    """Return the probabilities at points, (n, K), NaN where there are none."""
    with open_raster(mapped) as base, open_raster(path) as data:
        bands = probability_bands(data, base, legend, remedy=_REMEDY)
        there = places.to_crs(data.crs)
        x, y, t = np.asarray(there.x, dtype=np.float64), np.asarray(there.y, dtype=np.float64), ~data.transform
        rows = np.floor(t.d * x + t.e * y + t.f).astype(np.int64)
        cols = np.floor(t.a * x + t.b * y + t.c).astype(np.int64)
        stored = np.full((len(rows), len(bands)), IGNORE, dtype=np.uint8)
        height, width = data.block_shapes[0]
        inside = np.flatnonzero((rows >= 0) & (cols >= 0) & (rows < data.height) & (cols < data.width))
        for group in by_block(rows[inside] // height, cols[inside] // width):
            stored[inside[group]] = _read_group(data, bands, rows[inside[group]], cols[inside[group]])
    return np.where(stored == IGNORE, np.nan, stored / SHARE_STEPS)


def _read_group(
    data: rasterio.DatasetReader, bands: list[int], rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return the stored values at pixels of one block, (m, K)."""
    row, col = int(rows.min()), int(cols.min())
    window = RasterWindow(col, row, int(np.ptp(cols)) + 1, int(np.ptp(rows)) + 1)
    found: NDArray[np.uint8] = data.read(bands, window=window)[:, rows - row, cols - col].T
    return found
