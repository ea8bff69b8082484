"""Reading points or polygons with a class column from a file somebody made."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype
from pyogrio.errors import DataLayerError, DataSourceError

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.legend import Legend

NO_CLASS = "no class given"


def read_features(path: Path) -> gpd.GeoDataFrame:
    """Read the one layer of a vector file that has geometries.

    Returns:
        Its features; a MultiPoint of one point comes as that Point.

    Raises:
        LulcsegError: The file is missing, no vector file, has no or several layers, no features
            or no CRS.
    """
    if not path.exists():
        raise LulcsegError("no such file", where=path, remedy="check the path")
    try:
        layers = [str(name) for name, geometry in pyogrio.list_layers(path) if geometry is not None]
        if len(layers) != 1:
            raise LulcsegError(
                f"has {len(layers)} layers with geometries" + (f" ({', '.join(layers)})" if layers else ""),
                where=path,
                remedy="give a file with one",
            )
        features = gpd.read_file(path, layer=layers[0])
    except (DataSourceError, DataLayerError) as error:
        raise LulcsegError(
            "neither a raster nor a vector file", where=path, remedy="give a GeoTIFF, GeoPackage, GeoJSON or shapefile"
        ) from error
    if features.empty:
        raise LulcsegError("holds no features", where=path, remedy="check that the layer was saved")
    if features.crs is None:
        raise LulcsegError("has no CRS", where=path, remedy="assign one (in QGIS: Assign projection)")
    singles = (features.geom_type == "MultiPoint") & (features.geometry.count_coordinates() == 1)
    if singles.any():
        features.loc[singles, features.geometry.name] = features.geometry[singles].centroid
    return features


def are_points(features: gpd.GeoDataFrame, path: Path) -> bool:
    """Tell points from polygons.

    Raises:
        LulcsegError: The layer holds anything else, or both.
    """
    kinds = set(features.geom_type.dropna())
    if kinds == {"Point"}:
        return True
    if kinds and kinds <= {"Polygon", "MultiPolygon"}:
        return False
    found = " and ".join(sorted(kinds)) or "no geometries"
    raise LulcsegError(f"holds {found}", where=path, remedy="give a layer of points or of polygons")


def class_column(features: gpd.GeoDataFrame, column: str | None, path: Path) -> str:
    """Return the column that holds the class: the one named, else the one that must be meant.

    Without a name it is the column called ``class``, or else the only one whose name contains
    "class", or else the only one there is.

    Raises:
        LulcsegError: The named column is missing, or none is plainly the class.
    """
    columns = [str(c) for c in features.columns if c != features.geometry.name]
    if column is not None:
        if column not in columns:
            raise LulcsegError(f"has no column '{column}'", where=path, remedy=did_you_mean(column, columns))
        return column
    exact = [c for c in columns if c.casefold() == "class"]
    for candidates in (exact, [c for c in columns if "class" in c.casefold()], columns):
        if len(candidates) == 1:
            return candidates[0]
    listed = f"its columns are {', '.join(columns)}" if columns else "it has no columns"
    raise LulcsegError(f"doesn't say which column holds the class ({listed})", where=path, remedy="name the column")


def distinct_classes(values: pd.Series) -> list[str]:
    """Return the class names or codes that occur, sorted, as text; empty ones left out."""
    return sorted(set(_as_text(values)) - {""})


def class_indices(values: pd.Series, legend: Legend, path: Path) -> NDArray[np.int64]:
    """Turn class names or codes into class indices, −1 where the field is empty.

    Args:
        values: The class column. Text is looked up among the names, then among the codes.
        legend: The classes.
        path: The file, for the error.

    Raises:
        LulcsegError: A value is neither a name nor a code of the legend.
    """
    text = _as_text(values)
    lookup = {str(code): i for i, code in enumerate(legend.codes)}
    lookup.update({name: i for i, name in enumerate(legend.names)})
    lookup[""] = -1
    unknown = sorted(set(text) - set(lookup))
    if unknown:
        listed = ", ".join(f"'{value}'" for value in unknown[:5]) + (", …" if len(unknown) > 5 else "")
        raise LulcsegError(
            f"has class {listed}, which the legend lacks",
            where=path,
            remedy=f"{did_you_mean(unknown[0], legend.names)} (an empty field means: not scored)",
        )
    return np.array([lookup[value] for value in text], dtype=np.int64)


def _as_text(values: pd.Series) -> list[str]:
    """Write names as they stand and codes as whole numbers (a column with gaps reads as 3.0)."""
    if is_numeric_dtype(values):
        return ["" if pd.isna(v) else f"{v:.12g}" for v in values]
    return ["" if pd.isna(v) else str(v).strip() for v in values]
