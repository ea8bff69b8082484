"""``lulcseg suggest``: the next places to digitise or to check."""

from __future__ import annotations

import argparse
import sys

from lulcseg.commands.parsers import Commands, add_command, as_path, as_seed, as_target


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "suggest",
        _run,
        help="suggest the next places to digitise or to check, by a map's uncertainty",
        description="Write squares of a map, the most uncertain first, with empty columns for an interpreter and a "
        "QGIS form; lulcseg revise takes what is filled in into labels. The uncertainty is the mean entropy of the "
        "square (from <map>_entropy.tif or <map>_probabilities.tif beside the map), else 1 − confidence.",
    )
    parser.add_argument("map", type=as_path, help="class map with entropy, probabilities or confidence beside it")
    parser.add_argument("--out", type=as_target, required=True, help="GeoPackage to write, new")
    parser.add_argument("--count", type=int, default=50, help="number of squares (default: %(default)s)")
    parser.add_argument(
        "--size", type=float, default=20.0, metavar="METRES", help="side of a square (default: %(default)g)"
    )
    parser.add_argument(
        "--distance",
        type=float,
        default=50.0,
        metavar="METRES",
        help="least distance between two squares, edge to edge (default: %(default)g)",
    )
    parser.add_argument(
        "--outside",
        nargs="+",
        default=[],
        metavar="FILE",
        help="points or polygons to stay away from: reference points, so that they remain independent, or labels",
    )
    parser.add_argument(
        "--buffer",
        type=float,
        metavar="METRES",
        help="least distance from them (default: as --distance)",
    )
    parser.add_argument(
        "--random", type=as_seed, metavar="SEED", help="draw the places at random instead, for a comparison"
    )
    parser.add_argument("--legend", type=as_path, help="YAML file with a legend: list (default: the map's own)")


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.corrections.suggest_places import SuggestRequest, suggest_places
    from lulcseg.progress import progress_bar
    from lulcseg.scene.legend_spec import read_legend

    request = SuggestRequest(
        arguments.map,
        arguments.out,
        count=arguments.count,
        size=arguments.size,
        distance=arguments.distance,
        outside=tuple(arguments.outside),
        buffer=arguments.buffer,
        random_seed=arguments.random,
        legend=None if arguments.legend is None else read_legend(arguments.legend),
    )
    with progress_bar("Reading the map", "blocks") as progress:
        found = suggest_places(request, progress)
    rows, cols = found.shape
    fewer = "" if found.places == request.count else f" of {request.count:,} wanted, since no more fit"
    sys.stdout.write("".join(f"{note}\n" for note in found.notes))
    sys.stdout.write(f"{found.places:,} squares of {rows} × {cols} pixels{fewer}, by {found.measure}.\n{request.out}\n")
