"""A reference sample of a change map: sized for the area of change, with columns for both dates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lulcseg.assessment.design import SIMPLE_RANDOM
from lulcseg.assessment.design_strata import pixel_hectares
from lulcseg.assessment.reference_draw import WholeGround, count_strata, draw_pixels
from lulcseg.assessment.reference_sample import SamplePlan, SampleRequest, check_points, check_target, write_sample
from lulcseg.assessment.reference_size import (
    LEAST,
    LEAST_OLOFSSON,
    allocate,
    expected_error,
    needed_points,
    size_sample,
)
from lulcseg.change.change_record import ChangeRecord
from lulcseg.change.change_strata import BUFFER, ChangeGround, ChangeStrata, GroupedGround, expected_change
from lulcseg.errors import LulcsegError
from lulcseg.maps.classraster import ClassRaster
from lulcseg.maps.polygons import check_not_negative
from lulcseg.progress import Progress
from lulcseg.seeds import check_seed

OWN_STRATA = 6
"""Default number of changes, the largest, that are strata of their own."""


@dataclass(frozen=True)
class ChangeSample:
    """A sample that was drawn.

    Attributes:
        plan: Its strata and numbers of points; ``error`` is the expected standard error of the share that changed.
        change: Expected share of the ground that changed.
        hectares: Area of the ground, ha.
    """

    plan: SamplePlan
    change: float
    hectares: float


def draw_change_sample(
    path: Path,
    record: ChangeRecord,
    request: SampleRequest,
    out: Path,
    *,
    buffer: float = 0.0,
    own_strata: int = OWN_STRATA,
    counting: Progress | None = None,
    drawing: Progress | None = None,
) -> ChangeSample:
    """Draw reference points on a change map and write their GeoPackage.

    The strata are each unchanged class, the unchanged ground around change (Olofsson et al. 2020), the largest changes,
    and all other changes together. Sizes are for the standard error of the area of change, as a share of the ground
    (Cochran 1977, eq. 5.25, of the share that is expected to have changed in each stratum).

    Args:
        path: The change map.
        record: Its record.
        request: The requested sample; ``standard_error`` is that of the share of the ground that changed, and
            ``expected`` the share of a stratum that is as mapped.
        out: The file, new.
        buffer: Distance from change of the buffer stratum, in metres; 0: there is none.
        own_strata: Number of changes that are strata of their own.
        counting: Progress callback of the first pass, called with (done, total) strips.
        drawing: Progress callback of the second pass.

    Raises:
        LulcsegError: The file exists, nothing changed on the map and strata are asked for, its pixels differ in area,
            or the sample can't be drawn.
    """
    check_target(out)
    check_seed(request.seed, "--seed")
    check_not_negative("--buffer", buffer)
    random = request.design == SIMPLE_RANDOM
    if random and buffer > 0:
        raise LulcsegError("a simple random sample has no strata", where="--buffer", remedy="leave it out")
    if BUFFER in request.expected and not buffer > 0:
        raise LulcsegError("there is no buffer to expect anything of", where="--expect", remedy="give --buffer too")
    legend = record.codes.legend()
    hectares = pixel_hectares(path, legend)
    with ClassRaster(path, legend) as raster:
        ground = ChangeGround(raster, record.codes, buffer)
        every = count_strata(ground, ground.size, counting)
        if not random and not any(n for n, (i, j) in zip(every[:-1], record.codes.pairs, strict=True) if i != j):
            raise LulcsegError(
                "nothing changed on it, so there are no strata of change",
                where=path,
                remedy="draw a simple random sample (--design simple-random)",
            )
        strata = ChangeStrata.of(every, record.codes, own_strata, request.expected)
        plan = _random_plan(request, strata) if random else _plan(request, strata)
        if random:
            drawn = draw_pixels(WholeGround(raster), plan.pixels, plan.points, request.seed, drawing)
        else:
            grouped = GroupedGround(ground, strata.table)
            drawn = draw_pixels(grouped, plan.pixels, plan.points, request.seed, drawing)
        write_sample(
            out,
            plan,
            drawn,
            raster.grid,
            record.codes.classes,
            request=request,
            source=str(path),
            pixel_hectares=hectares,
            blanks=record.columns,
            further={
                "columns": ",".join(record.columns),
                "dates": ",".join(record.labels),
                "maps": ",".join(record.maps),
                "maps_checksums": ",".join(record.checksums),
                "buffer": f"{buffer:g}",
            },
        )
    change = expected_change(strata.pixels, strata.change)
    return ChangeSample(plan, change, float(strata.pixels.sum()) * hectares)


def _plan(request: SampleRequest, strata: ChangeStrata) -> SamplePlan:
    """Share points among the strata."""
    least = request.least or (LEAST_OLOFSSON if request.allocation == "olofsson" else LEAST)
    if least < 2:
        raise LulcsegError("a stratum needs two points for a standard error", where="least", remedy="give 2 or more")
    sizes, change = strata.pixels, strata.change
    check_points(request.points, sizes)
    if request.points is None:
        shared = size_sample(sizes, change, request.standard_error, request.allocation, least=least, pixels=sizes)
    else:
        shared = allocate(request.points, sizes, change, request.allocation, least=least, pixels=sizes)
    return SamplePlan(strata.names, strata.labels, sizes, shared, expected_error(sizes, change, shared))


def _random_plan(request: SampleRequest, strata: ChangeStrata) -> SamplePlan:
    """Return the plan of a simple random sample."""
    change, total = expected_change(strata.pixels, strata.change), strata.pixels.sum()
    points = needed_points([1.0], [change], request.standard_error) if request.points is None else request.points
    check_points(points, strata.pixels)
    error = math.sqrt(change * (1 - change) / points)
    return SamplePlan(("all",), ("all",), np.array([total]), np.array([points]), error)
