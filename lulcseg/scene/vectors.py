"""Reading vector files: polygons and points, with errors in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.legend import IGNORE, Legend
from lulcseg.scene.spec import IGNORE_NAME


def read_vector(path: Path, layer: str | None, crs: str, columns: Sequence[str]) -> gpd.GeoDataFrame:
    """Read a vector file and bring it to a CRS.

    Args:
        path: The file.
        layer: Its layer, or None for the first.
        crs: Wanted CRS.
        columns: Columns that must be there; no others are kept.

    Returns:
        Features in file order; ``attrs["warped_from"]`` names their own CRS where it was another.

    Raises:
        LulcsegError: No such file, not a vector file, no CRS, or a column that isn't there.
    """
    if not path.exists():
        raise LulcsegError("there is no such file", where=path, remedy="check the path")
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        if layer is not None and layer not in layers:
            raise LulcsegError(f"it has no layer '{layer}'", where=path, remedy=did_you_mean(layer, layers))
        frame = pyogrio.read_dataframe(path, layer=layer or layers[0])
    except (DataSourceError, IndexError) as error:
        raise LulcsegError("it can't be read as a vector file", where=path, remedy="give a GeoPackage") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LulcsegError("it has no geometry", where=path, remedy="name the layer that has")
    if frame.crs is None:
        raise LulcsegError("it has no coordinate reference system", where=path, remedy="assign one")
    for column in columns:
        if column not in frame.columns:
            others = [c for c in frame.columns if c != frame.geometry.name]
            raise LulcsegError(f"it has no column '{column}'", where=path, remedy=did_you_mean(column, others))
    own = frame.crs
    frame = frame[[*columns, frame.geometry.name]]
    if frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    if not own.equals(crs, ignore_axis_order=True):
        frame = frame.to_crs(crs)
        frame.attrs["warped_from"] = own.to_string() if len(own.to_string()) < 40 else own.name
    return frame


def class_indices(
    values: pd.Series[Any], legend: Legend, crosswalk: Mapping[str, str], where: str
) -> NDArray[np.int16]:
    """Turn a column of class names or codes into class indices.

    Args:
        values: What the file says, text or numbers.
        legend: The classes.
        crosswalk: Source value → class name or ``ignore``; empty: values are class names or codes.
        where: The file and column, for errors.

    Returns:
        (n,) int16: class index, 255 where the crosswalk says ``ignore``, −1 where the value is empty.

    Raises:
        LulcsegError: A value that leads to no class, with the nearest that does.
    """
    table = crosswalk_table(legend, crosswalk, where)
    text = values.map(value_text)
    codes = {value: table.get(value) for value in text.dropna().unique()}
    unknown = sorted(value for value, index in codes.items() if index is None)
    if unknown:
        counts = text.value_counts()
        listed = ", ".join(f"'{v}' ({counts[v]} features)" for v in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        hint = did_you_mean(unknown[0], table)
        raise LulcsegError(
            f"class {listed}{more} is not in the legend",
            where=where,
            remedy=hint if hint.startswith("did") else "add it to the legend, or lead it to a class in the crosswalk",
        )
    return np.array([codes[v] if isinstance(v, str) else -1 for v in text], dtype=np.int16)


def crosswalk_table(legend: Legend, crosswalk: Mapping[str, str], where: str) -> dict[str, int]:
    """Return source value → class index (255 for ``ignore``).

    Raises:
        LulcsegError: The crosswalk leads to a class that isn't in the legend.
    """
    if not crosswalk:
        return {c.name: i for i, c in enumerate(legend)} | {str(c.code): i for i, c in enumerate(legend)}
    table = {}
    for source, name in crosswalk.items():
        if name == IGNORE_NAME:
            table[str(source)] = IGNORE
        elif name in legend.names:
            table[str(source)] = legend.index(name)
        else:
            remedy = did_you_mean(name, [*legend.names, IGNORE_NAME])
            raise LulcsegError(f"the crosswalk leads '{source}' to '{name}', no class", where=where, remedy=remedy)
    return table


def value_text(value: object) -> str | None:
    """Return a cell as text: 3.0 reads '3', empty reads None."""
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 (NaN differs from itself)
        return None
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip()
    return text or None
