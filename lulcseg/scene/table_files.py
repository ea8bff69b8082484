"""Points and polygons in tables: CSV with coordinates or WKT, and GeoParquet."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.errors import GEOSException

from lulcseg.errors import LulcsegError
from lulcseg.scene.file_names import FileName
from lulcseg.scene.whole_files import read_whole

_PARQUET = frozenset({".parquet", ".geoparquet", ".pq"})
_TEXT = frozenset({".csv", ".tsv"})
_GEOMETRY = ("geometry", "wkt", "geom")
_MAP, _DEGREES = (("x", "y"), ("easting", "northing")), (("lon", "lat"), ("longitude", "latitude"), ("lng", "lat"))
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_STATE = "state it: crs: in the scene file, or <file>|crs=<CRS> on the command line"


def is_table(file: FileName) -> bool:
    """Return whether a file is a table by the ending of its name."""
    return file.suffix.lower() in _PARQUET | _TEXT


def read_table(file: FileName, crs: str | None) -> gpd.GeoDataFrame:
    """Read a table as features, in the order of its rows.

    A geometry is well-known text in a column ``geometry``, ``wkt`` or ``geom``; else a point by two columns: of a
    projected CRS ``x, y`` or ``easting, northing``, of a geographic one ``lon, lat``, ``longitude, latitude`` or
    ``x, y``. Names may be in capitals. A row without coordinates has no geometry. In CSV, a column whose cells are
    all numbers without leading zeros holds numbers, any other text; an empty cell is empty, and nothing else is.

    Args:
        file: The table; CSV separated by commas, semicolons or tabs, in UTF-8.
        crs: The CRS of its coordinates; None: the one that it states itself, which only GeoParquet does.

    Raises:
        LulcsegError: It can't be read, has no coordinates, or they aren't numbers; or its CRS isn't known.
    """
    stated = None if crs is None else known_crs(crs, file)
    content = read_whole(file)
    frame = _parquet(content, file) if file.suffix.lower() in _PARQUET else _csv(content, file)
    if isinstance(frame, gpd.GeoDataFrame):
        return frame
    named = {str(column).casefold(): column for column in frame.columns} | {str(c): c for c in frame.columns}
    for key in _GEOMETRY:
        if key in named:
            geometry = _from_text(frame[named[key]], file)
            return gpd.GeoDataFrame(frame.drop(columns=named[key]), geometry=geometry, crs=stated)
    return _from_coordinates(frame, named, stated, file)


def with_stated_crs(frame: gpd.GeoDataFrame, crs: str | None, file: FileName) -> gpd.GeoDataFrame:
    """Return features in the CRS that a setting states, if their file has none.

    Raises:
        LulcsegError: The file has another, or there is none.
    """
    stated = None if crs is None else known_crs(crs, file)
    own = frame.crs
    if own is None and stated is not None:
        return frame.set_crs(stated)
    if own is None:
        remedy = _STATE if is_table(file) else f"assign one, or {_STATE}"
        raise LulcsegError("it has no coordinate reference system", where=file, remedy=remedy)
    if stated is not None and not own.equals(stated, ignore_axis_order=True):
        raise LulcsegError(
            f"crs is stated as {crs}, but the file is in {own.to_string() if len(own.to_string()) < 40 else own.name}",
            where=file,
            remedy="leave crs out: it is for files without one",
        )
    return frame


def known_crs(crs: str, file: FileName) -> CRS:
    """Return a CRS by its name.

    Raises:
        LulcsegError: It isn't known.
    """
    try:
        return CRS.from_user_input(int(crs) if crs.isdecimal() else crs)
    except CRSError as error:
        raise LulcsegError(f"crs '{crs}' is not known", where=file, remedy="write it as EPSG:28355") from error


def _parquet(content: bytes, file: FileName) -> pd.DataFrame:
    try:
        try:
            return gpd.read_parquet(io.BytesIO(content))  # type: ignore[arg-type]  # any file-like object
        except ValueError as error:
            if "geo metadata" not in str(error):
                raise
            return pd.read_parquet(io.BytesIO(content))
    except (ValueError, OSError, KeyError, TypeError) as error:  # pyarrow's are ValueErrors
        reason = (str(error).splitlines() or [""])[0][:120]
        raise LulcsegError(f"it can't be read as Parquet ({reason})", where=file, remedy="write it again") from error


def _csv(content: bytes, file: FileName) -> pd.DataFrame:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LulcsegError("it is not text in UTF-8", where=file, remedy="save it as CSV in UTF-8") from error
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count), skipinitialspace=True, strict=True)
    rows: list[list[str | None]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        for row in filter(None, reader):
            if len(row) != len(header):  # a library would shift its cells, or drop some
                raise LulcsegError(
                    f"line {reader.line_num} has {len(row)} cells, and the header {len(header)}",
                    where=file,
                    remedy="put texts with separators in them in quotes",
                )
            rows.append([cell or None for cell in row])
    except csv.Error as error:
        raise LulcsegError(f"it can't be read as CSV ({error})", where=file, remedy="repair it") from error
    if not header:
        raise LulcsegError("it is empty", where=file, remedy="give a table with a header")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        found = f"two columns are named '{twice}'" if twice else "two columns have no name"
        raise LulcsegError(found, where=file, remedy="rename one of them, or take it out")
    return pd.DataFrame(rows, columns=header, dtype=object).apply(_numbers_if_all)


def _numbers_if_all(cells: pd.Series[Any]) -> pd.Series[Any]:
    given = cells.dropna()
    return pd.to_numeric(cells) if len(given) and given.map(_NUMBER.fullmatch).notna().all() else cells


def _from_text(cells: pd.Series[Any], file: FileName) -> Any:
    geometry = np.full(len(cells), None, dtype=object)
    for row, cell in enumerate(cells):
        if not pd.isna(cell):
            try:
                geometry[row] = shapely.from_wkt(str(cell))
            except GEOSException as error:
                raise LulcsegError(
                    f"row {row + 1}, '{str(cell)[:40]}', is not a geometry as text",
                    where=f"{file}: column {cells.name}",
                    remedy="write it as POINT (x y) or POLYGON ((x y, …))",
                ) from error
    return geometry


def _from_coordinates(frame: pd.DataFrame, named: dict[str, Any], crs: CRS | None, file: FileName) -> gpd.GeoDataFrame:
    pairs = (*_MAP, *_DEGREES) if crs is None else (*_DEGREES, *_MAP[:1]) if crs.is_geographic else _MAP
    pair = next((pair for pair in pairs if set(pair) <= set(named)), None)
    if pair is None:
        other = next((p for p in (*_MAP, *_DEGREES) if set(p) <= set(named)), None)
        if other is not None and crs is not None:
            raise LulcsegError(
                f"its columns {', '.join(other)} don't go with crs {crs.name}",
                where=file,
                remedy="state the CRS of these columns",
            )
        listed = ", ".join(map(str, list(frame.columns)[:20]))
        raise LulcsegError(
            f"it has no coordinates (its columns are {listed})",
            where=file,
            remedy="name two columns x and y, or lon and lat; or one of text geometry",
        )
    alike = _MAP if pair in _MAP else _DEGREES
    further = next((p for p in alike if p != pair and set(p) <= set(named)), None)
    if further is not None:
        raise LulcsegError(
            f"it has coordinates in {', '.join(pair)} and in {', '.join(further)}",
            where=file,
            remedy="rename those that are not meant",
        )
    x, y = (_coordinates(frame[named[key]], file) for key in pair)
    if crs is not None and crs.is_geographic and (np.nanmax(np.abs(y), initial=0) > 90):
        raise LulcsegError(
            f"a latitude is beyond 90 degrees in column {named[pair[1]]}",
            where=file,
            remedy="exchange the columns' names, or state the CRS of the coordinates",
        )
    geometry = np.full(len(frame), None, dtype=object)
    there = ~(np.isnan(x) | np.isnan(y))
    geometry[there] = shapely.points(x[there], y[there])
    return gpd.GeoDataFrame(frame.drop(columns=[named[key] for key in pair]), geometry=geometry, crs=crs)


def _coordinates(cells: pd.Series[Any], file: FileName) -> Any:
    try:
        return pd.to_numeric(cells).to_numpy(dtype=np.float64)
    except (ValueError, TypeError) as error:
        wrong = next(cell for cell in cells.dropna() if not _NUMBER.fullmatch(str(cell).strip()))
        raise LulcsegError(
            f"'{wrong}' is not a number", where=f"{file}: column {cells.name}", remedy="write numbers with a point: 1.5"
        ) from error
