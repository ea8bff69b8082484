"""Digitised polygons with their classes: read from the scene's file, and repaired."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.scene.file_names import FileName
from lulcseg.scene.labels import areal, invalid
from lulcseg.scene.spec import LabelsSpec
from lulcseg.scene.vectors import check_not_empty, class_indices, read_vector


def read_polygons(spec: LabelsSpec, path: FileName, crs: str, legend: Legend) -> gpd.GeoDataFrame:
    """Read polygons as they are in the file.

    Args:
        spec: Layer, column and crosswalk.
        path: The file.
        crs: CRS to transform them to.
        legend: The classes.

    Returns:
        Columns ``class_index``, ``feature`` (row in the file, from 0) and ``geometry``.

    Raises:
        LulcsegError: The file can't be read, a feature has no class or an unknown one, or is not a polygon.
    """
    assert spec.column is not None
    frame = read_vector(path, spec.layer, crs, [spec.column], key="labels.layer", own_crs=spec.crs)
    check_not_empty(frame, path, "polygons")
    where = f"{path}: column {spec.column}"
    index = class_indices(frame[spec.column], legend, spec.crosswalk, where)
    if (index < 0).any():
        raise LulcsegError(f"{int((index < 0).sum())} features have no class", where=where, remedy="fill them in")
    out = frame[["geometry"]].assign(class_index=index.astype(np.int64), feature=np.arange(len(frame)))
    out.attrs |= frame.attrs
    kinds = set(out.geometry.geom_type.dropna()) - {"Polygon", "MultiPolygon"}
    if kinds:
        raise LulcsegError(
            f"it has geometries of type {', '.join(sorted(kinds))}", where=path, remedy="give polygons only"
        )
    return out


def repair_polygons(frame: gpd.GeoDataFrame, spec: LabelsSpec, path: FileName) -> gpd.GeoDataFrame:
    """Repair invalid polygons and leave out empty ones.

    Raises:
        LulcsegError: Some are invalid, and ``labels.invalid`` is ``refuse``.
    """
    geometry = frame.geometry.to_numpy().copy()
    broken = invalid(geometry)
    if len(broken):
        _check_may_repair(spec, path, geometry, broken)
        geometry[broken] = [areal(g) for g in shapely.make_valid(geometry[broken])]
        frame = frame.set_geometry(gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs))
    held = frame.geometry.to_numpy()
    kept: gpd.GeoDataFrame = frame[~(shapely.is_missing(held) | shapely.is_empty(held))]
    return kept


def _check_may_repair(spec: LabelsSpec, path: FileName, geometry: NDArray[Any], broken: NDArray[np.int64]) -> None:
    if spec.invalid == "repair":
        return
    count = "1 polygon is" if len(broken) == 1 else f"{len(broken)} polygons are"
    reason = shapely.is_valid_reason(geometry[broken[0]])
    raise LulcsegError(
        f"{count} invalid, the first is feature {broken[0] + 1} of the file ({reason})",
        where=path,
        remedy="repair the polygons, or set labels.invalid: repair",
    )
