"""The patches of a change that are looked at first: large and sure ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from lulcseg.change.change_polygons import LAYER
from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.maps.review_form import CHANGE_REVIEW, REVIEW_LAYER
from lulcseg.maps.styles import embed_style, review_style

_REVIEWED = 200
"""Patches in the GeoPackage to review."""


@dataclass(frozen=True)
class ChangedPatch:
    """A patch of change.

    Attributes:
        before: Class of the first date.
        after: Class of the second.
        hectares: Its area.
        confidence: Mean probability of change, 0…1; None if unknown.
        x: Easting of a point inside it, in the map's CRS.
        y: Northing.
    """

    before: str
    after: str
    hectares: float
    confidence: float | None
    x: float
    y: float


def find_patches(path: Path, most: int) -> list[ChangedPatch]:
    """Return the patches with the largest product of area and confidence, the largest where there is none.

    Args:
        path: The polygons of a change.
        most: Most patches to return.

    Raises:
        LulcsegError: The file can't be read.
    """
    frame = _first(path, most)
    points = frame.geometry.representative_point()
    shares = frame["confidence"] if "confidence" in frame.columns else pd.Series(np.nan, index=frame.index)
    return [
        ChangedPatch(before, after, float(area), None if math.isnan(share) else float(share), float(x), float(y))
        for before, after, area, share, x, y in zip(
            frame["from"], frame["to"], frame["area_ha"], shares, points.x, points.y, strict=True
        )
    ]


def write_patch_review(path: Path, out: Path, classes: Sequence[str] = ()) -> int:
    """Write the first patches for an interpreter: with rank, and empty columns for a decision.

    The layer ``review`` has ``rank``, ``from``, ``to``, ``area_ha``, ``confidence`` if known, and, to be filled in,
    ``decision``, ``class_before``, ``class_after``, ``interpreter`` and ``notes``.

    Args:
        path: The polygons of a change.
        out: The GeoPackage.
        classes: Names to choose from in its form.

    Returns:
        Number of patches.

    Raises:
        LulcsegError: A file can't be read or written.
    """
    frame = _first(path, _REVIEWED)
    kept = [c for c in ("from", "to", "area_ha", "confidence") if c in frame.columns]
    described = {"rank": np.arange(1, len(frame) + 1), **{c: frame[c].to_numpy() for c in kept}}
    columns = {**described, **CHANGE_REVIEW.blanks(len(frame))}
    review = gpd.GeoDataFrame(columns, geometry=frame.geometry.to_numpy(), crs=frame.crs)
    with replacing(out) as part:
        try:
            pyogrio.write_dataframe(review, part, layer=REVIEW_LAYER, driver="GPKG", geometry_type="Polygon")
        except (DataSourceError, DataLayerError) as error:
            raise OSError(str(error)) from error
        embed_style(part, REVIEW_LAYER, review_style(CHANGE_REVIEW, classes))
    return len(review)


def _first(path: Path, most: int) -> gpd.GeoDataFrame:
    """Read the first patches; the geometries of the others are not read."""
    try:
        table = pyogrio.read_dataframe(path, layer=LAYER, read_geometry=False, fid_as_index=True)
        weight = table["area_ha"] * table.get("confidence", pd.Series(1.0, index=table.index)).fillna(0.0)
        order = weight.sort_values(ascending=False, kind="stable").index[:most]
        some = {"fids": order.to_numpy()} if len(order) else {"max_features": 0}
        found: gpd.GeoDataFrame = pyogrio.read_dataframe(path, layer=LAYER, fid_as_index=True, **some)
    except (DataSourceError, DataLayerError, KeyError) as error:
        raise LulcsegError("its patches can't be read", where=path, remedy="compare the maps again") from error
    first: gpd.GeoDataFrame = found.loc[order]
    return first
