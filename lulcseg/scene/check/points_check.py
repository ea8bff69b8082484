"""The check of the reference points: numbers by class, and which can't be scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from lulcseg.scene.check.findings import Findings
from lulcseg.scene.check.pixel_survey import PixelSurvey
from lulcseg.scene.format_quantities import format_count, format_share
from lulcseg.scene.points import check_place
from lulcseg.scene.scene import Scene

_FEW = 25

type Trained = Callable[[gpd.GeoSeries], NDArray[np.bool_]]
"""Points → whether each lies on ground that a model was trained on, (n,) bool."""


def check_points(scene: Scene, trained: Trained | None = None, survey: PixelSurvey | None = None) -> Findings:
    """Check a scene's reference points.

    Args:
        scene: The scene.
        trained: Returns which points lie on ground of a training patch, to report their number.
        survey: What was read of the imagery already; None: nothing.
    """
    out = Findings("Reference points")
    if scene.spec.points is None:
        out.remarks.append("The scene has no reference points: a map of it can't be assessed.")
        return out
    with out.noting_faults():
        _look(scene, trained, survey or PixelSurvey(scene.imagery), out)
    return out


def _look(scene: Scene, trained: Trained | None, survey: PixelSurvey, out: Findings) -> None:
    points = scene.points
    assert points is not None
    assert scene.spec.points is not None
    check_place(points, scene.grid, scene.file.place(scene.spec.points.file))
    reason = points["reason"].to_numpy(dtype=object).copy()
    placed = reason == ""
    row, col = scene.grid.rowcol(points.geometry.x.fillna(-1e18), points.geometry.y.fillna(-1e18))
    inside = (row >= 0) & (col >= 0) & (row < scene.grid.height) & (col < scene.grid.width)
    reason[placed & ~inside] = "off the imagery"
    on_grid = np.flatnonzero(placed & inside)
    reason[on_grid[~survey.valid_at(row[on_grid], col[on_grid])]] = "on nodata or outside the boundary"
    scorable = reason == ""
    out.facts["points"] = f"{len(points):,}, {scene.spec.points.design} design"
    out.facts["scorable"] = f"{int(scorable.sum()):,}"
    for text, count in sorted(Counter(reason[~scorable]).items()):
        out.remarks.append(f"{format_count(count, 'point')} can't be scored: {text}.")
    counts = np.bincount(points["class_index"].to_numpy()[scorable], minlength=len(scene.legend))
    out.table = [
        {"class": c.name, "points": int(n), "share": format_share(int(n), int(scorable.sum()))}
        for c, n in zip(scene.legend, counts, strict=True)
    ]
    few = [f"{c.name} ({n})" for c, n in zip(scene.legend, counts, strict=True) if 0 < n < _FEW]
    if few:
        out.remarks.append(f"Fewer than {_FEW} points, so a wide interval: {', '.join(few)}.")
    none = [c.name for c, n in zip(scene.legend, counts, strict=True) if n == 0]
    if none:
        out.remarks.append(f"No point of {', '.join(none)}: left out of the averages.")
    if scene.spec.points.design == "unknown":
        out.remarks.append(
            "How the points were drawn is not stated (points.design): scores are agreement at these points."
        )
    if "warped_from" in points.attrs:
        out.remarks.append(f"Points were warped from {points.attrs['warped_from']} to the scene's CRS.")
    if trained is not None:
        count = int((trained(points.geometry) & scorable).sum())
        out.facts["inside training patches"] = format_count(count, "point")
