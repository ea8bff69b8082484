"""Reference points: the class somebody saw at a place, and why some can't be scored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, Legend
from lulcseg.scene.spec import PointsSpec
from lulcseg.scene.vectors import class_indices, read_vector, value_text

NO_CLASS = "no class given"
NOT_INTERPRETABLE = "not interpretable"
IGNORED = "class is ignored by the crosswalk"
_FALSE = {"false", "0", "no", "n", "f"}


def read_points(
    spec: PointsSpec, path: Path, crs: str, legend: Legend, labels_crosswalk: Mapping[str, str]
) -> gpd.GeoDataFrame:
    """Read reference points; none is dropped, those that can't be scored say why.

    Args:
        spec: Which file and columns.
        path: The file.
        crs: CRS to bring them to.
        legend: The classes.
        labels_crosswalk: The labels' crosswalk: used where the points have none of their own and
            their values are not all class names or codes.

    Returns:
        Columns ``class_index`` (int64, −1 where not scorable), ``reason`` (text, empty where
        scorable), ``second_index``, ``interpreter``, ``stratum`` and ``weight`` where the file has
        them, and ``geometry``; one row a point, in file order.

    Raises:
        LulcsegError: No such file or column, or a class that leads nowhere.
    """
    named = {
        "second_index": spec.second,
        "interpreter": spec.interpreter,
        "stratum": spec.stratum,
        "weight": spec.weight,
        "interpretable": spec.interpretable,
    }
    given = {key: column for key, column in named.items() if column}
    frame = read_vector(path, spec.layer, crs, list(dict.fromkeys([spec.column, *given.values()])))
    if set(frame.geometry.geom_type.dropna()) - {"Point"}:
        raise LulcsegError("it holds geometries other than points", where=path, remedy="give points")
    where = f"{path}: column {spec.column}"
    values = frame[spec.column]
    crosswalk = dict(spec.crosswalk)
    if not crosswalk and not _all_known(values, legend):
        crosswalk = dict(labels_crosswalk)
    index = class_indices(values, legend, crosswalk, where).astype(np.int64)
    reason = np.where(index < 0, NO_CLASS, np.where(index == IGNORE, IGNORED, "")).astype(object)
    if spec.interpretable:
        unclear = frame[spec.interpretable].map(lambda v: (value_text(v) or "").lower() in _FALSE).to_numpy()
        reason[unclear] = NOT_INTERPRETABLE
    empty = frame.geometry.isna().to_numpy() | frame.geometry.is_empty.to_numpy()
    reason[empty] = "no place given"
    index[reason != ""] = -1
    out = gpd.GeoDataFrame({"class_index": index, "reason": reason}, geometry=frame.geometry.to_numpy(), crs=crs)
    for key, column in given.items():
        if key == "second_index":
            out[key] = class_indices(frame[column], legend, crosswalk, f"{path}: column {column}").astype(np.int64)
        elif key != "interpretable":
            out[key] = frame[column].to_numpy()
    out.attrs |= frame.attrs
    return out


def _all_known(values: pd.Series[Any], legend: Legend) -> bool:
    known = set(legend.names) | {str(code) for code in legend.codes}
    return all(text is None or text in known for text in values.map(value_text))
