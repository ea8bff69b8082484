"""Random sampling over scenes: patches centred on points inside the features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.sampling.centred_patches import MAX_REDRAWS, DrawnPatches, try_patches
from lulcseg.sampling.feature_counts import CountPatches, Counts, Features
from lulcseg.sampling.feature_pool import SceneLike
from lulcseg.sampling.plan import patch_rows
from lulcseg.sampling.plan_request import PlanRequest, SamplingMethod
from lulcseg.seeds import generator

_NAMED = 5
"""Features that an error names."""


def counted_in_features(count: CountPatches) -> SamplingMethod:
    """Return the method that draws ``sampling.patches`` patches in the features, as many in each as a count says.

    Args:
        count: Shares the patches among the features.
    """

    def draw(request: PlanRequest, meta: dict[str, Any]) -> dict[str, gpd.GeoDataFrame]:
        drawing = FeatureDrawing(request, count)
        counts = drawing.counts(request.settings.patches)
        return drawing.rows(counts, drawing.draw(counts.feature), request.settings.patches, meta)

    return SamplingMethod(draw, frozenset({"patches"}))


class FeatureDrawing:
    """Counts and draws the patches of a request.

    Args:
        request: The request.
        count: Shares patches among the features.

    Attributes:
        request: The request.
        features: What the counts depend on.
        mine: For each scene's name the indices of its features in the pool.
        geometry: Geometries of the pool, (m,).
    """

    def __init__(self, request: PlanRequest, count: CountPatches) -> None:
        pool = request.pool
        self.request = request
        self.features = Features(
            pool["class_index"].to_numpy(), pool["area_m2"].to_numpy(), request.scenes[0].legend.names
        )
        self.mine = {s.name: np.flatnonzero(pool["scene"] == s.name) for s in request.scenes}
        self.geometry = pool["geometry"].to_numpy()
        self._number = pool["feature"].to_numpy()
        self._count = count

    def counts(self, n_patches: int) -> Counts:
        """Return the patches of each feature for a number of patches."""
        return self._count(self.features, n_patches, generator(self.request.seed, "patches per feature"))

    def total(self, n_patches: int) -> int:
        """Return the patches of all features for a number of patches."""
        return int(self.counts(n_patches).feature.sum())

    def draw(self, counts: NDArray[np.int64]) -> dict[str, DrawnPatches]:
        """Draw in each scene, with a generator of its own; patches with too few valid pixels are not yet refused.

        Args:
            counts: Patches of each feature, (m,).
        """
        settings = self.request.settings
        return {
            scene.name: try_patches(
                self.geometry[self.mine[scene.name]],
                counts[self.mine[scene.name]],
                scene.grid,
                settings.patch_size,
                generator(self.request.seed, f"points in {scene.name}"),
                min_valid=settings.min_valid,
                valid_share=scene.valid_share,
            )
            for scene in self.request.scenes
        }

    def rows(
        self, counts: Counts, drawn: Mapping[str, DrawnPatches], n_patches: int, meta: dict[str, Any]
    ) -> dict[str, gpd.GeoDataFrame]:
        """Return each scene's rows, and add to ``meta`` the numbers wanted and the features covered.

        Args:
            counts: Patches of each feature.
            drawn: The patches, by the scene's name.
            n_patches: N_p.
            meta: The plan's metadata.

        Raises:
            LulcsegError: Patches have too few valid pixels after all redraws.
        """
        found, per_feature = {}, np.zeros(len(self.features.area_m2), dtype=np.int64)
        for scene in self.request.scenes:
            patches, mine = drawn[scene.name], self.mine[scene.name]
            self._check_valid(scene, patches)
            found[scene.name] = self._rows(scene, patches)
            per_feature[mine] = np.bincount(patches.feature, minlength=mine.size)
        for index, entry in enumerate(meta["classes"]):
            if entry["features"]:
                entry["wanted"] = counts.wanted.get(index)
        covered = self.request.pool.loc[(per_feature == 0) & (counts.feature > 0), ["scene", "feature"]]
        meta["features_covered"] = [[str(s), int(f)] for s, f in covered.itertuples(index=False)]
        meta["n_patches"] = n_patches
        meta["redrawn"] = sum(d.redrawn for d in drawn.values())
        return found

    def _check_valid(self, scene: SceneLike, drawn: DrawnPatches) -> None:
        """Refuse patches of a scene that have too few valid pixels after all redraws."""
        least = self.request.settings.min_valid
        low = drawn.valid < least
        if not low.any():
            return
        if not drawn.valid.any():
            raise LulcsegError(
                f"no pixel of scene '{scene.name}' is valid in any of its {low.size} patches",
                where="imagery",
                remedy="check imagery.nodata and the files' own nodata values and masks",
            )
        features = self.mine[scene.name][np.unique(drawn.feature[low])]
        named = [f"{self._number[f]} ({self.features.names[self.features.class_index[f]]})" for f in features[:_NAMED]]
        if features.size > _NAMED:
            named.append(f"{features.size - _NAMED} more")
        raise LulcsegError(
            f"scene '{scene.name}' has too little imagery for {low.sum()} patches: in {MAX_REDRAWS + 1} draws each, "
            f"none had {least:.0%} or more valid pixels, in feature {', '.join(named)}",
            where="sampling.min_valid",
            remedy="lower it, or clip the polygons to the imagery",
        )

    def _rows(self, scene: SceneLike, drawn: DrawnPatches) -> gpd.GeoDataFrame:
        feature = self.mine[scene.name][drawn.feature]
        return patch_rows(
            scene.name,
            scene.grid,
            drawn.row,
            drawn.col,
            self.request.settings.patch_size,
            class_index=self.features.class_index[feature],
            feature=self._number[feature],
            shifted=drawn.shifted,
            valid=drawn.valid,
        )
