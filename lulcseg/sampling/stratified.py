"""The method ``stratified`` (paper, section 2.5.2.2): patches of a class by Eq. 1, of a feature by Eq. 2.

``totals`` chooses how a class's patches are shared among its features: as printed (``per_feature``), without the
surplus of rounding up (``exact``), or with small features inside others' patches passed over (``covered``, see
:mod:`lulcseg.sampling.covered_features`). ``match_total`` chooses N_p.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from lulcseg.sampling import match_total
from lulcseg.sampling.allocation import class_patches, feature_patches, share_exactly
from lulcseg.sampling.centred_patches import DrawnPatches
from lulcseg.sampling.covered_features import Candidates, candidates
from lulcseg.sampling.draw_in_features import FeatureDrawing
from lulcseg.sampling.feature_counts import CountPatches, Counts, by_class
from lulcseg.sampling.plan_request import PlanRequest, SamplingMethod

_REACH = 64
"""N_p's tried either side of where bisection ends, where the total does not grow at each step."""

COUNTS: Mapping[str, CountPatches] = {
    "per_feature": by_class(class_patches, feature_patches),
    "exact": by_class(class_patches, share_exactly),
    "covered": by_class(class_patches, feature_patches),  # before features are passed over
}
"""Eq. 1 with each way to share a class's patches, by the name that ``sampling.totals`` gives it."""


def draw_stratified(request: PlanRequest, meta: dict[str, Any]) -> dict[str, gpd.GeoDataFrame]:
    """Return each scene's rows, and add numbers to ``meta``.

    Raises:
        LulcsegError: Numbers cannot be shared out, or places with enough valid pixels were not found.
    """
    settings = request.settings
    drawing = FeatureDrawing(request, COUNTS[settings.totals])
    if settings.totals == "covered":
        counts, drawn, n_patches = _draw_covered(drawing)
    else:
        n_patches = _n_patches(drawing)
        counts = drawing.counts(n_patches)
        drawn = drawing.draw(counts.feature)
    rows = drawing.rows(counts, drawn, n_patches, meta)
    if settings.match_total is not None:
        total = sum(len(frame) for frame in rows.values())
        meta["match_total"] = {"asked": settings.match_total, "n_patches": n_patches, "total": total}
        meta["notes"] += match_total.note(settings.match_total, total)
    return rows


def _n_patches(drawing: FeatureDrawing) -> int:
    """Return N_p: the setting, or the one whose total matches."""
    settings = drawing.request.settings
    if settings.match_total is None:
        return settings.patches
    return match_total.nearest(drawing.total, settings.match_total)


def _draw_covered(drawing: FeatureDrawing) -> tuple[Counts, Mapping[str, DrawnPatches], int]:
    """Draw by Eq. 2 and pass over the features that lie inside others' patches.

    A total is matched among patches drawn once, for an N_p that is enough even if every feature
    were passed over.
    """
    wanted, m = drawing.request.settings.match_total, drawing.features.area_m2.size
    most = _n_patches(drawing) if wanted is None else match_total.least_reaching(drawing.total, wanted + m, wanted + m)
    choice = _candidates(drawing, drawing.counts(most).feature)

    def passed_over(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        covered = np.zeros(m, dtype=np.bool_)
        for name, mine in drawing.mine.items():
            covered[mine] = choice[name].covered(counts[mine])
        return covered

    def total(n_patches: int) -> int:
        counts = drawing.counts(n_patches).feature
        return int(counts[~passed_over(counts)].sum())

    n_patches = most if wanted is None else match_total.nearest_around(total, wanted, most, _REACH)
    counts = drawing.counts(n_patches)
    covered = passed_over(counts.feature)
    drawn = {name: choice[name].kept(counts.feature[mine], covered[mine]) for name, mine in drawing.mine.items()}
    return counts, drawn, n_patches


def _candidates(drawing: FeatureDrawing, counts: NDArray[np.int64]) -> dict[str, Candidates]:
    """Draw in each scene, and find which features lie inside which patches."""
    drawn = drawing.draw(counts)
    return {
        scene.name: candidates(
            drawn[scene.name],
            drawing.geometry[mine := drawing.mine[scene.name]],
            drawing.features.area_m2[mine],
            scene.grid,
            drawing.request.settings.patch_size,
        )
        for scene in drawing.request.scenes
    }


STRATIFIED = SamplingMethod(draw_stratified, frozenset({"patches", "totals", "match_total"}))
