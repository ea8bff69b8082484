"""``lulcseg synth``: write the synthetic landscape."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("synth", help="write the synthetic landscape: two dates, polygons, points, truth")
    parser.add_argument("out", type=Path, help="folder to write, new or empty")
    parser.add_argument("--size", type=int, default=2048, help="side in pixels of 50 cm (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same landscape (default: %(default)s)")
    parser.add_argument("--points", type=int, default=10_000, help="reference points (default: %(default)s)")
    parser.add_argument(
        "--shift",
        choices=("both", "sensor", "landuse", "none"),
        default="both",
        help="what differs on the second date (default: %(default)s)",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from lulcseg.scene.synthetic.write import write_landscape

    with Progress(TextColumn("Drawing the landscape"), BarColumn(), TimeRemainingColumn(), transient=True) as bar:
        task = bar.add_task("", total=None)
        paths = write_landscape(
            arguments.out,
            size=arguments.size,
            seed=arguments.seed,
            points=arguments.points,
            shift=arguments.shift,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    sys.stdout.write("\n".join(str(path) for path in paths.values()) + "\n")
