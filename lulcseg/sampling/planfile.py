"""A plan's two files: the GeoPackage that QGIS opens and the JSON beside it."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio

from lulcseg.errors import LulcsegError

LAYER = "plan"
"""Name of the layer where one holds all patches."""

POSITION = "position"
"""Column that keeps the order of the rows where several layers share them out."""

FORMAT = 1


def json_beside(path: Path) -> Path:
    """Return the path of the summary that belongs to a GeoPackage."""
    return path.with_suffix(".json")


def write(path: Path, layers: Mapping[str, gpd.GeoDataFrame], beside: Mapping[str, Any]) -> None:
    """Write layers and summary; neither appears before both are whole.

    Args:
        path: The GeoPackage.
        layers: Rows by layer name; the index is the order of the rows.
        beside: What goes into the JSON.

    Raises:
        LulcsegError: The name does not end in ``.gpkg``, or the folder cannot be written to.
    """
    if path.suffix != ".gpkg":
        raise LulcsegError("a plan is saved as a GeoPackage", where=path, remedy="let the name end in .gpkg")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as folder:
            gpkg, summary = Path(folder) / path.name, Path(folder) / json_beside(path).name
            for layer, rows in layers.items():
                numbered = rows if len(layers) == 1 else rows.assign(**{POSITION: rows.index.to_numpy(dtype=np.int64)})
                pyogrio.write_dataframe(numbered, gpkg, layer=layer, driver="GPKG")
            summary.write_text(json.dumps({"format": FORMAT, **beside}, indent=1) + "\n", encoding="utf-8")
            gpkg.replace(path)
            summary.replace(json_beside(path))
    except (OSError, pyogrio.errors.DataSourceError) as error:
        raise LulcsegError(
            f"the plan could not be written ({error})", where=path, remedy="check that the folder exists and is yours"
        ) from error


def read(path: Path, columns: Sequence[str]) -> tuple[list[gpd.GeoDataFrame], dict[str, Any]]:
    """Read layers and summary.

    Args:
        path: The GeoPackage.
        columns: Columns that each layer must have.

    Returns:
        The layers' rows and the JSON's content.

    Raises:
        LulcsegError: A file is missing or is not of a plan.
    """
    for file in (path, json_beside(path)):
        if not file.is_file():
            raise LulcsegError("there is no such file", where=file, remedy="a plan is a .gpkg and a .json of one name")
    beside: dict[str, Any] = {}
    with contextlib.suppress(ValueError):
        content = json.loads(json_beside(path).read_text(encoding="utf-8"))
        beside = content if isinstance(content, dict) else {}
    if beside.get("format") != FORMAT or not {"digest", "meta"} <= set(beside):
        raise LulcsegError("this is not the summary of a plan", where=json_beside(path), remedy="draw the plan anew")
    try:
        frames = [pyogrio.read_dataframe(path, layer=name) for name, _ in pyogrio.list_layers(path)]
    except pyogrio.errors.DataSourceError as error:
        raise LulcsegError(f"this is not a GeoPackage ({error})", where=path, remedy="draw the plan anew") from error
    for frame in frames:
        missing = set(columns) - set(frame.columns)
        if missing:
            raise LulcsegError(
                f"this is not a plan: it lacks {', '.join(sorted(missing))}", where=path, remedy="draw the plan anew"
            )
    return frames, beside
