"""Reading vector files: polygons and points, with errors in a sentence."""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely.errors import GEOSException

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import is_there
from lulcseg.legend import IGNORE, Legend
from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.legend_spec import IGNORE_NAME
from lulcseg.scene.network_settings import prepare_network
from lulcseg.scene.raster_opening import reading_error
from lulcseg.scene.table_files import is_table, read_table, with_stated_crs


def read_vector(
    path: FileName,
    layer: str | None,
    crs: str | None,
    columns: Sequence[str] | None,
    *,
    key: str | None = None,
    own_crs: str | None = None,
) -> gpd.GeoDataFrame:
    """Read a vector file and transform it to a CRS.

    Args:
        path: The file.
        layer: Its layer, or None for the only one with geometries.
        crs: Requested CRS, or None for the file's own.
        columns: Required columns, of which no others are kept; None keeps all.
        key: Setting that names the layer, for the remedy; None: there is none.
        own_crs: CRS of the file's coordinates, if it doesn't state one.

    Returns:
        Features in file order, with geometry column ``geometry``; a MultiPoint of one point becomes
        a Point. ``attrs["warped_from"]`` names the file's CRS if it was another.

    Raises:
        LulcsegError: No such file, not a vector file, no such layer or several to choose from, no
            geometry, no CRS, or a missing column.
    """
    frame = with_stated_crs(_features(path, layer, key, own_crs), own_crs, path)
    others = [str(c) for c in frame.columns if c != frame.geometry.name]
    for column in columns or ():
        if column not in others:
            raise LulcsegError(f"it has no column '{column}'", where=path, remedy=did_you_mean(column, others))
    if columns is not None:
        frame = frame[[*columns, frame.geometry.name]]
    if frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    _check_finite(frame, path)
    singles = (frame.geom_type == "MultiPoint") & (frame.geometry.count_coordinates() == 1)
    if singles.any():
        frame = frame.set_geometry(frame.geometry.where(~singles, frame.geometry.centroid))
    own = frame.crs
    assert own is not None
    if crs is not None and not own.equals(crs, ignore_axis_order=True):
        frame = frame.to_crs(crs)
        frame.attrs["warped_from"] = describe_crs(own)
    return frame


def _features(path: FileName, layer: str | None, key: str | None, own_crs: str | None) -> gpd.GeoDataFrame:
    """Read a table or a layer as it is."""
    if not isinstance(path, RemoteFile) and not is_there(path):
        raise LulcsegError("there is no such file", where=path, remedy="check the path")
    if is_table(path):
        if layer is not None:
            raise LulcsegError(f"it has no layer '{layer}': a table has none", where=path, remedy="leave it out")
        return read_table(path, own_crs)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Measured", category=UserWarning)  # M values aren't used
            warnings.filterwarnings("ignore", message=".*HTTP", category=RuntimeWarning)  # an error below, if it is one
            prepare_network()
            frame = pyogrio.read_dataframe(os.fspath(path), layer=_layer(path, layer, key))
    except (RuntimeError, ValueError, OverflowError, OSError, GEOSException) as error:  # pyogrio's are RuntimeErrors
        reason = (str(error).splitlines() or [""])[0][:120]
        otherwise = LulcsegError(
            f"it can't be read as a vector file ({reason})", where=path, remedy="repair it, or give a GeoPackage"
        )
        raise reading_error(path, error, otherwise) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LulcsegError("it has no geometry", where=path, remedy="name the layer that has")
    return frame


def _check_finite(frame: gpd.GeoDataFrame, path: FileName) -> None:
    """Check that every coordinate is a number.

    Raises:
        LulcsegError: Some are not: such a feature has no place, and a repair would drop it.
    """
    values, feature = shapely.get_coordinates(frame.geometry.to_numpy(), return_index=True)
    odd = np.unique(feature[~np.isfinite(values).all(axis=1)])
    if len(odd):
        raise LulcsegError(
            f"{len(odd)} features have coordinates that are not finite, the first is feature {odd[0] + 1}",
            where=path,
            remedy="correct or remove them",
        )


def describe_crs(crs: CRS) -> str:
    """Return a CRS as text for a sentence: its code if it has one, else its name."""
    return str(crs.to_string() if len(crs.to_string()) < 40 else crs.name)


def check_not_empty(frame: gpd.GeoDataFrame, path: FileName, what: str) -> None:
    """Check that a layer has a feature with a geometry.

    Args:
        frame: Its features.
        path: The file.
        what: What they should be, in the plural.

    Raises:
        LulcsegError: It has none.
    """
    geometries = frame.geometry.to_numpy()
    if (shapely.is_missing(geometries) | shapely.is_empty(geometries)).all():
        raise LulcsegError(f"it holds no {what}", where=path, remedy="check that its layer was saved, or name another")


def _layer(path: FileName, wanted: str | None, key: str | None) -> str:
    """Return the name of the layer to read."""
    kinds = {str(name): kind for name, kind in pyogrio.list_layers(os.fspath(path))}
    if wanted is not None:
        if wanted not in kinds:
            raise LulcsegError(f"it has no layer '{wanted}'", where=path, remedy=did_you_mean(wanted, kinds))
        return wanted
    drawn = [name for name, kind in kinds.items() if kind is not None]
    if len(drawn) > 1:
        raise LulcsegError(
            f"it has {len(drawn)} layers with geometries ({', '.join(drawn)})",
            where=path,
            remedy="name one: <file>|layername=<layer>"
            if key is None
            else f"name one as {key}, or give a file with one",
        )
    if not drawn:
        raise LulcsegError("it has no geometry", where=path, remedy="give a file of points or polygons")
    return drawn[0]


def class_indices(
    values: pd.Series[Any], legend: Legend, crosswalk: Mapping[Any, str], where: str
) -> NDArray[np.int16]:
    """Convert a column of class names or codes to class indices.

    Args:
        values: The column, text or numbers.
        legend: The classes.
        crosswalk: Source value → class name or ``ignore``; see :func:`crosswalk_table`.
        where: The file and column, for errors.

    Returns:
        (n,) int16: class index, 255 for ``ignore`` in the crosswalk, −1 if the value is empty.

    Raises:
        LulcsegError: An unknown value, with the nearest known one.
    """
    return look_up(values, crosswalk_table(legend, crosswalk, where), where)


def look_up(values: pd.Series[Any], table: Mapping[str, int], where: str) -> NDArray[np.int16]:
    """Look a column up in a table of source value → class index (see :func:`class_indices`)."""
    text = values.map(value_text)
    indices = {value: table.get(value, table.get(plain_code(value))) for value in text.dropna().unique()}
    unknown = sorted(value for value, index in indices.items() if index is None)
    if unknown:
        counts = text.value_counts()
        listed = ", ".join(f"'{v}' ({counts[v]} features)" for v in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        hint = did_you_mean(unknown[0], table)
        if (read := _as_utf8(unknown[0])) in table:  # a shapefile without a .cpg counts as Latin-1
            raise LulcsegError(
                f"class '{unknown[0]}' is '{read}' in UTF-8, read in another encoding",
                where=where,
                remedy="put a file of its name with the ending .cpg and the content UTF-8 beside it",
            )
        raise LulcsegError(
            f"class {listed}{more} is not in the legend",
            where=where,
            remedy=hint if hint.startswith("did") else "add it to the legend, or map it to a class in the crosswalk",
        )
    return np.array([indices[v] if isinstance(v, str) else -1 for v in text], dtype=np.int16)


def _as_utf8(text: str) -> str:
    """Return text that was read as Latin-1 as what it is in UTF-8; as it is if it isn't.

    Example:
        >>> _as_utf8("CafÃ©"), _as_utf8("Café")
        ('Café', 'Café')
    """
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def crosswalk_table(legend: Legend, crosswalk: Mapping[Any, str], where: str) -> dict[str, int]:
    """Return source value → class index (255 for ``ignore``).

    With a crosswalk a value is looked up there, then among the class names: a crosswalk of
    codes replaces those of the legend. Without one, among names, then codes.

    Raises:
        LulcsegError: The crosswalk maps to a class that isn't in the legend.
    """
    names = {value_text(c.name) or c.name: i for i, c in enumerate(legend)}
    if not crosswalk:
        return {str(c.code): i for i, c in enumerate(legend)} | names
    return names | crosswalk_entries(legend, crosswalk, where)


def crosswalk_entries(legend: Legend, crosswalk: Mapping[Any, str], where: str) -> dict[str, int]:
    """Return the entries of a crosswalk alone: source value → class index (255 for ``ignore``).

    Raises:
        LulcsegError: It maps to a class that isn't in the legend.
    """
    table = {}
    for source, name in crosswalk.items():
        index = _index(str(name), legend)
        if index is None:
            remedy = did_you_mean(str(name), [*legend.names, IGNORE_NAME])
            raise LulcsegError(
                f"the crosswalk maps '{source}' to '{name}', which is not a class", where=where, remedy=remedy
            )
        table[value_text(source) or ""] = index
    return table


def class_named(name: str, legend: Legend, where: str) -> int:
    """Return the index of a class named in a setting, 255 for ``ignore``.

    Raises:
        LulcsegError: No class has that name.
    """
    index = _index(name, legend)
    if index is None:
        remedy = did_you_mean(name, [*legend.names, IGNORE_NAME])
        raise LulcsegError(f"there is no class '{name}'", where=where, remedy=remedy)
    return index


def _index(name: str, legend: Legend) -> int | None:
    known = [value_text(own) for own in legend.names]
    if value_text(name) in known:
        return known.index(value_text(name))
    return IGNORE if name == IGNORE_NAME else None


def plain_code(text: str) -> str:
    """Return a code without leading zeros, as class rasters hold it; another text as it is.

    Example:
        >>> plain_code("01"), plain_code("0"), plain_code("Cane 01")
        ('1', '0', 'Cane 01')
    """
    return str(int(text)) if text.isdecimal() else text


def value_text(value: object) -> str | None:
    """Return a cell as text: 3.0 as '3', an empty cell as None; accents composed, and any space a plain one.

    Example:
        >>> value_text(3.0), value_text(" Sugar\u00a0cane "), value_text(float("nan")), len(value_text("e\u0301"))
        ('3', 'Sugar cane', None, 1)
    """
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 (NaN differs from itself)
        return None
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    text = unicodedata.normalize("NFC", str(value)).replace("\u00a0", " ").replace("\u202f", " ").strip()
    return text or None
