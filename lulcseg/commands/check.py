"""``lulcseg check``: read a scene, summarise its content and list what needs attention."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import Commands, add_cache, add_command, as_path
from lulcseg.errors import LulcsegError

if TYPE_CHECKING:
    from lulcseg.scene.check.findings import Findings


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "check",
        _run,
        help="read a scene, summarise it and list what needs attention; exit code 2 if it can't be used",
    )
    parser.add_argument("scene", help="name under conf/scenes/ or path of a scene file (scene=… works too)")
    parser.add_argument(
        "--plan", type=as_path, help="a run's plan.gpkg: also count the reference points inside its training patches"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="read a sample of the imagery, up to 36 blocks of 512² evenly spread, and say so "
        "(default: all of it up to 105 megapixels, else 400 blocks)",
    )
    add_cache(parser)


def _run(arguments: argparse.Namespace) -> None:
    from functools import partial

    from lulcseg.sampling.plan import Plan
    from lulcseg.sampling.training_ground import on_training_ground
    from lulcseg.scene.check.estimate import estimate
    from lulcseg.scene.check.imagery_check import check_imagery
    from lulcseg.scene.check.labels_check import check_labels
    from lulcseg.scene.check.pixel_survey import PixelSurvey
    from lulcseg.scene.check.points_check import check_points
    from lulcseg.scene.scene import Scene

    scene = Scene.open(arguments.scene.removeprefix("scene="), arguments.cache)
    plan = None if arguments.plan is None else Plan.load(arguments.plan)
    trained = None if plan is None else partial(on_training_ground, plan=plan)
    survey = PixelSurvey(scene.imagery, quick=arguments.quick, keep_validity=scene.spec.points is not None)
    found = [
        check_imagery(scene, survey),
        check_labels(scene),
        check_points(scene, trained, survey),
        estimate(scene),
    ]
    _print_findings(scene.name, str(scene.file.path), found)
    if faults := sum(part.faults for part in found):
        said = "what was found in one part" if faults == 1 else f"what was found in {faults} parts"
        raise LulcsegError(f"{said} keeps the scene from being used", where=scene.file.path, remedy="see above")


def _print_findings(name: str, path: str, parts: Sequence[Findings]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"[bold]{escape(name)}[/bold]  {escape(path)}")
    for part in parts:
        console.print(f"\n[bold]{part.title}[/bold]")
        for key, value in part.facts.items():
            console.print(f"  {key:<26} {escape(value)}", soft_wrap=True)
        if part.table:
            table = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
            for number, key in enumerate(part.table[0]):
                table.add_column(key, justify="left" if number == 0 else "right")
            for row in part.table:
                table.add_row(
                    *(
                        escape(f"{v:,.2f}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else v)
                        for v in row.values()
                    )
                )
            console.print(table)
        for remark in part.remarks:
            console.print(f"  [yellow]•[/yellow] {escape(remark)}", soft_wrap=True)
