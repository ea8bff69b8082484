"""``lulcseg quicklook``: draw a whole map, its legend and the share of each class."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lulcseg.commands.picture_files import open_scene, picture_target, save_picture


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("quicklook", help="draw a whole map, its legend and the share of each class")
    parser.add_argument("map", type=Path, help="class map, or a raster of confidence, entropy or disagreement")
    parser.add_argument("--out", type=Path, help="picture to write, .png (default: beside the map)")
    parser.add_argument("--width", type=int, default=1600, help="pixels at most (default: %(default)s)")
    parser.add_argument("--scene", help="name or path of the map's scene: shows its imagery at the left")
    parser.add_argument("--cache", type=Path, help="folder for synthetic scenes")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    path = write_quicklook(
        arguments.map, out=arguments.out, width=arguments.width, scene=arguments.scene, cache=arguments.cache
    )
    sys.stdout.write(f"{path}\n")


def write_quicklook(
    path: Path, *, out: Path | None = None, width: int = 1600, scene: str | None = None, cache: Path | None = None
) -> Path:
    """Draw a whole map and write the picture (:func:`lulcseg.pictures.map_sheet.quicklook`).

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
    out = picture_target(out, path.with_suffix(".png"), [path])
    from lulcseg.pictures.map_sheet import quicklook

    save_picture(quicklook(path, scene=None if scene is None else open_scene(scene, cache), width=width), out)
    return out
