"""``lulcseg synth``: write the synthetic landscape."""

from __future__ import annotations

import argparse
import sys

from lulcseg.commands.parsers import Commands, add_command, as_seed, as_target


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "synth", _run, help="write the synthetic landscape: two dates, polygons, points, truth"
    )
    parser.add_argument("out", type=as_target, help="folder to write, new or empty")
    parser.add_argument("--size", type=int, default=2048, help="side in pixels of 50 cm (default: %(default)s)")
    parser.add_argument("--seed", type=as_seed, default=1, help="same seed, same landscape (default: %(default)s)")
    parser.add_argument("--points", type=int, default=10_000, help="reference points (default: %(default)s)")
    parser.add_argument(
        "--shift",
        choices=("both", "sensor", "landuse", "none"),
        default="both",
        help="what changes on the second date (default: %(default)s)",
    )


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.progress import progress_bar
    from lulcseg.scene.synthetic.write import write_landscape

    with progress_bar("Drawing the landscape", "blocks") as progress:
        paths = write_landscape(
            arguments.out,
            size=arguments.size,
            seed=arguments.seed,
            points=arguments.points,
            shift=arguments.shift,
            progress=progress,
        )
    sys.stdout.write("\n".join(str(path) for path in paths.values()) + "\n")
