"""Strata of reference points and their sizes: from the points' file, a map, a table or weights."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import ArrayLike, NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS

from lulcseg.assessment.design import Stratum
from lulcseg.errors import LulcsegError
from lulcseg.legend import LandClass, Legend
from lulcseg.maps.areas import class_hectares, class_pixels
from lulcseg.maps.classraster import ClassRaster, carried_legend, codes_in
from lulcseg.scene.file_names import FileName
from lulcseg.scene.ground_area import MOST_OFF, is_stretched, pixel_ground_area, stretch
from lulcseg.scene.vectors import value_text

STRATA_TABLE, SAMPLE_TABLE = "strata", "sample"
"""Tables in the points' GeoPackage: sizes of the strata, and how the sample was drawn."""


@dataclass(frozen=True, slots=True)
class MapSizes:
    """The extent of each class on a whole map.

    Attributes:
        pixels: (n,) pixels of each class, in the legend's order.
        pixel_hectares: Mean area of a pixel, ha.
        hectares: (n,) area of each class, ha.
    """

    pixels: NDArray[np.int64]
    pixel_hectares: float
    hectares: NDArray[np.float64]


def map_sizes(path: FileName, legend: Legend, pixels: Sequence[int] | None = None) -> MapSizes:
    """Return the extent of a map's classes.

    Args:
        path: The map.
        legend: Its classes.
        pixels: Pixels of each class on the whole map, in the legend's order, if known; else they are
            counted, block by block.

    Raises:
        LulcsegError: The map can't be read, has codes that the legend lacks, or is in degrees, where pixels differ in
            area.
    """
    counts = class_pixels(path, legend) if pixels is None else np.asarray(pixels, dtype=np.int64)
    mean = pixel_hectares(path, legend)
    with ClassRaster(path, legend) as raster:
        even = not is_stretched(raster.grid)
    return MapSizes(counts, mean, np.asarray(counts * mean) if even else class_hectares(path, legend, counts))


def pixel_hectares(path: FileName, legend: Legend) -> float:
    """Return the mean area on the ground of a map's pixels, ha.

    Raises:
        LulcsegError: The map's CRS isn't projected, or its pixels differ in area by more than 1 %: points drawn among
            pixels are then not drawn evenly from the ground.
    """
    with ClassRaster(path, legend) as raster:
        grid = raster.grid
    if not CRS.from_user_input(grid.crs).is_projected:
        raise LulcsegError(
            "its coordinates are in degrees, so its pixels differ in area",
            where=path,
            remedy="warp it to a projected CRS that keeps areas (gdalwarp -t_srs)",
        )
    least, most = stretch(grid)
    if is_stretched(grid) and most / least > 1 + MOST_OFF:
        raise LulcsegError(
            f"its pixels differ in area by {most / least - 1:.1%}",
            where=path,
            remedy="warp it to a projection of the region, or one that keeps areas (gdalwarp -t_srs)",
        )
    return pixel_ground_area(grid) / 10_000


def strata_of_map(path: FileName, legend: Legend | None = None) -> tuple[list[Stratum], Legend]:
    """Return the classes of a class raster as strata, named by their codes, and its legend.

    Args:
        path: The raster.
        legend: Its classes; default: those in the file, else the codes that occur.
    """
    found = legend or legend_of(path)
    sizes = map_sizes(path, found)
    strata = [
        Stratum(str(c.code), float(n), float(h))
        for c, n, h in zip(found, sizes.pixels, sizes.hectares, strict=True)
        if n
    ]
    return strata, found


def legend_of(path: FileName) -> Legend:
    """Return the legend stored in a class raster, else one of the codes that occur."""
    carried = carried_legend(path)
    if carried is not None:
        return carried
    return Legend(tuple(LandClass(int(code), f"class {code}", "#888888") for code in codes_in(path)))


def strata_of_table(path: Path) -> list[Stratum]:
    """Read strata from a CSV file with the columns ``stratum``, ``hectares`` and, if known, ``pixels``.

    Raises:
        LulcsegError: No such file or column, a duplicate stratum, a size that is not a number or below 0.
    """
    if not path.is_file():
        raise LulcsegError("there is no such file", where=path, remedy="check the path")
    try:
        table = pd.read_csv(path, dtype={"stratum": str})
    except (ValueError, UnicodeDecodeError) as error:
        raise LulcsegError("it can't be read as a table", where=path, remedy="give a CSV file") from error
    return _strata(table, path)


def stored_strata(path: FileName) -> list[Stratum] | None:
    """Return the strata in a GeoPackage written by ``lulcseg reference``, None if there are none."""
    table = _table(path, STRATA_TABLE)
    return None if table is None else _strata(table, path)


def stored_design(path: FileName) -> str | None:
    """Return the design recorded in the GeoPackage of a sample, None if there is none."""
    return sample_record(path).get("design")


def sample_record(path: FileName) -> dict[str, str]:
    """Return how a sample was drawn, as its GeoPackage records it; empty if it doesn't."""
    table = _table(path, SAMPLE_TABLE)
    if table is None or not {"key", "value"} <= set(table.columns):
        return {}
    return {str(k): str(v) for k, v in zip(table["key"], table["value"], strict=True)}


def strata_of_weights(stratum: ArrayLike, weight: ArrayLike, hectares: float) -> list[Stratum]:
    """Return strata whose sizes are the sums of the points' weights: N_h = n_h · w_h.

    Args:
        stratum: (n,) names, of all points of the sample, scored or not.
        weight: (n,) weights.
        hectares: Total area of the strata, ha: weights give the shares only.

    Raises:
        LulcsegError: A weight is missing, 0 or negative, or a stratum has several.

    Example:
        >>> [(s.name, s.hectares) for s in strata_of_weights(["a", "a", "b"], [10, 10, 60], 100.0)]
        [('a', 25.0), ('b', 75.0)]
    """
    frame = pd.DataFrame({"stratum": _texts(stratum), "weight": pd.to_numeric(pd.Series(weight), errors="coerce")})
    bad = frame[~(frame["weight"] > 0)]
    if len(bad):
        raise LulcsegError(
            f"{len(bad)} points have no weight above 0, in stratum {', '.join(sorted(set(bad['stratum'])))}",
            where="weight",
            remedy="fill in the weights, or give the strata's sizes",
        )
    spread = frame.groupby("stratum")["weight"].agg(["min", "max", "sum"])
    uneven = spread.index[spread["max"] > spread["min"] * (1 + 1e-6)]
    if len(uneven):
        raise LulcsegError(
            f"stratum {', '.join(uneven)} has points of different weights",
            where="weight",
            remedy="give the strata's sizes instead",
        )
    total = float(spread["sum"].sum())
    return [Stratum(str(name), math.nan, float(size) / total * hectares) for name, size in spread["sum"].items()]


def assign_strata(
    values: ArrayLike, strata: Sequence[Stratum], legend: Legend | None, where: str | FileName
) -> NDArray[np.int64]:
    """Return the index of each point's stratum, (n,) int64.

    Args:
        values: (n,) values of the points' column: a stratum's name, or the name of the class whose code it is.
        strata: The strata.
        legend: Classes whose names may be used for their codes; None if strata have names only.
        where: The file, for errors.

    Raises:
        LulcsegError: A point without a stratum, or in one of unknown size.
    """
    table = {s.name: k for k, s in enumerate(strata)}
    if legend is not None:
        table = {c.name: table[str(c.code)] for c in legend if str(c.code) in table} | table
    texts = _texts(values)
    empty = sum(text == "" for text in texts)
    if empty:
        raise LulcsegError(f"{empty} points have no stratum", where=where, remedy="fill in the column")
    unknown = sorted({text for text in texts if text not in table})
    if unknown:
        known = ", ".join(s.name for s in strata)
        raise LulcsegError(
            f"the size of stratum {', '.join(unknown[:5])} is unknown (known are {known})",
            where=where,
            remedy="give the sizes of the strata that the points were drawn from",
        )
    return np.array([table[text] for text in texts], dtype=np.int64)


def _strata(table: pd.DataFrame, path: FileName) -> list[Stratum]:
    for column in ("stratum", "hectares"):
        if column not in table.columns:
            raise LulcsegError(f"its strata have no column '{column}'", where=path, remedy="add it")
    names = _texts(table["stratum"])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LulcsegError(f"stratum {', '.join(twice)} is listed twice", where=path, remedy="merge the lines")
    hectares = pd.to_numeric(table["hectares"], errors="coerce").to_numpy(dtype=np.float64)
    if not (hectares >= 0).all():
        raise LulcsegError("a stratum's hectares are not a number of 0 or more", where=path, remedy="correct the table")
    pixels = (
        pd.to_numeric(table["pixels"], errors="coerce").to_numpy(dtype=np.float64)
        if "pixels" in table.columns
        else np.full(len(table), np.nan)
    )
    return [Stratum(n, float(p), float(h)) for n, p, h in zip(names, pixels, hectares, strict=True)]


def _table(path: FileName, name: str) -> pd.DataFrame | None:
    """Read a table without geometry, None if the file isn't a GeoPackage or has no such table."""
    if path.suffix.lower() != ".gpkg":
        return None
    try:
        if name not in {str(layer) for layer, _ in pyogrio.list_layers(os.fspath(path))}:
            return None
        return pd.DataFrame(pyogrio.read_dataframe(os.fspath(path), layer=name, read_geometry=False))
    except (DataSourceError, DataLayerError):
        return None


def _texts(values: Any) -> list[str]:
    return [value_text(value) or "" for value in values]
