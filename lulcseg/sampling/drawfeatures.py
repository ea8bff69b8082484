"""Random sampling over scenes: patches centred on points inside the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.sampling import matching
from lulcseg.sampling.covered import Candidates, candidates
from lulcseg.sampling.methods import METHODS, STRATIFIED, Counts, Features
from lulcseg.sampling.plan import patch_rows
from lulcseg.sampling.plan_request import PlanRequest
from lulcseg.sampling.pool import SceneLike
from lulcseg.sampling.stratified import MAX_REDRAWS, DrawnPatches, try_patches
from lulcseg.seeds import generator

_REACH = 64
"""N_p's tried either side of where bisection ends, where the total does not grow at each step."""

_NAMED = 5
"""Features that an error names."""


def draw_in_features(
    scenes: Sequence[SceneLike], pool: pd.DataFrame, request: PlanRequest, meta: dict[str, Any]
) -> dict[str, gpd.GeoDataFrame]:
    """Return each scene's rows, and note numbers in ``meta``: what was wanted and which features are covered.

    Raises:
        LulcsegError: Numbers cannot be shared out, or places with enough valid pixels were not found.
    """
    drawing = _Drawing(scenes, pool, request)
    if request.method == "stratified" and request.totals == "covered":
        counts, drawn, n_patches = _covered(drawing)
    else:
        n_patches = drawing.n_patches()
        counts = drawing.counts(n_patches)
        drawn = drawing.draw(counts.feature)
    found, per_feature = {}, np.zeros(len(pool), dtype=np.int64)
    for scene in scenes:
        drawing.check_valid(scene, drawn[scene.name])
        found[scene.name] = drawing.rows(scene, drawn[scene.name])
        per_feature[drawing.mine[scene.name]] = np.bincount(
            drawn[scene.name].feature, minlength=drawing.mine[scene.name].size
        )
    for index, entry in enumerate(meta["classes"]):
        if entry["features"]:
            entry["wanted"] = counts.wanted.get(index)
    covered = pool.loc[(per_feature == 0) & (counts.feature > 0), ["scene", "feature"]]
    meta["features_covered"] = [[str(s), int(f)] for s, f in covered.itertuples(index=False)]
    meta["n_patches"] = n_patches
    meta["redrawn"] = sum(d.redrawn for d in drawn.values())
    if request.match_total is not None:
        total = int(per_feature.sum())
        meta["match_total"] = {"asked": request.match_total, "n_patches": n_patches, "total": total}
        meta["notes"] += matching.note(request.match_total, total)
    return found


class _Drawing:
    """Counting and drawing for one request.

    Attributes:
        request: The request.
        features: What counts depend on.
        mine: For each scene's name the indices of its features in the pool.
    """

    def __init__(self, scenes: Sequence[SceneLike], pool: pd.DataFrame, request: PlanRequest) -> None:
        self.request = request
        self.features = Features(pool["class_index"].to_numpy(), pool["area_m2"].to_numpy(), scenes[0].legend.names)
        self.mine = {s.name: np.flatnonzero(pool["scene"] == s.name) for s in scenes}
        self._scenes = scenes
        self._geometry = pool["geometry"].to_numpy()
        self._number = pool["feature"].to_numpy()

    def counts(self, n_patches: int) -> Counts:
        """Return the patches of each feature."""
        request = self.request
        if request.method == "stratified":
            count = STRATIFIED["per_feature" if request.totals == "covered" else request.totals]
        else:
            count = METHODS[request.method]
        return count(self.features, n_patches, generator(request.seed, "patches per feature"))

    def total(self, n_patches: int) -> int:
        """Return the patches of all features."""
        return int(self.counts(n_patches).feature.sum())

    def n_patches(self) -> int:
        """Return N_p, as it was set or as it matches the total."""
        if self.request.match_total is not None:
            return matching.nearest(self.total, self.request.match_total)
        assert self.request.n_patches is not None
        return self.request.n_patches

    def draw(self, counts: NDArray[np.int64]) -> dict[str, DrawnPatches]:
        """Draw in each scene, with a generator that no other scene touches; low shares are not yet refused."""
        request = self.request
        return {
            scene.name: try_patches(
                self._geometry[self.mine[scene.name]],
                counts[self.mine[scene.name]],
                scene.grid,
                request.patch_size,
                generator(request.seed, f"points in {scene.name}"),
                min_valid=request.min_valid,
                valid_share=request.valid_share.get(scene.name),
            )
            for scene in self._scenes
        }

    def candidates(self, counts: NDArray[np.int64]) -> dict[str, Candidates]:
        """Draw in each scene, and find which features lie inside which patches."""
        request, drawn = self.request, self.draw(counts)
        return {
            scene.name: candidates(
                drawn[scene.name],
                self._geometry[mine := self.mine[scene.name]],
                self.features.area_m2[mine],
                scene.grid,
                request.patch_size,
            )
            for scene in self._scenes
        }

    def check_valid(self, scene: SceneLike, drawn: DrawnPatches) -> None:
        """Refuse patches of a scene that have too few valid pixels after all redraws.

        Raises:
            LulcsegError: There are some.
        """
        low = drawn.valid < self.request.min_valid
        if not low.any():
            return
        features = self.mine[scene.name][np.unique(drawn.feature[low])]
        named = [f"{self._number[f]} ({self.features.names[self.features.class_index[f]]})" for f in features[:_NAMED]]
        if features.size > _NAMED:
            named.append(f"{features.size - _NAMED} more")
        raise LulcsegError(
            f"scene '{scene.name}' has too little imagery for {low.sum()} patches: in {MAX_REDRAWS + 1} draws each, "
            f"none had {self.request.min_valid:.0%} or more valid pixels, in feature {', '.join(named)}",
            where="sampling.min_valid",
            remedy="lower it, or clip the polygons to the imagery",
        )

    def rows(self, scene: SceneLike, drawn: DrawnPatches) -> gpd.GeoDataFrame:
        """Return a scene's rows of the plan."""
        feature = self.mine[scene.name][drawn.feature]
        return patch_rows(
            scene.name,
            scene.grid,
            drawn.row,
            drawn.col,
            self.request.patch_size,
            class_index=self.features.class_index[feature],
            feature=self._number[feature],
            shifted=drawn.shifted,
            valid=drawn.valid,
        )


def _covered(drawing: _Drawing) -> tuple[Counts, Mapping[str, DrawnPatches], int]:
    """Draw by Eq. 2 and pass over the features that lie inside others' patches.

    A total is matched among patches drawn once, for an N_p that is enough even if every feature
    were passed over.
    """
    wanted, m = drawing.request.match_total, drawing.features.area_m2.size
    most = drawing.n_patches() if wanted is None else matching.least_reaching(drawing.total, wanted + m, wanted + m)
    choice = drawing.candidates(drawing.counts(most).feature)

    def passed_over(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        covered = np.zeros(m, dtype=np.bool_)
        for name, mine in drawing.mine.items():
            covered[mine] = choice[name].covered(counts[mine])
        return covered

    def total(n_patches: int) -> int:
        counts = drawing.counts(n_patches).feature
        return int(counts[~passed_over(counts)].sum())

    n_patches = most if wanted is None else matching.nearest_around(total, wanted, most, _REACH)
    counts = drawing.counts(n_patches)
    covered = passed_over(counts.feature)
    drawn = {name: choice[name].kept(counts.feature[mine], covered[mine]) for name, mine in drawing.mine.items()}
    return counts, drawn, n_patches
