"""``lulcseg beside``: draw imagery and maps of the same ground side by side."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from lulcseg.commands.parsers import Commands, add_cache, add_command, as_path, as_target
from lulcseg.commands.picture_files import open_scene, picture_target, save_picture
from lulcseg.errors import LulcsegError


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "beside",
        _run,
        help="draw imagery and maps of the same ground side by side",
        aliases=["compare"],
    )
    parser.add_argument("maps", type=as_path, nargs="+", metavar="map", help="class maps on the scene's pixels")
    parser.add_argument("--scene", required=True, help="name or path of their scene")
    parser.add_argument("--out", type=as_target, help="picture to write, .png (default: next to the first map)")
    parser.add_argument(
        "--at", metavar="E,N", help="centre of the window (default: where the first two maps differ most)"
    )
    parser.add_argument("--size", type=int, default=768, help="side of the window in pixels (default: %(default)s)")
    add_cache(parser)


def _run(arguments: argparse.Namespace) -> None:
    path, where = write_beside(
        arguments.maps,
        arguments.scene,
        out=arguments.out,
        at=arguments.at,
        size=arguments.size,
        cache=arguments.cache,
    )
    sys.stdout.write(f"{path}\n{where}\n")


def write_beside(
    paths: Sequence[Path],
    scene: str,
    *,
    out: Path | None = None,
    at: str | None = None,
    size: int = 768,
    cache: Path | None = None,
) -> tuple[Path, str]:
    """Draw imagery and maps of the same ground and write the picture.

    :func:`lulcseg.pictures.side_by_side.draw_side_by_side` says what is drawn.

    Args:
        paths: The maps, one or more.
        scene: Name or path of their scene.
        out: Picture to write, .png; None: next to the first map, under its name with ``_beside``.
        at: ``E,N`` of the window's centre, in the scene's CRS; None: chosen
            (:func:`lulcseg.pictures.window_choice.choose_window`).
        size: Side of the window, in pixels.
        cache: Folder for label rasters and synthetic scenes; None: the default one.

    Returns:
        The picture's path, and a sentence that states where the window is.

    Raises:
        LulcsegError: A map or the scene can't be read, the window can't be drawn, or the picture can't be written.
    """
    out = picture_target(out, paths[0].with_name(f"{paths[0].stem}_beside.png"), paths)
    place = None if at is None else _parse_place(at)
    from lulcseg.pictures.side_by_side import draw_side_by_side

    drawn = draw_side_by_side(paths, open_scene(scene, cache), at=place, size=size)
    save_picture(drawn.picture, out)
    return out, drawn.about


def _parse_place(words: str) -> tuple[float, float]:
    """Parse ``E,N``."""
    try:
        east, north = (float(part) for part in words.split(","))
    except ValueError:
        east = north = math.nan
    if not (math.isfinite(east) and math.isfinite(north)):
        raise LulcsegError(
            f"'{words}' is not a place", where="--at", remedy="write easting and northing as --at=330250,8089900"
        )
    return east, north
