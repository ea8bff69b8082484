"""``lulcseg change``: compare the maps of two dates."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import Commands, add_command, as_path, as_target
from lulcseg.errors import LulcsegError

if TYPE_CHECKING:
    from lulcseg.change.change_tables import ChangeAreas


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "change",
        _run,
        help="compare the maps of two dates: what became what, how surely, by how many hectares",
        description="Compare the maps of two dates and write a folder with the change map (change.tif, a class raster "
        "of from–to pairs with its QGIS style), its patches as polygons, areas and their matrix, a figure and, where "
        "both maps have probabilities beside them, the probability of change.",
    )
    parser.add_argument("before", type=as_path, help="map of the first date")
    parser.add_argument("after", type=as_path, help="map of the second date")
    parser.add_argument("--out", type=as_target, required=True, help="folder to write to")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        metavar="METRES",
        help="a boundary that moved by no more than this is no change (default: %(default)g)",
    )
    parser.add_argument(
        "--minimum-unit",
        type=parse_area,
        default=0.0,
        metavar="AREA",
        help="smaller patches of change are left out: 0.5ha, 400m2, or a number of m² (default: 0)",
    )
    parser.add_argument(
        "--persistence",
        type=float,
        metavar="SHARE",
        help="prior share of ground that keeps its class, such as 0.9: the map is then of the most probable pairs; "
        "needs probabilities beside both maps (default: none, the maps are subtracted)",
    )
    parser.add_argument("--no-probabilities", action="store_true", help="leave out probabilities beside the maps")
    parser.add_argument(
        "--onto",
        choices=("before", "after"),
        default="after",
        help="whose pixels to keep where those of the maps differ; the other is warped (default: %(default)s)",
    )
    parser.add_argument("--dates", metavar="A,B", help="what to call the dates (default: as the maps say)")
    parser.add_argument("--legend", type=as_path, help="YAML file with a legend: list, for maps that carry none")
    parser.add_argument(
        "--crosswalk",
        type=as_path,
        help="YAML file for maps of different legends: before: and after: lists of class: common class (or ignore), "
        "legend: the common classes (default: those of the second map)",
    )


def parse_area(text: str) -> float:
    """Return an area in m².

    Raises:
        argparse.ArgumentTypeError: It is not an area.

    Example:
        >>> parse_area("0.5ha"), parse_area("400m2"), parse_area("400")
        (5000.0, 400.0, 400.0)
    """
    found = re.fullmatch(r"([0-9.]+(?:e-?[0-9]+)?)\s*(ha|m2|m²)?", text.strip())
    try:
        return float("" if found is None else found[1]) * (10_000 if found and found[2] == "ha" else 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not an area: write 0.5ha or 400m2") from None


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.change.compare_maps import ChangeRequest, compare_maps
    from lulcseg.change.console_change import print_change
    from lulcseg.progress import Bars
    from lulcseg.scene.legend_spec import read_legend

    if arguments.out.suffix.lower() in {".tif", ".tiff"} or arguments.out.is_file():
        raise LulcsegError("is not a folder", where=arguments.out, remedy="give a folder for the change's files")
    request = ChangeRequest(
        arguments.before,
        arguments.after,
        arguments.out,
        onto=arguments.onto,
        tolerance=arguments.tolerance,
        minimum_unit=arguments.minimum_unit,
        persistence=arguments.persistence,
        probabilities=not arguments.no_probabilities,
        dates=arguments.dates,
        legend=None if arguments.legend is None else read_legend(arguments.legend),
        crosswalk=arguments.crosswalk,
    )
    with Bars() as bars:
        result = compare_maps(request, progress=bars, draw_flows=_draw_flows)
    print_change(result)
    sys.stdout.write("".join(f"{path}\n" for path in result.files if path.suffix not in {".qml", ".xml", ".json"}))


def _draw_flows(areas: ChangeAreas, labels: tuple[str, str]) -> bytes:
    from lulcseg.pictures.figure_style import png
    from lulcseg.pictures.flow_figure import flow_figure

    return png(flow_figure(areas.classes, areas.mapped, labels))
