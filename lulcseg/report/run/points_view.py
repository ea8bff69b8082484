"""Reference points over imagery on the page of a run: right and wrong, with the class of map and reference.

Points are zero-length strokes with round or square caps, one path for each pair of classes: some ten bytes a point,
of the same size on the screen whatever the picture's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lulcseg.assessment.assessment import Assessment
from lulcseg.grid import Grid
from lulcseg.report.run.shared_photos import SharedPhoto

MOST_POINTS = 3_000
"""Points drawn of one map; of more, every n-th."""

_MOST_ERRORS = 10


@dataclass(frozen=True)
class PointGroup:
    """Points of one pair of classes.

    Attributes:
        reference: The class of the reference.
        mapped: The class of the map.
        points: Their number, drawn or not.
        path: The places of those that are drawn, as the ``d`` of an SVG path; empty: none are.
    """

    reference: str
    mapped: str
    points: int
    path: str


@dataclass(frozen=True)
class PointsView:
    """A map's reference points, ready for the template.

    Attributes:
        photo: The imagery under them.
        right: Points at which map and reference agree, by class.
        wrong: The others, by pair of classes, the most frequent first.
        note: How many of the scored points are drawn.
    """

    photo: SharedPhoto
    right: list[PointGroup]
    wrong: list[PointGroup]
    note: str

    @property
    def errors(self) -> list[PointGroup]:
        """The most frequent pairs of differing classes."""
        return self.wrong[:_MOST_ERRORS]


def points_view(assessment: Assessment, grid: Grid | None, photo: SharedPhoto | None) -> PointsView | None:
    """Place an assessment's points over its scene's imagery.

    Args:
        assessment: The assessment of a map at points.
        grid: The scene's grid, in whose CRS the points are.
        photo: The scene's imagery.

    Returns:
        The points; None without points on the imagery.
    """
    table = assessment.points
    if table is None or grid is None or photo is None:
        return None
    table = table[(table["excluded"] == "") & np.isfinite(table["x"]) & np.isfinite(table["y"])]
    across = (table["x"] - grid.left) / (grid.xres * grid.width)
    down = (grid.top - table["y"]) / (grid.yres * grid.height)
    on_imagery = across.between(0, 1) & down.between(0, 1)
    if not on_imagery.any():
        return None
    placed = table[on_imagery].assign(u=across * photo.width, v=down * photo.height)
    every = -(-len(placed) // MOST_POINTS)
    groups = list(_groups(placed.assign(drawn=np.arange(len(placed)) % every == 0)))
    return PointsView(
        photo,
        right=[group for group in groups if group.reference == group.mapped],
        wrong=sorted((g for g in groups if g.reference != g.mapped), key=lambda g: -g.points),
        note=_note(len(placed), every, len(table) - len(placed)),
    )


def _groups(placed: pd.DataFrame) -> Iterator[PointGroup]:
    for (reference, mapped), points in placed.groupby(["reference", "map"], sort=True):
        at = points.loc[points["drawn"], ["u", "v"]].round().astype(int)
        path = "".join(f"M{u} {v}h0" for u, v in at.itertuples(index=False))
        yield PointGroup(str(reference), str(mapped), len(points), path)


def _note(placed: int, every: int, outside: int) -> str:
    drawn = -(-placed // every)
    note = f"All {placed:,} scored points are drawn." if every == 1 else ""
    note = note or f"One in {every} of the {placed:,} scored points is drawn ({drawn:,})."
    return note + (f" {outside:,} more are outside the picture." if outside else "")
