"""The scene file: mosaic, labels and reference points of a scene, and the paths of their files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import path_of
from lulcseg.legend import Legend
from lulcseg.scene.file_names import FileName, add_layer, locate, split_layer
from lulcseg.scene.imagery_spec import ImagerySpec, SourceSpec, choose_sources, read_sources
from lulcseg.scene.legend_spec import FORMULA, as_text, legend_of
from lulcseg.settings.configuration_folders import files_of
from lulcseg.settings.from_plain import fill
from lulcseg.settings.plain_yaml import read_yaml, refuse_references
from lulcseg.settings.schema import setting

_LONGEST_NAME = 100
"""Bytes of a scene's name; file systems allow 255 for a file's, which holds more than it."""


@dataclass
class LabelsSpec:
    """The labels: digitised polygons, or class rasters."""

    file: str | None = setting(None, "Polygons, in any format that GDAL reads, CSV or GeoParquet.")
    layer: str | None = setting(None, "Layer of that file; null: the only one with geometries.")
    crs: str | None = setting(None, "CRS of the polygons, if their file states none (CSV).")
    column: str | None = setting(None, "Column that holds the class.")
    rasters: list[str] = setting([], "Class rasters or globs, instead of polygons.")
    uncovered: str | None = setting(
        None, "Class of ground that no polygon covers, or `ignore`; must be said with polygons."
    )
    crosswalk: dict[str, str] = setting({}, "Source value → class name or `ignore`; many may lead to one class.")
    invalid: str = setting(
        "repair",
        "What to do with invalid polygons: repair them (and say how many), or refuse.",
        choices=("repair", "refuse"),
    )


@dataclass
class PointsSpec:
    """Reference points."""

    file: str = setting("", "Points, in any format that GDAL reads, CSV or GeoParquet.")
    layer: str | None = setting(None, "Layer of that file; null: the only one with geometries.")
    crs: str | None = setting(None, "CRS of the points, if their file states none (CSV).")
    column: str = setting("class", "Column that holds the class seen at the point.")
    second: str | None = setting(None, "Column of a second choice of class.")
    interpreter: str | None = setting(None, "Column that names the interpreter.")
    stratum: str | None = setting(None, "Column of the sampling stratum.")
    weight: str | None = setting(None, "Column of the sampling weight.")
    interpretable: str | None = setting(None, "Column that is false (0, no) where the class could not be told.")
    design: str = setting(
        "unknown",
        "How the points were drawn; unknown: as a file written by `lulcseg reference` says of itself.",
        choices=("unknown", "simple random", "stratified", "post-stratified"),
    )
    strata_map: str | None = setting(None, "Class raster whose classes were the strata.")
    strata_sizes: str | None = setting(
        None, "CSV of the strata: stratum, hectares and, if known, pixels; null: the points' own file."
    )
    crosswalk: dict[str, str] = setting({}, "Source value → class name or `ignore`; null: the labels' own.")


@dataclass
class SyntheticSpec:
    """The embedded landscape, generated on first use."""

    size: int = setting(2048, "Side of the landscape, in pixels.", least=128, most=65_536)
    seed: int = setting(1, "Seed of the landscape.", least=0, most=2**32 - 1)
    scene: str = setting("2018", "Which scene file of the landscape to use (2018, 2015, 2018_training, …).")
    sources: list[str] = setting([], "Sources beside the mosaic, in order: dsm (a surface model), nir; both at 2 m.")


@dataclass
class SceneSpec:
    """A scene file's content."""

    name: str | None = setting(None, "Name of the scene; null: the file's.")
    date: str | None = setting(None, "Date of the imagery: a year, month or day, such as 2018, 2018-08 or 2018-08-15.")
    crs: str | None = setting(None, "CRS to work in; null: that of the first image.")
    resolution: float | None = setting(
        None, "Pixel size to work at, in metres; null: that of the first image.", least=0.001
    )
    imagery: ImagerySpec = field(default_factory=ImagerySpec)
    boundary: str | None = setting(
        None,
        "Polygon file, or <file>|layername=<layer>: nothing outside it is mapped, trained on or assessed.",
    )
    labels: LabelsSpec | None = None
    legend: Any = setting(None, "List of {code, name, colour}, or a YAML file that holds one; null: the paper's.")
    points: PointsSpec | None = None
    synthetic: SyntheticSpec | None = None


@dataclass(frozen=True)
class SceneFile:
    """A scene file: its content, legend and path.

    Attributes:
        path: The YAML file; relative paths in it start from its folder.
        name: The scene's name.
        spec: Its content.
        legend: Its classes.
        sources: The sources of its imagery by name, the first of which is also the content's imagery; empty: the
            imagery is one source without a name.
    """

    path: Path
    name: str
    spec: SceneSpec
    legend: Legend
    sources: tuple[SourceSpec, ...] = ()

    def place(self, name: str) -> FileName:
        """Return the file that a path or an address in the scene file leads to."""
        return locate(name, self.path, self.path.parent)

    def place_here(self, name: str) -> Path:
        """Return the file of a path in the scene file that must be on this machine."""
        return path_of(name, self.path, self.path.parent)

    def of_sources(self, names: Sequence[str]) -> SceneFile:
        """Return the scene file with some of its sources, in their own order."""
        return replace(self, sources=choose_sources(self.sources, names, self.path))


def find_scene(name: str) -> Path:
    """Return the path of a scene file by its name or path.

    Args:
        name: A path relative to the current folder, or a name under ``conf/scenes/``.

    Raises:
        LulcsegError: Neither.
    """
    path = path_of(name, "scene")
    if path.is_file():
        return path.resolve()
    known = files_of("scenes")
    if name in known:
        return known[name]
    if path.is_dir():
        raise LulcsegError("it is a folder, not a scene file", where=name, remedy="give the YAML file in it")
    looks_like_path = path.suffix in {".yaml", ".yml"} or os.sep in name
    remedy = "check the path" if looks_like_path else did_you_mean(name, known)
    raise LulcsegError(f"there is no scene '{name}'", where="scene", remedy=remedy)


def read_scene(name: str, *, cache: Path) -> SceneFile:
    """Read a scene file, after generating the synthetic landscape if it names one.

    Args:
        name: See :func:`find_scene`.
        cache: Folder for generated landscapes.

    Raises:
        LulcsegError: No such file, not YAML, an unknown key, or something missing.
    """
    path = find_scene(name)
    content = read_yaml(path)
    refuse_references(content, path)
    listed = content.pop("imagery") if isinstance(content.get("imagery"), list) else None
    plain = _as_text(content, path)
    if plain.get("synthetic") is not None:
        from lulcseg.scene.synthetic_scene import landscape_scene

        if listed is not None or set(plain) - {"synthetic", "name"}:
            raise LulcsegError("it has other keys than name beside synthetic", where=path, remedy="remove them")
        wanted = fill(SyntheticSpec, plain["synthetic"], f"{path}: synthetic")
        landscape = landscape_scene(wanted.size, wanted.seed, wanted.scene, cache, wanted.sources)
        made = read_scene(str(landscape), cache=cache)
        return made if plain.get("name") is None else replace(made, name=_checked_name(str(plain["name"]), path))
    sections: dict[str, type] = {"labels": LabelsSpec, "points": PointsSpec}
    typed: dict[str, Any] = {
        k: fill(sections[k], plain.pop(k), f"{path}: {k}") for k in sections if plain.get(k) is not None
    }
    for key, section in typed.items():
        _split_layer(section, f"{path}: {key}")
    spec = fill(SceneSpec, {k: v for k, v in plain.items() if v is not None}, str(path))
    spec.labels, spec.points = typed.get("labels"), typed.get("points")
    sources = [] if listed is None else read_sources(listed, path)
    spec.imagery = sources[0] if sources else spec.imagery
    _check(spec, path)
    name = _checked_name(path.stem if spec.name is None else spec.name, path)
    return SceneFile(path, name, spec, legend_of(spec.legend, path), tuple(sources))


def _as_text(plain: dict[str, Any], path: Path) -> dict[str, Any]:
    """Turn dates and numbers that are names here into text; check that sections are mappings."""
    for key in ("imagery", "labels", "points", "synthetic"):
        section = plain.get(key)
        if section is None:
            continue
        if not isinstance(section, dict):
            raise LulcsegError(
                f"{key} is not a section of settings", where=path, remedy=f"indent 'key: value' lines under {key}:"
            )
        if isinstance(section.get("crosswalk"), dict):
            crosswalk = {str(source): name for source, name in section["crosswalk"].items()}
            plain[key] = section | {"crosswalk": crosswalk}
    named = {key: plain[key] for key in ("name", "date", "crs") if plain.get(key) is not None}
    return plain | {key: as_text(value, key, path) for key, value in named.items()}


def _split_layer(section: LabelsSpec | PointsSpec, where: str) -> None:
    """Move a layer and a CRS named after a section's file into their own settings."""
    if section.file:
        named = add_layer(split_layer(section.file), where, layer=section.layer, crs=section.crs)
        section.file, section.layer, section.crs = named


def _check(spec: SceneSpec, path: Path) -> None:
    if bool(spec.imagery.files) == bool(spec.imagery.stac):
        which = "names no file" if not spec.imagery.files else "is given beside imagery.stac"
        raise LulcsegError(
            f"imagery.files {which}", where=path, remedy="list the mosaic's raster files, or name a STAC item"
        )
    if spec.imagery.assets and not spec.imagery.stac:
        raise LulcsegError("imagery.assets is given without imagery.stac", where=path, remedy="name the STAC item")
    if spec.date is not None and not _is_date(spec.date):
        raise LulcsegError(f"date '{spec.date}' is not in the calendar", where=path, remedy="write it as 2018-08-15")
    labels = spec.labels
    if labels is not None:
        if bool(labels.file) == bool(labels.rasters):
            raise LulcsegError("labels needs either file (polygons) or rasters", where=path, remedy="give one of them")
        if labels.file and not labels.column:
            raise LulcsegError("labels.column is missing", where=path, remedy="name the column that holds the class")
        if labels.file and labels.uncovered is None:
            raise LulcsegError(
                "labels.uncovered is missing",
                where=path,
                remedy="set it to the class of ground without a polygon, or 'ignore'",
            )
    if spec.points is not None and not spec.points.file:
        raise LulcsegError("points.file is missing", where=path, remedy="name the file of reference points")


def _checked_name(name: str, path: Path) -> str:
    """Return a scene's name, which becomes part of files' names, of tables and of reports.

    Raises:
        LulcsegError: It can't be part of them.
    """
    why = "can't be part of a file name"
    if len(name.encode()) > _LONGEST_NAME:
        name, why = f"{name[:20]}…", f"has more than {_LONGEST_NAME} bytes"
    elif name.startswith(FORMULA):
        why = "would be run as a formula by spreadsheets"
    elif name.strip(". ") and not set(name) & set("/\\") and name.isprintable():
        return name
    raise LulcsegError(f"name '{name}' {why}", where=path, remedy="name it by a plain word")


def _is_date(text: str) -> bool:
    """Whether a text is a year, a month or a day of the calendar, perhaps with a time."""
    year_or_month = re.fullmatch(r"(\d{4})(?:-(\d{2}))?", text)
    try:
        datetime.fromisoformat(f"{year_or_month[1]}-{year_or_month[2] or '01'}-01" if year_or_month else text)
    except ValueError:
        return False
    return True
