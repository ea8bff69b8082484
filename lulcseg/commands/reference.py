"""``lulcseg reference``: draw a sample of reference points."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import RASTERS, Commands, add_cache, add_command, as_path, as_seed, as_target

if TYPE_CHECKING:
    from lulcseg.assessment.reference_draw import Population
    from lulcseg.assessment.reference_sample import SamplePlan, SampleRequest
    from lulcseg.change.change_record import ChangeRecord
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
        "a scene, simple random. On a change map (lulcseg change) the strata are unchanged classes, changes and the "
        "ground around them, the sizes are for the area of change, and there is a column for each date.",
    )
    parser.add_argument("target", help="class raster, or name or path of a scene")
    parser.add_argument(
        "--out", type=as_target, required=True, help="GeoPackage to write; an existing one is never overwritten"
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
        help="target standard error of overall accuracy, on a change map of the share of the ground that changed; it "
        "sets the number of points (default: %(default)s)",
    )
    parser.add_argument(
        "--allocation",
        choices=("equal", "proportional", "optimal", "olofsson"),
        help="how the points are allocated to the strata (default: olofsson)",
    )
    parser.add_argument("--least", type=int, help="minimum number of points per stratum (default: 10; olofsson: 50)")
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="[CLASS=]ACCURACY",
        help="expected user's accuracy of a class, or of all others (default: 0.8); may be given several times",
    )
    parser.add_argument(
        "--buffer",
        type=float,
        metavar="METRES",
        help="on a change map: unchanged ground within this distance of change is a stratum of its own (default: none)",
    )
    parser.add_argument(
        "--own-strata",
        type=int,
        metavar="N",
        help="on a change map: the N largest changes are strata of their own, all others one together (default: 6)",
    )
    parser.add_argument("--seed", type=as_seed, default=0, help="same seed, same sample (default: %(default)s)")
    parser.add_argument("--legend", type=as_path, help="YAML file with a legend: list (default: the map's own)")
    add_cache(parser)


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.assessment.design_strata import legend_of, pixel_hectares
    from lulcseg.change.change_record import read_change
    from lulcseg.errors import LulcsegError
    from lulcseg.maps.classraster import ClassRaster
    from lulcseg.scene.file_names import locate
    from lulcseg.scene.legend_spec import read_legend

    target = locate(arguments.target, "the command")
    is_raster = target.suffix.lower() in RASTERS
    record = read_change(target) if is_raster and isinstance(target, Path) else None
    if record is not None:
        _draw_change(arguments, Path(arguments.target), record)
        return
    for option in ("buffer", "own_strata"):
        if getattr(arguments, option) is not None:
            raise LulcsegError(
                "applies to a change map, which this is not",
                where=f"--{option.replace('_', '-')}",
                remedy="draw on the change.tif of lulcseg change, or leave it out",
            )
    if is_raster:
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


def _draw_change(arguments: argparse.Namespace, target: Path, record: ChangeRecord) -> None:
    from lulcseg.change.change_sample import OWN_STRATA, draw_change_sample
    from lulcseg.errors import LulcsegError
    from lulcseg.progress import Bars

    if arguments.legend is not None:
        raise LulcsegError(
            "doesn't apply to a change map, which holds its classes", where="--legend", remedy="leave it out"
        )
    design = "stratified" if arguments.design is None else arguments.design.replace("-", " ")
    if design == "simple random" and arguments.own_strata is not None:
        raise LulcsegError("a simple random sample has no strata", where="--own-strata", remedy="leave it out")
    with Bars() as bars:
        sample = draw_change_sample(
            target,
            record,
            _parse_request(arguments, design),
            arguments.out,
            buffer=arguments.buffer or 0.0,
            own_strata=OWN_STRATA if arguments.own_strata is None else arguments.own_strata,
            counting=bars("Counting pixels", "strips"),
            drawing=bars("Drawing points", "strips"),
        )
    from lulcseg.scene.format_quantities import format_hectares

    _print_strata(sample.plan)
    area, error = sample.change * sample.hectares, sample.plan.error * sample.hectares
    sys.stdout.write(
        f"{int(sample.plan.points.sum()):,} points; change expected on {sample.change:.2%} of the ground, with a "
        f"standard error of {sample.plan.error:.2%} ({format_hectares(area)} ± {format_hectares(error)} ha).\n"
        f"{arguments.out}\n"
    )


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

    if design == "simple random":
        for option in ("allocation", "least"):
            if getattr(arguments, option) is not None:
                raise LulcsegError("a simple random sample has no strata", where=f"--{option}", remedy="leave it out")
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
        arguments.allocation or "olofsson",
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
    _print_strata(plan)
    sys.stdout.write(
        f"{int(plan.points.sum()):,} points; expected standard error of overall accuracy {plan.error:.4f}.\n"
        f"{arguments.out}\n"
    )


def _print_strata(plan: SamplePlan) -> None:
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
    Console().print(table)
