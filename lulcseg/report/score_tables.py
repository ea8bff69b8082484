"""The report's tables as plain values, ready for the template."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from pyproj import CRS

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.scores import format_score
from lulcseg.grid import Grid
from lulcseg.legend import LandClass
from lulcseg.pictures.map_names import map_title

_DESIGN = {
    "simple random": "The points are a simple random sample. The thin bars are 95 % Wilson intervals: how far another "
    "draw of points might have moved the figure for this map. They don't say how another training run would score.",
    "stratified": "The points are a stratified sample and these are plain counts, not weighted by the strata: read "
    "them as agreement at these points. The thin bars (95 % Wilson intervals) hold within a stratum only.",
    "post-stratified": "The points are a random sample and these are plain counts, not weighted by the map's classes. "
    "The thin bars are 95 % Wilson intervals: how far another draw of points might have moved the figure for this map.",
    "unknown": "How the points were drawn is not stated: read the figures as agreement at these points. The thin bars "
    "are 95 % Wilson intervals, and hold if the points are a simple random sample.",
    "census": "Every pixel was compared, so there is no sampling error; neighbouring pixels are no independent "
    "evidence.",
}


@dataclass(frozen=True)
class Figure:
    """A figure between 0 and 1, with its interval where there is one."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def text(self) -> str:
        """The figure as printed."""
        return format_score(self.value)

    @property
    def exists(self) -> bool:
        """Whether it is defined."""
        return not math.isnan(self.value)

    @property
    def percent(self) -> float:
        """Position of the figure along its bar."""
        return round(100 * min(max(self.value, 0.0), 1.0), 2)

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval to draw."""
        return not math.isnan(self.low)

    @property
    def span(self) -> tuple[float, float]:
        """Left end and width of the interval, in percent."""
        return round(100 * self.low, 2), round(100 * (self.high - self.low), 2)

    @property
    def interval_text(self) -> str:
        """The interval as printed."""
        return f"{self.low:.2f}–{self.high:.2f}" if self.has_interval else ""


@dataclass(frozen=True)
class ClassRow:
    """One class of an accuracy table."""

    name: str
    colour: str
    reference: int
    mapped: int
    users: Figure
    producers: Figure
    f1: Figure


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix: its count, its share of the row, and whether it agrees."""

    count: int
    share: float
    agrees: bool

    @property
    def strength(self) -> float:
        """Opacity of its shade: small shares stay visible."""
        return round(math.sqrt(self.share), 3) if self.count else 0.0


def title_of(assessment: Assessment) -> str:
    """Say what was held against the reference."""
    if assessment.compared == "labels":
        return "Digitised labels"
    return map_title(assessment.mosaic)


def design_note(assessment: Assessment) -> str:
    """Say what the figures may be read as."""
    return _DESIGN.get(assessment.design, _DESIGN["unknown"])


def class_rows(assessment: Assessment) -> list[ClassRow]:
    """Return the accuracy table's rows in the order of the legend."""
    s = assessment.scores
    none = (math.nan, math.nan)
    return [
        ClassRow(
            c.name,
            c.colour,
            s.reference_points[i],
            s.mapped_points[i],
            Figure(s.users[i], *(s.users_interval[i] if assessment.has_intervals else none)),
            Figure(s.producers[i], *(s.producers_interval[i] if assessment.has_intervals else none)),
            Figure(s.f1[i]),
        )
        for i, c in enumerate(assessment.legend)
    ]


def confusion_cells(assessment: Assessment) -> list[list[Cell]]:
    """Return the confusion matrix's cells, rows = reference."""
    matrix = assessment.confusion
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    n = len(assessment.legend)
    return [[Cell(int(matrix[i, j]), float(share[i, j]), i == j) for j in range(n)] for i in range(n)]


@dataclass(frozen=True)
class AreaRow:
    """A class's area on one or several maps: (hectares or None, share) for each."""

    name: str
    colour: str
    areas: list[tuple[float | None, float]]


def area_rows(legend: Iterable[LandClass], pixels: list[list[int]], grid: Grid) -> list[AreaRow]:
    """Turn pixel counts of one or several maps into areas and shares.

    Args:
        legend: The classes.
        pixels: Per map, pixels of each class.
        grid: The maps' grid; hectares need a CRS in a unit of length.
    """
    hectares = hectares_per_pixel(grid)
    totals = [max(sum(counts), 1) for counts in pixels]
    return [
        AreaRow(
            c.name,
            c.colour,
            [
                (None if hectares is None else counts[i] * hectares, counts[i] / total)
                for counts, total in zip(pixels, totals, strict=True)
            ],
        )
        for i, c in enumerate(legend)
    ]


def hectares_per_pixel(grid: Grid) -> float | None:
    """Return a pixel's area in hectares, None where the CRS counts in degrees."""
    crs = CRS.from_user_input(grid.crs)
    if not crs.is_projected:
        return None
    metres = float(crs.axis_info[0].unit_conversion_factor)
    return grid.pixel_area * metres**2 / 10_000
