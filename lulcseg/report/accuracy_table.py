"""An assessment as the pages show it: its title, accuracy of each class, and what the figures mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lulcseg.assessment.assessment import Assessment
from lulcseg.pictures.map_names import map_title
from lulcseg.report.interval_figure import IntervalFigure

SIMPLE_RANDOM_NOTE = (
    " The thin bars are 95 % Wilson confidence intervals: the sampling error of this map's assessment. They don't "
    "include the spread between training runs."
)
_DESIGN = {
    "simple random": "The points are a simple random sample." + SIMPLE_RANDOM_NOTE,
    "stratified": "The points are a stratified sample; these are plain counts, not weighted by the strata: read them "
    "as agreement at these points. The thin bars (95 % Wilson confidence intervals) hold within a stratum only.",
    "post-stratified": "The points are a random sample; these are plain counts, not weighted by the map's classes. "
    "The thin bars are 95 % Wilson confidence intervals: the sampling error of this map's assessment.",
    "unknown": "The sampling design of the points is not stated: read the figures as agreement at these points. The "
    "thin bars are 95 % Wilson confidence intervals; they hold if the points are a simple random sample.",
    "census": "Every pixel was compared, so there is no sampling error; neighbouring pixels are not independent "
    "evidence.",
}


@dataclass(frozen=True)
class ClassRow:
    """One class of an accuracy table."""

    name: str
    colour: str
    reference: int
    mapped: int
    users: IntervalFigure
    producers: IntervalFigure
    f1: IntervalFigure


def assessment_title(assessment: Assessment) -> str:
    """Return what was compared with the reference: the digitised labels, or a map by its passes."""
    if assessment.compared == "labels":
        return "Digitised labels"
    return map_title(assessment.mosaic)


def design_note(assessment: Assessment) -> str:
    """Return what the figures mean under the sampling design of the points."""
    return _DESIGN.get(assessment.design, _DESIGN["unknown"])


def class_rows(assessment: Assessment) -> list[ClassRow]:
    """Return the rows of the accuracy table, in the order of the legend."""
    s = assessment.scores
    none = (math.nan, math.nan)
    return [
        ClassRow(
            c.name,
            c.colour,
            s.reference_points[i],
            s.mapped_points[i],
            IntervalFigure(s.users[i], *(s.users_interval[i] if assessment.has_intervals else none)),
            IntervalFigure(s.producers[i], *(s.producers_interval[i] if assessment.has_intervals else none)),
            IntervalFigure(s.f1[i]),
        )
        for i, c in enumerate(assessment.legend)
    ]
