"""The scene file that uses revised labels."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from lulcseg.scene.legend_spec import IGNORE_NAME
from lulcseg.scene.spec import LabelsSpec, SceneFile
from lulcseg.settings.plain_yaml import read_yaml


def write_revised_scene(file: SceneFile, labels: Path, out: Path, part: Path, *, with_ignore: bool) -> None:
    """Write a scene file that differs from another by its labels, its name and where it lies.

    It is named by its file. Relative paths are rewritten for its folder; comments are lost. The labels' crosswalk is
    in the new labels already, and remains with the points, if they relied on it.

    Args:
        file: The scene file.
        labels: The new labels, GeoPackage or class raster.
        out: The scene file: paths are relative to its folder.
        part: Where to write it, within :func:`lulcseg.files.replacing`.
        with_ignore: Whether polygons have the class ``ignore``.

    Raises:
        OSError: It can't be written.
    """
    plain = read_yaml(file.path)
    move = _mover(file.path.parent.resolve(), out.parent.resolve())
    for source in plain["imagery"] if isinstance(plain["imagery"], list) else [plain["imagery"]]:
        if "files" in source:
            source["files"] = [move(each) for each in source["files"]]
        _move_in(source, "stac", move)
    for section, key in (("", "boundary"), ("", "legend"), ("points", "file"), ("points", "strata_map")):
        _move_in(plain.get(section) if section else plain, key, move)
    _move_in(plain.get("points"), "strata_sizes", move)
    earlier = file.spec.labels or LabelsSpec(uncovered=IGNORE_NAME)
    place = os.path.relpath(labels.resolve(), out.parent.resolve())
    if labels.suffix == ".gpkg":
        plain["labels"] = {"file": place, "column": "class", "uncovered": earlier.uncovered}
        if with_ignore:
            plain["labels"]["crosswalk"] = {IGNORE_NAME: IGNORE_NAME}
    else:
        plain["labels"] = {"rasters": [place]}
    if plain.get("points") and earlier.crosswalk and not plain["points"].get("crosswalk"):
        codes = {str(each.code): each.name for each in file.legend}
        names = {each.name: each.name for each in file.legend}
        plain["points"]["crosswalk"] = {**codes, **names, **earlier.crosswalk}
    plain.pop("name", None)
    text = yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, allow_unicode=True)
    part.write_text(text, encoding="utf-8")


def _mover(old: Path, new: Path) -> Callable[[str], str]:
    """Return a function from a path that is relative to a folder to the same place, relative to another.

    Addresses stay, and so do absolute paths.
    """

    def move(text: str) -> str:
        stays = old == new or "://" in text or text.startswith("~") or Path(text).is_absolute()
        return text if stays else os.path.relpath(old / text, new)

    return move


def _move_in(section: dict[str, Any] | None, key: str, move: Callable[[str], str]) -> None:
    if section and isinstance(section.get(key), str):
        section[key] = move(section[key])
