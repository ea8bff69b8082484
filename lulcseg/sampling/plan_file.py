"""A plan's two files: the GeoPackage, which QGIS opens, and the JSON beside it."""

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
import shapely

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid

LAYER = "plan"
"""Name of the layer if one holds all patches."""

POSITION = "position"
"""Column that keeps the order of the rows if they are in several layers."""

FORMAT = 1


def json_beside(path: Path) -> Path:
    """Return the path of the JSON that belongs to a GeoPackage."""
    return path.with_suffix(".json")


def write(path: Path, layers: Mapping[str, gpd.GeoDataFrame], beside: Mapping[str, Any]) -> None:
    """Write layers and JSON; neither appears before both are complete.

    Args:
        path: The GeoPackage.
        layers: Rows by layer name; the index is the order of the rows.
        beside: Content of the JSON.

    Raises:
        LulcsegError: The name does not end in ``.gpkg``, or the folder cannot be written to.
    """
    if path.suffix != ".gpkg":
        raise LulcsegError("a plan is saved as a GeoPackage", where=path, remedy="give it a name that ends in .gpkg")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as folder:
            gpkg, summary = Path(folder) / path.name, Path(folder) / json_beside(path).name
            for layer, rows in layers.items():
                numbered = rows if len(layers) == 1 else rows.assign(**{POSITION: rows.index.to_numpy(dtype=np.int64)})
                pyogrio.write_dataframe(numbered, gpkg, layer=layer, driver="GPKG")
            summary.write_text(json.dumps({"format": FORMAT, **beside}, indent=1) + "\n", encoding="utf-8")
            gpkg.replace(path)
            summary.replace(json_beside(path))
    except (OSError, RuntimeError) as error:
        raise LulcsegError(
            f"the plan could not be written ({error})",
            where=path,
            remedy="check that the folder exists and is writable",
        ) from error


def read(path: Path, columns: Sequence[str]) -> tuple[list[gpd.GeoDataFrame], dict[str, Any]]:
    """Read layers and JSON.

    Tables without geometry are skipped: QGIS keeps styles in one.

    Args:
        path: The GeoPackage.
        columns: Columns that each layer must have.

    Returns:
        The layers' rows, with the types of :class:`lulcseg.sampling.plan.Plan`, and the content of the JSON.

    Raises:
        LulcsegError: A file is missing or not part of a plan, or a row is not a patch.
    """
    if path.suffix != ".gpkg":
        raise LulcsegError("a plan is read from its GeoPackage", where=path, remedy="give the file that ends in .gpkg")
    for file in (path, json_beside(path)):
        if not file.is_file():
            raise LulcsegError("there is no such file", where=file, remedy="a plan is a .gpkg and a .json of one name")
    beside = _read_beside(json_beside(path))
    try:
        layers = [name for name, kind in pyogrio.list_layers(path) if kind is not None]
        frames = [pyogrio.read_dataframe(path, layer=name) for name in layers]
    except (RuntimeError, ValueError, OSError, shapely.errors.ShapelyError) as error:
        raise LulcsegError("this is not a GeoPackage", where=path, remedy="draw the plan again") from error
    if not frames:
        raise LulcsegError("this is not a plan: it has no layer of patches", where=path, remedy="draw the plan again")
    return [_typed(frame, path, columns) for frame in frames], beside


def _read_beside(path: Path) -> dict[str, Any]:
    content: Any = None
    with contextlib.suppress(ValueError, OSError):
        content = json.loads(path.read_text(encoding="utf-8"))
    try:
        known = content["format"] == FORMAT and isinstance(content["digest"], str)
        known = known and isinstance(content["summary"]["patches"], int)
        meta = content["meta"]
        known = known and isinstance(meta["legend"], list) and isinstance(meta["patch_size"], int)
        known = known and len(meta["classes"]) == len(meta["legend"])
        known = known and bool([Grid(**grid) for grid in meta["scenes"].values()])
    except (KeyError, TypeError, AttributeError):
        known = False
    if not known:
        raise LulcsegError("this is not the summary of a plan", where=path, remedy="draw the plan again")
    return dict(content)


def _typed(frame: gpd.GeoDataFrame, path: Path, columns: Sequence[str]) -> gpd.GeoDataFrame:
    """Give a layer's columns their types, and refuse rows that are not patches."""
    if "valid" not in frame:  # plans of earlier versions
        frame["valid"] = np.nan
    missing = set(columns) - set(frame.columns)
    if missing:
        raise LulcsegError(
            f"this is not a plan: it lacks {', '.join(sorted(missing))}", where=path, remedy="draw the plan again"
        )
    for name in columns:
        empty = int(frame[name].isna().sum())
        if empty and name != "valid":
            raise LulcsegError(
                f"{empty} of its patches have no {name}", where=path, remedy="delete or fill the patches added by hand"
            )
    numbers: dict[Any, Any] = dict.fromkeys(("row", "col", "size", "class_index", "feature"), np.int64)
    try:
        typed = frame.astype({"scene": "str", "split": "str", "shifted": np.bool_, "valid": np.float64, **numbers})
        whole = all((typed[name] == frame[name]).all() for name in numbers)
    except (TypeError, ValueError):
        whole = False
    if not whole:
        raise LulcsegError(
            f"its columns {', '.join(numbers)} do not all hold whole numbers", where=path, remedy="draw the plan again"
        )
    return typed
