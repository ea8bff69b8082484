"""``lulcseg quicklook``: draw a whole map, its legend and the share of each class."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lulcseg.commands.parsers import Commands, add_cache, add_command, as_file, as_target
from lulcseg.commands.picture_files import open_scene, picture_target, save_picture
from lulcseg.scene.file_names import FileName


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "quicklook", _run, help="draw a whole map, its legend and the share of each class")
    parser.add_argument("map", type=as_file, help="class map, or a raster of confidence, entropy or disagreement")
    parser.add_argument("--out", type=as_target, help="picture to write, .png (default: next to a map on this machine)")
    parser.add_argument("--width", type=int, default=1600, help="maximum width in pixels (default: %(default)s)")
    parser.add_argument("--scene", help="name or path of the map's scene: draws its imagery to the left")
    add_cache(parser)


def _run(arguments: argparse.Namespace) -> None:
    path = write_quicklook(
        arguments.map, out=arguments.out, width=arguments.width, scene=arguments.scene, cache=arguments.cache
    )
    sys.stdout.write(f"{path}\n")


def write_quicklook(
    path: FileName, *, out: Path | None = None, width: int = 1600, scene: str | None = None, cache: Path | None = None
) -> Path:
    """Draw a whole map and write the picture (:func:`lulcseg.pictures.map_sheet.draw_quicklook`).

    Args:
        path: The map, or a raster of values 0…1 such as confidence; a path or an address.
        out: Picture to write, .png; None: under the map's name, next to it or, of an address, in the present folder.
        width: Maximum width of the picture, in pixels.
        scene: Name or path of the scene whose imagery is drawn to the left; None: no imagery.
        cache: Folder for label rasters and synthetic scenes; None: the default one.

    Returns:
        The picture's path.

    Raises:
        LulcsegError: The map or the scene can't be read, or the picture can't be written.
    """
    here = path if isinstance(path, Path) else Path(path.name)
    out = picture_target(out, here.with_suffix(".png"), [path])
    from lulcseg.pictures.map_sheet import draw_quicklook

    save_picture(draw_quicklook(path, scene=None if scene is None else open_scene(scene, cache), width=width), out)
    return out
