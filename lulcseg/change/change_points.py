"""Reference points that carry the classes of two dates, read for a change map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np

from lulcseg.assessment.design_strata import sample_record
from lulcseg.change.change_record import UNDATED, ChangeRecord
from lulcseg.change.transition_codes import TransitionCodes
from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.scene.file_names import FileName
from lulcseg.scene.points import NO_CLASS, NOT_INTERPRETABLE, said_no
from lulcseg.scene.vectors import class_indices, read_vector

NO_CLASS_OF = "no class given for one of the dates"


@dataclass(frozen=True, eq=False)
class ChangePoints:
    """Reference points of a change.

    Attributes:
        frame: The points, with ``class_index`` (place of their pair in ``codes``, −1 if none) and ``reason``.
        codes: The map's pairs, and those further ones that the points have.
        columns: The columns that hold the classes.
    """

    frame: gpd.GeoDataFrame
    codes: TransitionCodes
    columns: tuple[str, str]


def read_change_points(
    path: FileName,
    record: ChangeRecord,
    mapped: Path,
    *,
    columns: str | None = None,
    layer: str | None = None,
    crs: str | None = None,
    stratum: str | None = None,
) -> ChangePoints:
    """Read reference points of two dates.

    Args:
        path: The points.
        record: The change map's record.
        mapped: The change map, for errors.
        columns: Both columns as ``class_2015,class_2018``; None: those that a sample's file states, else
            ``class_<date>`` of the map's dates, else ``class_before`` and ``class_after``.
        layer: Layer of the points; None: the only one with geometries.
        crs: CRS of the points, if their file states none (CSV).
        stratum: Column of the points' stratum, if it isn't ``stratum``.

    Raises:
        LulcsegError: The file can't be read or holds no points, is a sample of another pair of dates, lacks a column,
            or has a class that the legend lacks.
    """
    frame = read_vector(path, layer, None, None, own_crs=crs)
    if frame.empty or set(frame.geom_type.dropna()) - {"Point"}:
        raise LulcsegError("it holds no points", where=path, remedy="give a layer of points")
    stated = sample_record(path)
    names = [str(c) for c in frame.columns if c != frame.geometry.name]
    named = None if columns is None else _named_columns(columns, names, path)
    _check_pair(stated, record, path, mapped, named)
    chosen = named or _columns(stated, record, names, path)
    indices = [
        class_indices(frame[column], record.codes.classes, {}, f"{path}: column {column}").astype(np.int64)
        for column in chosen
    ]
    known = (indices[0] >= 0) & (indices[1] >= 0)
    pairs = [(int(i), int(j)) for i, j in zip(*indices, strict=True)]
    codes = record.codes.with_pairs(pair for pair, there in zip(pairs, known, strict=True) if there)
    place = {pair: k for k, pair in enumerate(codes.pairs)}
    nothing = (indices[0] < 0) & (indices[1] < 0)
    reason = np.where(known, "", np.where(nothing, NO_CLASS, NO_CLASS_OF)).astype(object)
    if "interpretable" in names:
        reason[said_no(frame["interpretable"])] = NOT_INTERPRETABLE
    frame = frame.assign(class_index=[place[p] if there else -1 for p, there in zip(pairs, known, strict=True)])
    frame = frame.assign(reason=reason)
    if stratum is not None:
        if stratum not in names:
            raise LulcsegError(f"it has no column '{stratum}'", where=path, remedy=did_you_mean(stratum, names))
        frame = frame.assign(stratum=frame[stratum])
    return ChangePoints(frame, codes, chosen)


def _check_pair(
    stated: dict[str, str], record: ChangeRecord, path: FileName, mapped: Path, columns: tuple[str, str] | None
) -> None:
    """Check that a sample was drawn for the pair of the change map: by the dates if both have any, else by the maps."""
    if "dates" not in stated:
        return
    dates = tuple(stated["dates"].split(","))
    dated = record.is_dated and dates != UNDATED
    theirs_of = tuple(stated.get("maps_checksums", "").split(","))
    if theirs_of == record.checksums[::-1] != record.checksums:
        swapped = tuple(stated.get("columns", "").split(",")[::-1])
        if columns == swapped:
            return
        pair = stated.get("maps", "?").replace(",", " to ")
        raise LulcsegError(
            f"it was drawn for the change from {pair}, and {mapped.name} is the one the other way round",
            where=path,
            remedy=f"compare the maps in the sample's order, or name its columns in the map's: --column "
            f"{','.join(swapped)}",
        )
    fits = dates == record.labels if dated else theirs_of == record.checksums
    if fits or (columns is not None and not dated):
        return
    theirs = " and ".join(dates if dated else stated.get("maps", "?").split(","))
    ours = " and ".join(record.labels if dated else record.maps)
    raise LulcsegError(
        f"it was drawn for the change between {theirs}, and {mapped.name} is the one between {ours}",
        where=path,
        remedy="assess the change that it was drawn for"
        if dated
        else "assess the change that it was drawn for; if the maps are of the same dates, name the columns (--column)",
    )


def _named_columns(given: str, names: list[str], path: FileName) -> tuple[str, str]:
    """Return the columns that the user named."""
    words = [word.strip() for word in given.split(",")]
    if len(words) != 2 or words[0] == words[1]:
        raise LulcsegError(
            f"'{given}' is not two columns, and a change has a class on either date",
            where="--column",
            remedy="name both, such as --column class_2015,class_2018",
        )
    for word in words:
        if word not in names:
            raise LulcsegError(f"it has no column '{word}'", where=path, remedy=did_you_mean(word, names))
    return words[0], words[1]


def _columns(stated: dict[str, str], record: ChangeRecord, names: list[str], path: FileName) -> tuple[str, str]:
    """Return the columns that hold the classes, as far as the file or the map says."""
    for candidate in (stated.get("columns", "").split(","), record.columns, [f"class_{label}" for label in UNDATED]):
        if len(candidate) == 2 and set(candidate) <= set(names):
            return candidate[0], candidate[1]
    raise LulcsegError(
        f"it doesn't say which columns hold the classes of {record.labels[0]} and {record.labels[1]} (its columns are "
        f"{', '.join(names)})",
        where=path,
        remedy="name both: --column class_2015,class_2018",
    )
