"""Opening the scene, checking the paths and writing the picture, for the commands that draw maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lulcseg.errors import LulcsegError

if TYPE_CHECKING:
    from PIL import Image

    from lulcseg.scene.file_names import FileName
    from lulcseg.scene.scene import Scene


def open_scene(scene: str, cache: Path | None) -> Scene:
    """Open a scene by its name or path, with or without ``scene=`` before it."""
    from lulcseg.scene.scene import Scene

    return Scene.open(scene.removeprefix("scene="), cache)


def picture_target(out: Path | None, default: Path, maps: Sequence[FileName]) -> Path:
    """Return the path to write to, and check it and the maps before anything slow is done.

    Args:
        out: The path given; None: the default.
        default: Path used without one.
        maps: The maps to be drawn, which must exist (elsewhere, drawing finds out) and must not be overwritten.

    Raises:
        LulcsegError: A map is missing, or the path can't be written to, isn't a PNG or is one of the maps.
    """
    from lulcseg.maps.output_guards import is_same_file

    here = [path for path in maps if isinstance(path, Path)]
    for path in here:
        if path.is_dir():
            raise LulcsegError("it is a folder, not a map", where=path, remedy="give the class map in it, a GeoTIFF")
        if not path.is_file():
            raise LulcsegError("no such file", where=path, remedy="check the path of the map")
    if out is None:
        out = default
    elif not out.parent.is_dir():
        raise LulcsegError(
            "the output folder does not exist", where=out.parent, remedy="create it, or write to another folder"
        )
    if out.is_dir():
        raise LulcsegError("is a folder", where=out, remedy="give --out the name of a file in it")
    if out.suffix.lower() != ".png":
        raise LulcsegError("is not a PNG", where=out, remedy="end --out in .png")
    if any(is_same_file(out, path) for path in here):
        raise LulcsegError("is the map itself", where=out, remedy="give --out another name")
    return out


def save_picture(picture: Image.Image, out: Path) -> None:
    """Write a picture, whole or not at all."""
    from lulcseg.files import replacing
    from lulcseg.pictures.encoding import png_bytes

    content = png_bytes(picture)
    with replacing(out) as part:
        part.write_bytes(content)
