"""Reference points: the class that an interpreter saw at a place, and why some can't be scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, Legend
from lulcseg.scene.file_names import FileName
from lulcseg.scene.format_quantities import format_count
from lulcseg.scene.legend_spec import IGNORE_NAME
from lulcseg.scene.spec import PointsSpec
from lulcseg.scene.vectors import crosswalk_entries, crosswalk_table, look_up, read_vector, value_text

NO_CLASS = "no class given"
NOT_INTERPRETABLE = "not interpretable"
IGNORED = "class is ignored by the crosswalk"
_FALSE = {"false", "0", "no", "n", "f"}


def read_points(
    spec: PointsSpec, path: FileName, crs: str, legend: Legend, labels_crosswalk: Mapping[str, str]
) -> gpd.GeoDataFrame:
    """Read reference points; none is dropped, and those that can't be scored have a reason.

    Args:
        spec: File and columns.
        path: The file.
        crs: CRS to transform them to.
        legend: The classes.
        labels_crosswalk: The labels' crosswalk, used if the points have none of their own. A
            value that it lacks is a class name or code.

    Returns:
        Columns ``class_index`` (int64, −1 if not scorable), ``reason`` (text, empty if
        scorable), ``second_index``, ``interpreter``, ``stratum`` and ``weight`` if the file has
        them, and ``geometry``; one row a point, in file order.

    Raises:
        LulcsegError: No such file or column, an unknown class, or one that is another
            class by the labels' crosswalk than by the legend.
    """
    named = {
        "second_index": spec.second,
        "interpreter": spec.interpreter,
        "stratum": spec.stratum,
        "weight": spec.weight,
        "interpretable": spec.interpretable,
    }
    given = {key: column for key, column in named.items() if column}
    columns = list(dict.fromkeys([spec.column, *given.values()]))
    frame = read_vector(path, spec.layer, crs, columns, key="points.layer", own_crs=spec.crs)
    if set(frame.geometry.geom_type.dropna()) - {"Point"}:
        raise LulcsegError("it has geometries other than points", where=path, remedy="give points")

    def index_of(column: str) -> NDArray[np.int64]:
        where, values = f"{path}: column {column}", frame[column]
        table = _table(values, spec.crosswalk, labels_crosswalk, legend, where)
        return look_up(values, table, where).astype(np.int64)

    index = index_of(spec.column)
    reason = np.where(index < 0, NO_CLASS, np.where(index == IGNORE, IGNORED, "")).astype(object)
    if spec.interpretable:
        reason[said_no(frame[spec.interpretable])] = NOT_INTERPRETABLE
    empty = frame.geometry.isna().to_numpy() | frame.geometry.is_empty.to_numpy()
    reason[empty] = "no place given"
    index[reason != ""] = -1
    out = gpd.GeoDataFrame({"class_index": index, "reason": reason}, geometry=frame.geometry.to_numpy(), crs=crs)
    for key, column in given.items():
        if key == "second_index":
            out[key] = index_of(column)
        elif key != "interpretable":
            out[key] = frame[column].to_numpy()
    out.attrs |= frame.attrs
    return out


def check_place(points: gpd.GeoDataFrame, grid: Grid, path: FileName) -> None:
    """Check that some reference point lies on a scene's grid: else no map of it can be assessed.

    Args:
        points: The points, in the grid's CRS.
        grid: The scene's grid.
        path: Their file, for errors.

    Raises:
        LulcsegError: None does.
    """
    b, x, y = grid.bounds(), points.geometry.x, points.geometry.y
    if not ((x >= b.left) & (x <= b.right) & (y >= b.bottom) & (y <= b.top)).any():
        raise LulcsegError(
            f"none of {format_count(len(points), 'point')} lies on the imagery"
            if len(points)
            else "it holds no points",
            where=path,
            remedy="correct their coordinate reference system, or leave out points: in the scene file",
        )


def said_no(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return which cells of a column mean no: false, 0, no, n, f; not empty ones, (n,) bool."""
    return values.map(lambda v: (value_text(v) or "").lower() in _FALSE).to_numpy(dtype=bool)


def _table(
    values: pd.Series[Any], own: Mapping[str, str], labels: Mapping[str, str], legend: Legend, where: str
) -> dict[str, int]:
    """Return the classes of the points' values: source value → class index, 255 to ignore."""
    if own or not labels:
        return crosswalk_table(legend, own, where)
    plain, led = crosswalk_table(legend, {}, where), crosswalk_entries(legend, labels, "labels.crosswalk")
    for value in sorted(set(values.map(value_text).dropna())):
        if value in led and led[value] != plain.get(value, led[value]):
            by_legend = legend.names[plain[value]]
            by_labels = IGNORE_NAME if led[value] == IGNORE else legend.names[led[value]]
            raise LulcsegError(
                f"'{value}' is '{by_labels}' by the labels' crosswalk, but '{by_legend}' in the legend",
                where=where,
                remedy="choose one in points.crosswalk",
            )
    return plain | led
