"""What an interpreter decided: read from files of places to review, and checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.review_form import CHANGE_REVIEW, CLASS, LABELS, MAP, MAP_REVIEW, REVIEW_LAYER, UNCHANGED, UNSURE
from lulcseg.scene.file_names import FileName, locate_layer
from lulcseg.scene.labels import areal
from lulcseg.scene.legend_spec import IGNORE_NAME
from lulcseg.scene.vectors import class_named, read_vector, value_text

KEEP = -1
"""In place of a class index: the labels there were found right."""

_LABELS_STAY = "\0labels"
"""In place of a class name; no class can have it."""

_SLIVER = 1e-6
"""Share of the smaller of two polygons up to which an overlap is rounding along a common edge."""

type ChangeSide = Literal["before", "after"]
"""Which date of a change the scene's labels are of."""


@dataclass(frozen=True, eq=False)
class DecidedPlace:
    """A place that an interpreter decided.

    Attributes:
        geometry: Its polygon, in the scene's CRS.
        class_index: Its class, 255 for ``ignore``, or :data:`KEEP`.
        interpreter: Who decided; empty if nobody is named.
        review: Name of the review file.
        number: Its rank in the file, else its row from 1.
    """

    geometry: Any
    class_index: int
    interpreter: str
    review: str
    number: int

    def described(self, legend: Legend) -> str:
        """Return file, place, class and interpreter, for sentences."""
        by = f" by {self.interpreter}" if self.interpreter else ""
        return f"{self.review} place {self.number} ({decided_name(self.class_index, legend)}{by})"


@dataclass(frozen=True, eq=False)
class Decisions:
    """All that was decided.

    Attributes:
        places: Places with a class, none of which overlaps another.
        kept: Number of places whose labels were found right.
        undecided: Number of places left open, or too uncertain to tell.
    """

    places: tuple[DecidedPlace, ...]
    kept: int
    undecided: int


def decided_name(class_index: int, legend: Legend) -> str:
    """Return the name of a decided class, ``ignore``, or that the labels stay."""
    if class_index == KEEP:
        return "labels stay"
    return IGNORE_NAME if class_index == IGNORE else legend.names[class_index]


def read_decisions(
    reviews: Sequence[str | PathLike[str]], crs: str, legend: Legend, *, side: ChangeSide | None = None
) -> Decisions:
    """Read review files that were filled in.

    Args:
        reviews: Files written by ``predict`` (``_review.gpkg``), ``report`` of a change, or ``suggest``; perhaps with
            ``|layername=`` or ``|crs=`` after the file.
        crs: CRS to transform them to.
        legend: The scene's classes.
        side: Which date of a change the scene is of; needed with the review of a change alone.

    Raises:
        LulcsegError: A file can't be read or lacks the columns, a decision or a class is unknown, a place says two
            things, two places that overlap contradict each other, or nothing is decided.
    """
    found: list[DecidedPlace] = []
    undecided = 0
    files = [locate_layer(review, "review") for review in reviews]
    for path, layer, own_crs in files:
        frame = read_vector(path, layer or _layer_of(path), crs, None, own_crs=own_crs)
        read = _read_places(frame, path, legend, side)
        found += [place for place in read if place is not None]
        undecided += read.count(None)
    if not found:
        raise LulcsegError(
            f"none of {undecided:,} places is decided",
            where=", ".join(path.name for path, *_ in files),
            remedy="fill in decision or class, in QGIS for instance",
        )
    places = _disjoint(found, legend)
    kept = sum(place.class_index == KEEP for place in places)
    return Decisions(tuple(p for p in places if p.class_index != KEEP), kept, undecided)


def _read_places(
    frame: gpd.GeoDataFrame, path: FileName, legend: Legend, side: ChangeSide | None
) -> list[DecidedPlace | None]:
    """Return a file's places in order, None for those that are undecided."""
    of_change = set(CHANGE_REVIEW.classes) <= set(frame.columns)
    lacking = [c for c in ("decision", *(() if of_change else MAP_REVIEW.classes)) if c not in frame.columns]
    if lacking:
        raise LulcsegError(
            f"it has no column '{lacking[0]}'",
            where=path,
            remedy="give a review file of lulcseg predict, lulcseg report or lulcseg suggest",
        )
    if of_change and side is None:
        raise LulcsegError(
            "it is the review of a change, which has two dates",
            where=path,
            remedy="say which of them the scene is of: --side before or --side after",
        )
    rows = [
        {str(c): value_text(v) for c, v in row.items()} for row in frame.drop(columns="geometry").to_dict("records")
    ]
    places: list[DecidedPlace | None] = []
    for position, (row, geometry) in enumerate(zip(rows, frame.geometry, strict=True), start=1):
        rank = row.get("rank") or ""
        number = int(rank) if rank.isdecimal() else position
        where = f"{path}: place {number}"
        name = _decided_of_change(row, side, where) if of_change and side else _decided_of_map(row, where)
        if name is None:
            places.append(None)
            continue
        index = KEEP if name == _LABELS_STAY else class_named(name, legend, where)
        places.append(DecidedPlace(_polygon(geometry, where), index, row.get("interpreter") or "", path.name, number))
    return places


def _decided_of_map(row: dict[str, str | None], where: str) -> str | None:
    """Return the class decided at a place of a map, the sign that its labels stay, or None."""
    decision, given = _decision(row, where, (MAP, LABELS, CLASS, UNSURE)), row.get("class")
    if decision == MAP:
        return _agreeing(row.get("mapped"), given, where)
    if decision == LABELS:
        if given is not None:
            raise _contradiction(f"decision 'labels', and class '{given}'", where)
        return _LABELS_STAY
    if decision == CLASS and given is None:
        raise LulcsegError("decision 'class' without a class", where=where, remedy="fill in class")
    return None if decision == UNSURE else given


def _decided_of_change(row: dict[str, str | None], side: ChangeSide, where: str) -> str | None:
    """Return the class decided at a place of a change for one of its dates, or None."""
    decision = _decision(row, where, (MAP, UNCHANGED, CLASS, UNSURE))
    given = row.get(f"class_{side}")
    if decision == MAP:
        return _agreeing(row.get("from" if side == "before" else "to"), given, where)
    both = list(dict.fromkeys(row[column] for column in CHANGE_REVIEW.classes if row[column] is not None))
    if decision == UNCHANGED:
        if len(both) > 1:
            raise _contradiction(f"decision 'unchanged', and classes '{both[0]}' and '{both[1]}'", where)
        return both[0] if both else None
    if decision == CLASS and not both:
        raise LulcsegError(
            "decision 'class' without a class", where=where, remedy="fill in class_before or class_after"
        )
    return None if decision == UNSURE else given


def _decision(row: dict[str, str | None], where: str, known: Sequence[str]) -> str | None:
    decision = row["decision"]
    if decision is None:
        return None
    if decision.lower() not in known:
        hint = did_you_mean(decision.lower(), known)
        raise LulcsegError(
            f"there is no decision '{decision}'",
            where=where,
            remedy=hint if hint.startswith("did") else f"write one of {', '.join(known)}",
        )
    return decision.lower()


def _agreeing(mapped: str | None, given: str | None, where: str) -> str:
    if mapped is None:
        raise LulcsegError("decision 'map', and nothing says what is mapped", where=where, remedy="fill in a class")
    if given is not None and given != mapped:
        raise _contradiction(f"decision 'map', which says '{mapped}', and class '{given}'", where)
    return mapped


def _contradiction(what: str, where: str) -> LulcsegError:
    return LulcsegError(f"it contradicts itself: {what}", where=where, remedy="correct one of them")


def _polygon(geometry: Any, where: str) -> Any:
    """Return a place's ground, repaired if need be."""
    if geometry is not None and geometry.geom_type not in {"Polygon", "MultiPolygon"}:
        raise LulcsegError(f"it is a {geometry.geom_type}, not a polygon", where=where, remedy="give polygons only")
    ground = areal(shapely.make_valid(geometry)) if geometry is not None else shapely.Polygon()
    if ground.is_empty:
        raise LulcsegError("it is decided, but has no ground", where=where, remedy="draw its polygon, or remove it")
    return ground


def _layer_of(path: FileName) -> str | None:
    """Return the layer of places where a file has one by its usual name; None: the only one with geometries."""
    try:
        names = [str(name) for name, _ in pyogrio.list_layers(os.fspath(path))]
    except (DataSourceError, DataLayerError):
        return None  # the reader says what is wrong
    return REVIEW_LAYER if REVIEW_LAYER in names else None


def _disjoint(places: list[DecidedPlace], legend: Legend) -> list[DecidedPlace]:
    """Cut from each place what an earlier one of the same class decides already.

    Raises:
        LulcsegError: Two that overlap say different things.
    """
    geometries = gpd.array.from_shapely([place.geometry for place in places]).to_numpy()
    second, first = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    later = first < second
    first, second = first[later], second[later]
    shared = shapely.area(shapely.intersection(geometries[first], geometries[second]))
    real = shared > _SLIVER * np.minimum(shapely.area(geometries[first]), shapely.area(geometries[second]))
    earlier: dict[int, list[int]] = {}
    for one, two, area in zip(first[real].tolist(), second[real].tolist(), shared[real].tolist(), strict=True):
        if places[one].class_index != places[two].class_index:
            raise LulcsegError(
                f"{places[one].described(legend)} and {places[two].described(legend)} overlap on {area:,.1f} m² and "
                "contradict each other",
                where="decisions",
                remedy="correct one of them, or cut it off the other",
            )
        earlier.setdefault(two, []).append(one)
    found = []
    for k, place in enumerate(places):
        ground = place.geometry
        if k in earlier:
            ground = areal(shapely.difference(ground, shapely.union_all(geometries[earlier[k]])))
        if not ground.is_empty:
            found.append(replace(place, geometry=ground))
    return found
