"""``lulcseg revise``: new labels from what an interpreter decided."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import Commands, add_cache, add_command, as_target

if TYPE_CHECKING:
    from lulcseg.corrections.revise_labels import Revision


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "revise",
        _run,
        help="take an interpreter's decisions on places to review into new labels",
        description="Write a scene's labels with the classes that an interpreter decided on in places to review: of a "
        "map (mosaic.outputs=[review]), of a change (lulcseg report change/) or suggested ones (lulcseg suggest). "
        "Nothing changes outside the decided places; <out>_difference.gpkg says what changed inside.",
    )
    parser.add_argument("scene", help="name or path of the scene")
    parser.add_argument(
        "reviews",
        nargs="+",
        metavar="review",
        help="filled-in files of places to review (<file>|layername=<layer>, if the layer isn't called review)",
    )
    parser.add_argument(
        "--out",
        type=as_target,
        required=True,
        help="labels to write, new: .gpkg, or .tif for a scene with class rasters",
    )
    parser.add_argument(
        "--scene", dest="scene_out", type=as_target, help="scene file to write that uses them (default: none)"
    )
    parser.add_argument(
        "--side", choices=("before", "after"), help="with the review of a change: which of its dates the scene is of"
    )
    add_cache(parser)


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.corrections.revise_labels import revise_labels
    from lulcseg.progress import progress_bar
    from lulcseg.scene.scene import Scene

    scene = Scene.open(arguments.scene.removeprefix("scene="), arguments.cache)
    with progress_bar("Writing labels", "strips") as progress:
        revision = revise_labels(
            scene,
            arguments.reviews,
            arguments.out,
            scene_out=arguments.scene_out,
            side=arguments.side,
            progress=progress,
        )
    sys.stdout.write(describe_revision(revision))


def describe_revision(revision: Revision) -> str:
    """Return what a revision did, as lines."""
    from lulcseg.scene.format_quantities import format_hectares

    lines = [
        f"{revision.decided:,} places decided, {revision.kept:,} whose labels stay, {revision.undecided:,} undecided."
    ]
    if revision.beyond:
        lines.append(f"{revision.beyond:,} decided places lie off the scene's ground, and change nothing.")
    if revision.difference.empty:
        lines.append("No label changed.")
    for row in revision.difference.itertuples(index=False):
        before, after, hectares = row
        lines.append(f"  {before} → {after}: {format_hectares(hectares)} ha")
    return "".join(f"{line}\n" for line in [*lines, *revision.files])
