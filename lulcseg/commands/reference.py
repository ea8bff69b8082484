"""``lulcseg reference``: draw a sample of reference points."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import Commands, add_cache, add_command, as_path

if TYPE_CHECKING:
    from lulcseg.assessment.reference_draw import Population
    from lulcseg.assessment.reference_sample import SamplePlan, SampleRequest
    from lulcseg.legend import Legend


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "reference",
        _run,
        help="draw reference points for an interpreter, on a map or a scene",
        description="Draw reference points at pixel centres, without replacement and in random order, and write a "
        "GeoPackage with empty columns to fill in and a QGIS form. Stratified by the classes of a map by default; on "
        "a scene, simple random.",
    )
    parser.add_argument("target", help="class raster, or name or path of a scene")
    parser.add_argument(
        "--out", type=as_path, required=True, help="GeoPackage to write; an existing one is never overwritten"
    )
    parser.add_argument(
        "--design",
        choices=("simple-random", "stratified"),
        help="sampling design (default: stratified on a map, simple-random on a scene)",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--points", type=int, help="total number of points")
    size.add_argument(
        "--standard-error",
        type=float,
        default=0.01,
        help="target standard error of overall accuracy, which sets the number of points (default: %(default)s)",
    )
    parser.add_argument(
        "--allocation",
        choices=("equal", "proportional", "optimal", "olofsson"),
        default="olofsson",
        help="how the points are allocated to the strata (default: %(default)s)",
    )
    parser.add_argument("--least", type=int, help="minimum number of points per stratum (default: 10; olofsson: 50)")
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="[CLASS=]ACCURACY",
        help="expected user's accuracy of a class, or of all others (default: 0.8); may be given several times",
    )
    parser.add_argument("--seed", type=int, default=0, help="same seed, same sample (default: %(default)s)")
    parser.add_argument("--legend", type=as_path, help="YAML file with a legend: list (default: the map's own)")
    add_cache(parser)


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.assessment.design_strata import legend_of, pixel_hectares
    from lulcseg.maps.classraster import ClassRaster
    from lulcseg.scene.file_names import locate
    from lulcseg.scene.legend_spec import read_legend

    target = locate(arguments.target, "the command")
    if target.suffix.lower() in {".tif", ".tiff", ".vrt", ".img"}:
        legend = legend_of(target) if arguments.legend is None else read_legend(arguments.legend)
        design = "stratified" if arguments.design is None else arguments.design.replace("-", " ")
        with ClassRaster(target, legend) as raster:
            _draw(
                arguments,
                _parse_request(arguments, design),
                raster,
                legend,
                str(target),
                pixel_hectares(target, legend),
            )
    else:
        _draw_on_scene(arguments)


def _draw_on_scene(arguments: argparse.Namespace) -> None:
    from lulcseg.assessment.reference_ground import ReferenceGround
    from lulcseg.errors import LulcsegError
    from lulcseg.scene.ground_area import pixel_ground_area
    from lulcseg.scene.scene import Scene

    if arguments.design == "stratified":
        raise LulcsegError(
            "a scene has no map to stratify by",
            where=arguments.target,
            remedy="give a map, or draw a simple random sample",
        )
    scene = Scene.open(arguments.target.removeprefix("scene="), arguments.cache)
    request = _parse_request(arguments, "simple random")
    _draw(arguments, request, ReferenceGround(scene), scene.legend, scene.name, pixel_ground_area(scene.grid) / 10_000)


def _parse_request(arguments: argparse.Namespace, design: str) -> SampleRequest:
    from lulcseg.assessment.reference_sample import SampleRequest
    from lulcseg.errors import LulcsegError

    expected = {}
    for text in arguments.expect:
        name, _, number = text.rpartition("=")
        try:
            expected[name.strip()] = float(number)
        except ValueError:
            raise LulcsegError(f"'{number}' is not an accuracy", where="--expect", remedy="write class=0.9") from None
    return SampleRequest(
        design,
        arguments.points,
        arguments.standard_error,
        arguments.allocation,
        arguments.least,
        expected,
        arguments.seed,
    )


def _draw(  # noqa: PLR0917 (called twice, side by side)
    arguments: argparse.Namespace,
    request: SampleRequest,
    population: Population,
    legend: Legend,
    source: str,
    pixel_hectares: float,
) -> None:
    from lulcseg.assessment.reference_sample import check_target, draw_sample, write_sample
    from lulcseg.progress import Bars

    check_target(arguments.out)
    with Bars() as bars:
        plan, drawn = draw_sample(
            request,
            population,
            legend,
            counting=bars("Counting pixels", "strips"),
            drawing=bars("Drawing points", "strips"),
        )
    write_sample(
        arguments.out,
        plan,
        drawn,
        population.grid,
        legend,
        request=request,
        source=source,
        pixel_hectares=pixel_hectares,
    )
    _print_plan(plan, arguments.out)


def _print_plan(plan: SamplePlan, out: Path) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    table.add_column("stratum", overflow="fold")
    for heading in ("pixels", "share", "points"):
        table.add_column(heading, justify="right", no_wrap=True)
    total = int(plan.pixels.sum())
    for name, pixels, points in zip(plan.classes, plan.pixels.tolist(), plan.points.tolist(), strict=True):
        table.add_row(Text(name), f"{pixels:,}", f"{pixels / total:.2%}", f"{points:,}")
    console = Console()
    console.print(table)
    sys.stdout.write(
        f"{int(plan.points.sum()):,} points; expected standard error of overall accuracy {plan.error:.4f}.\n{out}\n"
    )
