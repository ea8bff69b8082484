"""Pictures of maps, from the names on the command line to files: ``lulcseg quicklook``, ``lulcseg beside``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lulcseg.errors import LulcsegError

if TYPE_CHECKING:
    from PIL import Image

    from lulcseg.scene.scene import Scene


def write_quicklook(
    path: Path, *, out: Path | None = None, width: int = 1600, scene: str | None = None, cache: Path | None = None
) -> Path:
    """Draw a whole map and write the picture (:func:`lulcseg.report.quicklook.quicklook`).

    Args:
        path: The map, or a raster of confidence and the like.
        out: Picture to write, .png; None: beside the map, under its name.
        width: Of the picture at most, in pixels.
        scene: Name or path of the scene whose imagery stands at the left; None: no imagery.
        cache: Folder for label rasters and synthetic scenes; None: the usual one.

    Returns:
        The picture's path.

    Raises:
        LulcsegError: Anything that can't be read, drawn or written.
    """
    out = _target(out, path.with_suffix(".png"), [path])
    from lulcseg.report.quicklook import quicklook

    _save(quicklook(path, scene=None if scene is None else _open(scene, cache), width=width), out)
    return out


def write_beside(
    paths: Sequence[Path],
    scene: str,
    *,
    out: Path | None = None,
    at: str | None = None,
    size: int = 768,
    cache: Path | None = None,
) -> tuple[Path, str]:
    """Draw imagery and maps of the same ground and write the picture (:func:`lulcseg.report.beside.beside`).

    Args:
        paths: The maps, one or more.
        scene: Name or path of their scene.
        out: Picture to write, .png; None: beside the first map, under its name with ``_beside``.
        at: ``E,N`` of the window's middle, in the scene's CRS; None: where there is most to see.
        size: Side of the window, in pixels.
        cache: Folder for label rasters and synthetic scenes; None: the usual one.

    Returns:
        The picture's path, and a sentence that says where the window is.

    Raises:
        LulcsegError: Anything that can't be read, drawn or written.
    """
    out = _target(out, paths[0].with_name(f"{paths[0].stem}_beside.png"), paths)
    place = None if at is None else _place(at)
    from lulcseg.report.beside import beside

    drawn = beside(paths, _open(scene, cache), at=place, size=size)
    _save(drawn.picture, out)
    return out, drawn.about


def _open(scene: str, cache: Path | None) -> Scene:
    from lulcseg.scene.scene import Scene

    return Scene.open(scene.removeprefix("scene="), cache)


def _target(out: Path | None, default: Path, maps: Sequence[Path]) -> Path:
    """Return where to write, and see that it can be there, and that the maps are, before anything slow is done."""
    for path in maps:
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
        raise LulcsegError("is no PNG", where=out, remedy="end --out in .png")
    if any(out.resolve() == path.resolve() for path in maps):
        raise LulcsegError("is the map itself", where=out, remedy="give --out another name")
    return out


def _place(words: str) -> tuple[float, float]:
    """Read ``E,N``."""
    try:
        east, north = (float(part) for part in words.split(","))
    except ValueError:
        east = north = math.nan
    if not (math.isfinite(east) and math.isfinite(north)):
        raise LulcsegError(
            f"'{words}' is no place", where="--at", remedy="write easting and northing as --at=330250,8089900"
        )
    return east, north


def _save(picture: Image.Image, out: Path) -> None:
    """Write a picture, whole or not at all."""
    from lulcseg.files import replacing
    from lulcseg.report.images import png_bytes

    content = png_bytes(picture)
    with replacing(out) as part:
        part.write_bytes(content)
