"""``lulcseg``: the commands for what is done beside training and prediction."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lulcseg import __version__
from lulcseg.commands import agreement, collect, micro_batch, rank, reference, report, study, sweep
from lulcseg.errors import exits_cleanly

if TYPE_CHECKING:
    from lulcseg.scene.check.findings import Findings


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command; bad input is one sentence and exit code 2."""
    arguments = command_parser().parse_args(argv)
    with exits_cleanly():
        arguments.run(arguments)


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of ``lulcseg``."""
    parser = argparse.ArgumentParser(
        prog="lulcseg",
        description="From an aerial mosaic and digitised polygons to a land-cover map and its accuracy.",
        epilog="Training and prediction: python train.py --help, python predict.py --help.",
    )
    parser.add_argument("--version", action="version", version=f"lulcseg {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    check = commands.add_parser("check", help="read a scene and say what it holds and what to look at")
    check.add_argument("scene", help="name under conf/scenes/ or path of a scene file (scene=… works too)")
    check.add_argument("--plan", type=Path, help="a run's plan.gpkg: count the points inside its training patches")
    check.add_argument("--cache", type=Path, help="folder for label rasters and synthetic scenes")
    check.set_defaults(run=_check)

    contact = commands.add_parser(
        "contact",
        help="show what an augmentation does to a scene's patches",
        usage="%(prog)s [-h] scene=… [augment=paper] [key=value …]",
        description="Write contact sheets: patches and versions of them as the network is shown them, and every "
        "operation alone, a sheet for each group. Settings are written as for train.py: "
        "augment=none|light|geometry|paper, augment.p.<operation>=…, augment.strength=…, augment.margin=…; "
        "and out=contact.png, patch_size=256, patches=4, versions=6, seed=0, range=[low,high], cache=….",
    )
    contact.add_argument("settings", nargs="+", help="scene=<name or path>, and other settings", metavar="key=value")
    contact.set_defaults(run=_contact)

    synth = commands.add_parser("synth", help="write the synthetic landscape: two dates, polygons, points, truth")
    synth.add_argument("out", type=Path, help="folder to write, new or empty")
    synth.add_argument("--size", type=int, default=2048, help="side in pixels of 50 cm (default: %(default)s)")
    synth.add_argument("--seed", type=int, default=1, help="same seed, same landscape (default: %(default)s)")
    synth.add_argument("--points", type=int, default=10_000, help="reference points (default: %(default)s)")
    synth.add_argument(
        "--shift",
        choices=("both", "sensor", "landuse", "none"),
        default="both",
        help="what differs on the second date (default: %(default)s)",
    )
    synth.set_defaults(run=_synth)

    assess = commands.add_parser("assess", help="compare a map with reference points, polygons or another map")
    assess.add_argument("map", type=Path, help="class raster, or polygons")
    assess.add_argument("reference", type=Path, help="points, polygons or class raster")
    assess.add_argument("--column", help="class column of the reference (default: guessed)")
    assess.add_argument("--map-column", help="class column of the map, if it is polygons")
    assess.add_argument("--legend", type=Path, help="YAML file with a legend: list (default: the map's own)")
    assess.add_argument("--out", type=Path, help="write <out>.json, <out>_points.csv and <out>_confusion.csv")
    assess.add_argument(
        "--design",
        choices=("simple-random", "stratified", "post-stratified", "unknown"),
        help="how the points were drawn (default: as a file drawn by `lulcseg reference` says of itself, else unknown)",
    )
    assess.add_argument("--stratum", help="column of the points' stratum (default: stratum)")
    assess.add_argument("--strata-map", type=Path, help="class raster whose classes were the strata")
    assess.add_argument("--strata-sizes", type=Path, help="CSV of the strata: stratum, hectares and, if known, pixels")
    assess.set_defaults(run=_assess)

    quicklook = commands.add_parser("quicklook", help="draw a whole map, its legend and the share of each class")
    quicklook.add_argument("map", type=Path, help="class map, or a raster of confidence, entropy or disagreement")
    quicklook.add_argument("--out", type=Path, help="picture to write, .png (default: beside the map)")
    quicklook.add_argument("--width", type=int, default=1600, help="pixels at most (default: %(default)s)")
    quicklook.add_argument("--scene", help="name or path of the map's scene: shows its imagery at the left")
    quicklook.add_argument("--cache", type=Path, help="folder for synthetic scenes")
    quicklook.set_defaults(run=_quicklook)

    beside = commands.add_parser("beside", help="draw imagery and maps of the same ground side by side")
    beside.add_argument("maps", type=Path, nargs="+", metavar="map", help="class maps on the scene's pixels")
    beside.add_argument("--scene", required=True, help="name or path of their scene")
    beside.add_argument("--out", type=Path, help="picture to write, .png (default: beside the first map)")
    beside.add_argument(
        "--at", metavar="E,N", help="middle of the window (default: where the first two maps differ most)"
    )
    beside.add_argument("--size", type=int, default=768, help="side of the window in pixels (default: %(default)s)")
    beside.add_argument("--cache", type=Path, help="folder for label rasters and synthetic scenes")
    beside.set_defaults(run=_beside)

    for command in (micro_batch, reference, agreement, sweep, collect, rank, report, study):
        command.add(commands)
    return parser


def _check(arguments: argparse.Namespace) -> None:
    from functools import partial

    from lulcseg.sampling.ground import on_training_ground
    from lulcseg.sampling.plan import Plan
    from lulcseg.scene.check.estimate import estimate
    from lulcseg.scene.check.imagery import check_imagery
    from lulcseg.scene.check.labels import check_labels
    from lulcseg.scene.check.points import check_points
    from lulcseg.scene.scene import Scene

    scene = Scene.open(arguments.scene.removeprefix("scene="), arguments.cache)
    plan = None if arguments.plan is None else Plan.load(arguments.plan)
    trained = None if plan is None else partial(on_training_ground, plan=plan)
    _print_findings(
        scene.name,
        str(scene.file.path),
        [check_imagery(scene), check_labels(scene), check_points(scene, trained), estimate(scene)],
    )


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


def _contact(arguments: argparse.Namespace) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from lulcseg.contact import contact, settings_from

    settings = settings_from(arguments.settings)
    with Progress(TextColumn("Drawing contact sheets"), BarColumn(), TimeRemainingColumn(), transient=True) as bar:
        task = bar.add_task("", total=None)
        paths = contact(settings, lambda done, total: bar.update(task, completed=done, total=total))
    sys.stdout.write("\n".join(str(path) for path in paths) + "\n")


def _synth(arguments: argparse.Namespace) -> None:
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


def _assess(arguments: argparse.Namespace) -> None:
    from lulcseg.assessment.console import print_assessment
    from lulcseg.assessment.console_design import print_design
    from lulcseg.assessment.design_based import DesignRequest
    from lulcseg.assessment.standalone import assess_files
    from lulcseg.scene.spec import read_legend

    legend = None if arguments.legend is None else read_legend(arguments.legend)
    result = assess_files(
        arguments.reference,
        arguments.map,
        reference_column=arguments.column,
        mapped_column=arguments.map_column,
        legend=legend,
        request=DesignRequest(
            None if arguments.design is None else arguments.design.replace("simple-random", "simple random"),
            arguments.strata_map,
            arguments.strata_sizes,
        )
        if arguments.design or arguments.strata_map or arguments.strata_sizes
        else None,
        stratum_column=arguments.stratum,
    )
    print_assessment(result)
    print_design(result)
    if arguments.out is not None:
        result.save(arguments.out)


def _quicklook(arguments: argparse.Namespace) -> None:
    from lulcseg.pictures import write_quicklook

    path = write_quicklook(
        arguments.map, out=arguments.out, width=arguments.width, scene=arguments.scene, cache=arguments.cache
    )
    sys.stdout.write(f"{path}\n")


def _beside(arguments: argparse.Namespace) -> None:
    from lulcseg.pictures import write_beside

    path, where = write_beside(
        arguments.maps,
        arguments.scene,
        out=arguments.out,
        at=arguments.at,
        size=arguments.size,
        cache=arguments.cache,
    )
    sys.stdout.write(f"{path}\n{where}\n")


if __name__ == "__main__":
    main()
