"""Whether the files that a scene names are there, without opening any of them."""

from __future__ import annotations

from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import is_there
from lulcseg.scene.file_names import locate, split_layer
from lulcseg.scene.mosaic_files import find_files
from lulcseg.scene.spec import SceneFile, find_scene, read_scene
from lulcseg.settings.plain_yaml import read_yaml


def check_scene_files(name: str) -> None:
    """Check that a scene can be read and that its files on this machine are there; files elsewhere aren't asked for.

    A scene of the synthetic landscape isn't generated.

    Args:
        name: Name or path of the scene.

    Raises:
        LulcsegError: There is no such scene, it can't be read, or a file is missing.
    """
    path = find_scene(name)
    if read_yaml(path).get("synthetic") is not None:
        return
    file = read_scene(name, cache=Path())  # of a landscape alone
    for spec, key in zip(
        file.sources or [file.spec.imagery],
        [f"imagery.{source.name}" for source in file.sources] or ["imagery"],
        strict=True,
    ):
        find_files(spec.files, path.parent, f"{path}: {key}.files")
        _check(file, spec.stac, f"{key}.stac")
    labels, points = file.spec.labels, file.spec.points
    if labels is not None:
        find_files(labels.rasters, path.parent, f"{path}: labels.rasters")
        _check(file, labels.file, "labels.file")
    if points is not None:
        _check(file, points.file, "points.file")
    if file.spec.boundary is not None:
        _check(file, split_layer(file.spec.boundary).file, "boundary")


def _check(file: SceneFile, name: str | None, key: str) -> None:
    where = f"{file.path}: {key}"
    found = None if name is None else locate(name, where, file.path.parent)
    if isinstance(found, Path) and not is_there(found):
        raise LulcsegError(f"there is no file '{found}'", where=where, remedy="check the path")
