"""A map's metadata as a STAC Item (SpatioTemporal Asset Catalog 1.1.0), which catalogues and GIS programs read.

Fields are those of the Item specification, its common metadata, and the extensions classification 2.0, file 2.1,
processing 1.2, projection 2.0 and raster 2.0. Further fields are named ``lulcseg:…``.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

import lulcseg
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.as_written import KEY as CHECKSUM
from lulcseg.maps.as_written import checksum
from lulcseg.maps.share_encoding import SHARE_SCALE

_EXTENSIONS = {
    prefix: f"https://stac-extensions.github.io/{extension}/schema.json"
    for prefix, extension in {
        "classification": "classification/v2.0.0",
        "file": "file/v2.1.0",
        "processing": "processing/v1.2.0",
        "proj": "projection/v2.0.0",
        "raster": "raster/v2.0.0",
    }.items()
}

_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_GEOPACKAGE = "application/geopackage+sqlite3"
_CSV = "text/csv"
_SIDE = 20  # segments per side of the grid, for its conversion to longitude and latitude


@dataclass(frozen=True, slots=True)
class _Kind:
    title: str
    media_type: str
    roles: tuple[str, ...]


_SHARES = ("data", "uncertainty")
_KINDS = {
    "map": _Kind("Class of each pixel", _COG, ("data",)),
    "probabilities": _Kind("Probability of each class", _COG, ("data",)),
    "confidence": _Kind("Probability of the mapped class", _COG, _SHARES),
    "entropy": _Kind("Entropy of the class probabilities, as a share of the highest possible", _COG, _SHARES),
    "disagreement": _Kind(
        "Disagreement between the views of a pixel, as a share of the highest possible", _COG, _SHARES
    ),
    "polygons": _Kind("Polygons of the map", _GEOPACKAGE, ("data",)),
    "review": _Kind("Places where map and labels differ, to be reviewed", _GEOPACKAGE, ("metadata",)),
    "areas": _Kind("Area of each class", _CSV, ("metadata",)),
    "change_confidence": _Kind("Probability that the class changed between the dates", _COG, _SHARES),
    "change_polygons": _Kind("Patches that changed", _GEOPACKAGE, ("data",)),
    "change_matrix": _Kind("Area of each class of the first date by its class on the second", _CSV, ("metadata",)),
    "change_flows": _Kind("Areas that went from class to class", "image/png", ("overview",)),
}


def stac_item(
    identifier: str,
    title: str,
    *,
    grid: Grid,
    legend: Legend,
    assets: Mapping[str, Path],
    folder: Path,
    date: str | None,
    created: datetime,
    properties: Mapping[str, object],
    bands: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Return a map's STAC Item, as plain Python that can be written as JSON.

    Args:
        identifier: Unique among the items of a catalogue.
        title: Title for people.
        grid: The map's pixels.
        legend: Its classes.
        assets: Its existing files by kind: ``map``, ``probabilities``, ``confidence``, ``entropy``,
            ``disagreement``, ``polygons``, ``review``, ``areas``; of a change ``change_…`` too.
        folder: Folder of the item; paths of assets are relative to it.
        date: Date of the imagery: a year, month or day (``2018``, ``2018-06``, ``2018-06-12``), two of them separated
            by ``/``, or a time in ISO 8601; UTC unless given.
        created: When the map was made, with a time zone. Used in place of the imagery's date if that is unknown, since
            STAC requires one; ``lulcseg:datetime_is`` then says so.
        properties: How the map was made; each is written under ``lulcseg:``.
        bands: Names of the bands of rasters that have several, by kind; probabilities have the legend's.

    Raises:
        KeyError: An asset of another kind.
        LulcsegError: The grid's CRS can't be read, or the grid reaches outside the domain of its CRS.
    """
    ring = footprint(grid)
    lons, lats = zip(*ring, strict=True)
    described = {
        "title": title,
        **_when(date, created),
        "created": _instant(created),
        "processing:software": {"lulcseg": lulcseg.__version__},
        **_projection(grid),
        **{f"lulcseg:{key}": value for key, value in properties.items()},
    }
    files = {key: _asset(key, path, folder, legend, (bands or {}).get(key, ())) for key, path in assets.items()}
    used = {name.split(":")[0] for fields in (described, *files.values()) for name in fields if ":" in name}
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [url for prefix, url in _EXTENSIONS.items() if prefix in used],
        "id": identifier,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(lons), min(lats), max(lons), max(lats)],
        "properties": described,
        "links": [],
        "assets": files,
    }


def footprint(grid: Grid) -> list[list[float]]:
    """Return the grid's outline in WGS 84 longitude and latitude, counter-clockwise and closed (RFC 7946)."""
    left, bottom, right, top = grid.bounds()
    along = np.linspace(0, 1, _SIDE, endpoint=False)
    still = np.zeros(_SIDE)
    x = left + (right - left) * np.concatenate([along, still + 1, 1 - along, still])
    y = bottom + (top - bottom) * np.concatenate([still, along, still + 1, 1 - along])
    try:
        lon, lat = Transformer.from_crs(CRS(grid.crs), "OGC:CRS84", always_xy=True).transform(x, y)
    except ProjError as error:  # CRSError is one
        raise LulcsegError(f"the grid has no longitude and latitude ({error})", where=grid.crs) from error
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise LulcsegError("the grid reaches where its CRS is not defined", where=grid.crs)
    ring = [[float(a), float(b)] for a, b in zip(np.round(lon, 7), np.round(lat, 7), strict=True)]  # 1 cm
    return [*ring, ring[0]]


def _projection(grid: Grid) -> dict[str, object]:
    """Return the fields of the projection extension; a CRS without a code is written as WKT 2."""
    crs = CRS(grid.crs)
    authority = crs.to_authority(min_confidence=100)
    reference = {"proj:code": None, "proj:wkt2": crs.to_wkt()}
    if authority is not None:
        reference = {"proj:code": ":".join(authority)}
    return {
        **reference,
        "proj:bbox": list(grid.bounds()),
        "proj:shape": [grid.height, grid.width],
        "proj:transform": list(grid.transform),
    }


def _when(date: str | None, created: datetime) -> dict[str, str | None]:
    """Return ``datetime``, and start and end of a date longer than an instant (STAC common metadata)."""
    span = None if date is None else _span(date)
    if span is None:
        reason = "states no date" if date is None else f"states a date that can't be read as one: {date}"
        return {"datetime": _instant(created), "lulcseg:datetime_is": f"the time of making; the scene {reason}"}
    start, end = span
    if start == end:
        return {"datetime": _instant(start)}
    within_a_day = end - start < timedelta(days=1)
    return {
        "datetime": _instant(start) if within_a_day else None,
        "start_datetime": _instant(start),
        "end_datetime": _instant(end),
    }


def _span(date: str) -> tuple[datetime, datetime] | None:
    """Return the first and last second of a year, month, day or time, or of two of them separated by ``/``."""
    first, _, last = date.partition("/")
    begin, finish = _single(first.strip()), _single((last or first).strip())
    if begin is None or finish is None or begin[0] > finish[1]:
        return None
    return begin[0], finish[1]


def _single(text: str) -> tuple[datetime, datetime] | None:
    parts = re.fullmatch(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?", text)
    try:
        if parts is None and ":" not in text:
            return None
        if parts is None:
            instant = datetime.fromisoformat(text)
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC),) * 2
        year, month, day = (None if part is None else int(part) for part in parts.groups())
        start = datetime(int(year or 0), month or 1, day or 1, tzinfo=UTC)
        if day is not None:
            after = start + timedelta(days=1)
        elif month is not None:
            after = (start + timedelta(days=31)).replace(day=1)
        else:
            after = start.replace(year=start.year + 1)
    except (ValueError, OverflowError):
        return None
    return start, after - timedelta(seconds=1)


def _instant(moment: datetime) -> str:
    """Format a moment in UTC by RFC 3339, to the second."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _asset(key: str, path: Path, folder: Path, legend: Legend, bands: Sequence[str]) -> dict[str, object]:
    kind = _KINDS[key]
    asset: dict[str, object] = {
        "href": "./" + Path(os.path.relpath(path, folder)).as_posix(),
        "title": kind.title,
        "type": kind.media_type,
        "roles": list(kind.roles),
        "file:size": path.stat().st_size,
    }
    if kind.media_type != _COG:
        return asset
    asset[CHECKSUM] = checksum(path)
    asset |= {"data_type": "uint8", "nodata": IGNORE}
    if key == "map":
        return asset | {"bands": [{"name": "class"}], "classification:classes": _classes(legend)}
    several = legend.names if key == "probabilities" else bands if len(bands) > 1 else ()
    names = short_names(several) if several else {key: kind.title}
    described = [{"name": name, "description": full} for name, full in names.items()]
    return asset | {"raster:scale": SHARE_SCALE, "bands": described}


def _classes(legend: Legend) -> list[dict[str, object]]:
    """Return the legend's classes in the form of the classification extension, followed by nodata."""
    classes: list[dict[str, object]] = [
        {"value": c.code, "name": name, "title": c.name, "color_hint": c.colour.lstrip("#").upper()}
        for c, name in zip(legend, short_names(legend.names), strict=True)
    ]
    return [*classes, {"value": IGNORE, "name": "nodata", "title": "No data", "nodata": True}]


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Return distinct short names of lower-case letters, digits, ``-`` and ``_``, each with its full name.

    Example:
        >>> short_names(["Sugar cane", "Été"])
        {'sugar-cane': 'Sugar cane', 'ete': 'Été'}
    """
    short: dict[str, str] = {}
    for number, full in enumerate(names, start=1):
        plain = unicodedata.normalize("NFKD", full).encode("ascii", "ignore").decode()
        name = re.sub(r"[^0-9A-Za-z_]+", "-", plain).strip("-").lower() or "class"
        while name in short or name in ("class", "nodata"):
            name = f"{name}-{number}"
        short[name] = full
    return short
