"""A reference sample: numbers of points, and the GeoPackage that interpreters fill in and ``assess`` reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from lulcseg import __version__
from lulcseg.assessment.design import SIMPLE_RANDOM, STRATIFIED
from lulcseg.assessment.design_strata import SAMPLE_TABLE, STRATA_TABLE
from lulcseg.assessment.reference_draw import DrawnSample, Population, WholeGround, count_strata, draw_pixels
from lulcseg.assessment.reference_size import (
    LEAST,
    LEAST_OLOFSSON,
    Allocation,
    allocate,
    expected_error,
    needed_points,
    size_sample,
)
from lulcseg.assessment.reference_style import sample_style
from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import replacing
from lulcseg.grid import Grid
from lulcseg.legend import Legend
from lulcseg.maps.styles import embed_style
from lulcseg.progress import Progress
from lulcseg.seeds import check_seed

LAYER = "points"
EXPECTED = 0.8
"""Default of a class's expected user's accuracy."""


@dataclass(frozen=True)
class SampleRequest:
    """The requested sample.

    Attributes:
        design: ``simple random`` or ``stratified``.
        points: Total number of points; None to reach ``standard_error``.
        standard_error: Requested standard error of overall accuracy.
        allocation: How points are shared among strata.
        least: Least points of a stratum; None for 10, with ``olofsson`` 50.
        expected: Expected user's accuracy by class name; ``""`` for all others.
        seed: Same seed, same sample.
    """

    design: str
    points: int | None
    standard_error: float
    allocation: Allocation
    least: int | None
    expected: Mapping[str, float]
    seed: int


@dataclass(frozen=True)
class SamplePlan:
    """Numbers of points of each stratum.

    Attributes:
        names: Names of the strata in the points' column: class codes, or ``all``.
        classes: Class names, or ``all``.
        pixels: (H,) pixels of each.
        points: (H,) points of each.
        error: Expected standard error of overall accuracy.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    pixels: NDArray[np.int64]
    points: NDArray[np.int64]
    error: float


def plan_sample(request: SampleRequest, pixels: NDArray[np.int64], legend: Legend) -> SamplePlan:
    """Share points among strata.

    Args:
        request: The requested sample.
        pixels: (n,) pixels of each class, or (1,) of the ground as a whole for a simple random sample.
        legend: The classes.

    Raises:
        LulcsegError: No pixels, fewer than two of a class, too few or too many points, or an unknown class.
    """
    unknown = sorted(set(request.expected) - {*legend.names, ""})
    if unknown:
        raise LulcsegError(
            f"there is no class '{unknown[0]}'",
            where="expected accuracy",
            remedy=did_you_mean(unknown[0], legend.names),
        )
    if not pixels.sum():
        raise LulcsegError("there is no pixel to draw from", where="sample", remedy="give a map that has classes")
    general = request.expected.get("", EXPECTED)
    if request.design == SIMPLE_RANDOM:
        points = needed_points([1.0], [general], request.standard_error) if request.points is None else request.points
        check_points(points, pixels)
        error = math.sqrt(general * (1 - general) / points)
        return SamplePlan(("all",), ("all",), pixels, np.array([points]), error)
    kept = np.flatnonzero(pixels)
    sizes, users = pixels[kept], [request.expected.get(legend.names[k], general) for k in kept]
    least = request.least or (LEAST_OLOFSSON if request.allocation == "olofsson" else LEAST)
    if least < 2:
        raise LulcsegError("a stratum needs two points for a standard error", where="least", remedy="give 2 or more")
    check_points(request.points, sizes)
    if request.points is None:
        shared = size_sample(sizes, users, request.standard_error, request.allocation, least=least, pixels=sizes)
    else:
        shared = allocate(request.points, sizes, users, request.allocation, least=least, pixels=sizes)
    return SamplePlan(
        tuple(str(legend.codes[k]) for k in kept),
        tuple(legend.names[k] for k in kept),
        sizes,
        shared,
        expected_error(sizes, users, shared),
    )


def check_points(points: int | None, pixels: NDArray[np.int64]) -> None:
    """Check that so many points can be drawn; None stands for a number that is to be found.

    Raises:
        LulcsegError: They are fewer than two, or more than there are pixels.
    """
    if points is not None and not 2 <= points <= pixels.sum():
        raise LulcsegError(
            f"{points:,} points can't be drawn from {int(pixels.sum()):,} pixels",
            where="points",
            remedy="draw at least 2 and no more than there are",
        )


def draw_sample(
    request: SampleRequest,
    population: Population,
    legend: Legend,
    *,
    counting: Progress | None = None,
    drawing: Progress | None = None,
) -> tuple[SamplePlan, DrawnSample]:
    """Count the strata's pixels, share points among them, and draw the points.

    Args:
        request: The requested sample.
        population: The pixels, whose strata are the legend's classes.
        legend: The classes.
        counting: Progress callback of the first pass, called with (done, total) strips.
        drawing: Progress callback of the second pass.

    Returns:
        The plan, and the pixels, whose strata are indices into the plan.

    Raises:
        LulcsegError: As for :func:`plan_sample`.
    """
    check_seed(request.seed, "--seed")
    ground: Population = WholeGround(population) if request.design == SIMPLE_RANDOM else population
    every = count_strata(ground, 1 if request.design == SIMPLE_RANDOM else len(legend), counting)
    plan = plan_sample(request, every, legend)
    wanted = np.zeros_like(every)
    wanted[np.flatnonzero(every)] = plan.points
    drawn = draw_pixels(ground, every, wanted, request.seed, drawing)
    place = np.cumsum(every > 0) - 1
    return plan, DrawnSample(drawn.row, drawn.col, place[drawn.stratum])


def check_target(out: Path) -> None:
    """Check that a file is new and a GeoPackage.

    Raises:
        LulcsegError: It isn't.
    """
    if out.suffix.lower() != ".gpkg":
        raise LulcsegError("a sample is a GeoPackage", where=out, remedy="give it a name that ends in .gpkg")
    if out.exists():
        raise LulcsegError(
            "it exists already, and may contain an interpreter's work", where=out, remedy="choose another name"
        )


def write_sample(
    out: Path,
    plan: SamplePlan,
    drawn: DrawnSample,
    grid: Grid,
    legend: Legend,
    *,
    request: SampleRequest,
    source: str,
    pixel_hectares: float,
    blanks: Sequence[str] = ("class", "second"),
    further: Mapping[str, str] | None = None,
) -> None:
    """Write the sample's GeoPackage, whole or not at all.

    Layer ``points``, at the centres of pixels: ``point`` (1…n, a random order), ``class``, ``second``, ``interpreter``,
    ``interpretable`` and ``notes``, all empty, ``stratum`` and ``weight`` (pixels that the point represents). Tables
    ``strata`` (stratum, class, pixels, hectares, points) and ``sample`` (design, seed and source).

    Args:
        out: The file, new.
        plan: The strata.
        drawn: The pixels.
        grid: The grid that they were drawn from.
        legend: Classes to choose from.
        request: The requested sample.
        source: What the points were drawn from, for the record.
        pixel_hectares: Area of a pixel, ha.
        blanks: Columns for classes, to fill in.
        further: Further entries of the table ``sample``.

    Raises:
        LulcsegError: The file exists already, or can't be written.
    """
    check_target(out)
    number = len(drawn.row)
    empty = pd.array([None] * number, dtype="string")
    weight = plan.pixels / plan.points
    x, y = grid.xy(drawn.row, drawn.col)
    points = gpd.GeoDataFrame(
        {
            "point": np.arange(1, number + 1),
            **dict.fromkeys((*blanks, "interpreter", "interpretable", "notes"), empty),
            "stratum": np.array(plan.names, dtype=object)[drawn.stratum],
            "weight": weight[drawn.stratum],
        },
        geometry=gpd.points_from_xy(x, y),
        crs=grid.crs,
    )
    strata = pd.DataFrame(
        {
            "stratum": plan.names,
            "class": plan.classes,
            "pixels": plan.pixels,
            "hectares": plan.pixels * pixel_hectares,
            "points": plan.points,
        }
    )
    how = {
        "design": request.design,
        "drawn_from": source,
        "seed": str(request.seed),
        "allocation": request.allocation if request.design == STRATIFIED else "",
        "expected_standard_error": f"{plan.error:.6f}",
        "places": "pixel centres, without replacement, in random order",
        "written_by": f"lulcseg {__version__}",
        **(further or {}),
    }
    described = pd.DataFrame({"key": list(how), "value": list(how.values())})
    with replacing(out) as part:
        try:
            pyogrio.write_dataframe(points, part, layer=LAYER, driver="GPKG", geometry_type="Point")
            pyogrio.write_dataframe(strata, part, layer=STRATA_TABLE, driver="GPKG", append=True)
            pyogrio.write_dataframe(described, part, layer=SAMPLE_TABLE, driver="GPKG", append=True)
        except (DataSourceError, DataLayerError) as error:
            raise OSError(str(error)) from error
        columns = [c for c in points.columns if c != "geometry"]
        embed_style(part, LAYER, sample_style(legend, columns, [blank for blank in blanks if blank != "second"]))
