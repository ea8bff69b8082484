"""The imagery of a scene file: one source, or a list of named ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.settings.from_plain import fill
from lulcseg.settings.schema import setting

_NAME = re.compile(r"[^\W_][\w-]*")
_MOST_CLASSES = 256


@dataclass
class ImagerySpec:
    """The imagery: one raster, or tiles."""

    files: list[str] = setting([], "Rasters, VRTs or globs; where they overlap, the first listed wins.")
    stac: str | None = setting(None, "STAC item that names the rasters, instead of files: a path or an address.")
    assets: list[str] = setting([], "Names of the item's assets; empty: its only raster.")
    bands: list[int] | None = setting(None, "Band numbers from 1, in the wanted order; null: all but alpha.")
    nodata: float | None = setting(None, "Value that means no data, over what the files declare.")
    valid: str = setting(
        "auto",
        "What tells the valid pixels: the files' mask, alpha band or nodata values, or nothing (all); auto: the mask "
        "if they have one, else alpha and nodata.",
        choices=("auto", "mask", "alpha", "nodata", "all"),
    )
    palette: str | None = setting(
        None,
        "How images of a palette are read: as its colours (red, green, blue), or as the numbers that they hold; null: "
        "expand, and index for sources that light doesn't make.",
        choices=("expand", "index"),
    )


@dataclass
class SourceSpec(ImagerySpec):
    """One of several sources, read onto the pixels of the first."""

    name: str = setting("", "Name of the source, which its bands' names begin with: dsm.1.")
    names: list[str] | None = setting(None, "Names of its bands, in their order; null: their numbers in the file.")
    classes: list[int] | None = setting(
        None, "Values of a class raster, each of which becomes a band: 1 where the raster has it, else 0."
    )
    resampling: str | None = setting(
        None,
        "How it is read where its pixels aren't the scene's; null: cubic, and nearest for classes.",
        choices=("nearest", "bilinear", "cubic", "average"),
    )
    range: list[float] | None = setting(
        None, "Values that become 0 and 1; values beyond are clipped; null: the data type's range, unclipped."
    )
    optical: bool | None = setting(
        None,
        "Whether light makes its values: colour, weather, noise and exchange change such bands alone, and statistics "
        "stretch them alone; null: true for the first source.",
    )
    required: bool = setting(
        True, "Whether pixels without it are invalid; false: they are filled, and a band tells where it is valid."
    )
    fill: float = setting(0.0, "Value where a source that isn't required has none.")


def read_sources(listed: Sequence[Any], path: Path) -> list[SourceSpec]:
    """Return the sources that a scene file lists.

    Args:
        listed: Content of ``imagery``, a list.
        path: The scene file, for errors.

    Raises:
        LulcsegError: Not a list of named sources, or one with settings that make no sense.
    """
    where = f"{path}: imagery"
    if not listed or not all(isinstance(each, Mapping) for each in listed):
        raise LulcsegError(
            "it is not a list of sources", where=where, remedy="write each as - {name: dsm, files: [dsm.tif]}"
        )
    sources = [_read_source(dict(each), where) for each in listed]
    names = [source.name for source in sources]
    for name in names:
        if [each.casefold() for each in names].count(name.casefold()) > 1:
            raise LulcsegError(f"two sources are named '{name}'", where=where, remedy="give one another name")
    first = sources[0]
    if not first.required or first.classes is not None:
        what = "is not required" if not first.required else "is a class raster"
        raise LulcsegError(
            f"{first.name}, the first source, {what}", where=where, remedy="list the imagery that sets the grid first"
        )
    if first.optical is None:
        first.optical = True
    if not any(source.optical for source in sources):
        raise LulcsegError("no source is optical", where=where, remedy="leave out optical: false of one of them")
    return sources


def choose_sources(sources: Sequence[SourceSpec], names: Sequence[str], path: Path) -> tuple[SourceSpec, ...]:
    """Return some of a scene's sources, in its order.

    Args:
        sources: Those that it lists.
        names: Names of some; with that of the first, which sets the grid.
        path: The scene file, for errors.

    Raises:
        LulcsegError: One isn't listed, or the first or all that are optical are left out.
    """
    known = [source.name for source in sources]
    if not known:
        raise LulcsegError(
            f"its imagery is one source without a name, and {', '.join(names)} is asked for",
            where=path,
            remedy="list named sources under imagery:, or leave scenes.sources out",
        )
    for name in names:
        if name not in known:
            raise LulcsegError(f"it has no source '{name}'", where=f"{path}: imagery", remedy=did_you_mean(name, known))
    chosen = tuple(source for source in sources if source.name in names)
    if known[0] not in names or not any(source.optical for source in chosen):
        what = f"{known[0]}, its first source, which sets the grid" if known[0] not in names else "every optical source"
        raise LulcsegError(f"{what} is left out", where="scenes.sources", remedy="name it too")
    return chosen


def _read_source(plain: dict[str, Any], where: str) -> SourceSpec:
    name = plain.get("name")
    if isinstance(name, bool) or not isinstance(name, str | int) or not _NAME.fullmatch(str(name)):
        raise LulcsegError(
            f"a source is named '{'' if name is None else name}'",
            where=where,
            remedy="give each a name: of letters, digits, _ and -",
        )
    if isinstance(plain.get("names"), list):
        plain["names"] = [str(each) for each in plain["names"]]
    source = fill(SourceSpec, plain | {"name": str(name)}, f"{where}.{name}")
    _check_source(source, f"{where}.{name}")
    return source


def _check_source(source: SourceSpec, where: str) -> None:
    ends, classes = source.range, source.classes
    if bool(source.files) == bool(source.stac):
        which = "names no file" if not source.files else "is given beside stac"
        raise LulcsegError(f"files {which}", where=where, remedy="list its raster files, or name a STAC item")
    if ends is not None and (len(ends) != 2 or not all(map(isfinite, ends)) or ends[0] >= ends[1]):
        raise LulcsegError(
            f"range {ends} is not a lower and an upper value", where=where, remedy="use two, such as [0, 2000]"
        )
    if source.names is not None and not all(source.names):
        raise LulcsegError("a band has an empty name", where=where, remedy="name each of them")
    if source.required and source.fill:
        raise LulcsegError("fill does nothing for a required source", where=where, remedy="add required: false")
    if classes is None:
        return
    for key, value in (
        ("bands", source.bands), ("names", source.names), ("range", source.range), ("palette", source.palette)
    ):  # fmt: skip
        if value is not None:
            raise LulcsegError(
                f"{key} doesn't go with classes, which are one band each of 0 and 1", where=where, remedy="leave it out"
            )
    if source.optical or source.fill or source.resampling not in {None, "nearest"}:
        raise LulcsegError(
            "a class raster is not optical, filled with 0 and read by nearest neighbour",
            where=where,
            remedy="leave optical, fill and resampling out",
        )
    if not 1 <= len(set(classes)) == len(classes) <= _MOST_CLASSES:
        raise LulcsegError(
            f"classes are not 1 to {_MOST_CLASSES} different values", where=where, remedy="list each value once"
        )
