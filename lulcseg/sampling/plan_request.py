"""What a sampling method is given, and what it has to provide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd

from lulcseg.sampling.feature_pool import SceneLike
from lulcseg.settings.sampling import SamplingSettings


@dataclass(frozen=True)
class PlanRequest:
    """What patches are to be drawn.

    Attributes:
        scenes: The scenes, which have one legend.
        pool: Their digitised features as one table (:func:`lulcseg.sampling.feature_pool.pooled`).
        settings: The settings, checked.
        seed: Seed of the plan.
    """

    scenes: Sequence[SceneLike]
    pool: pd.DataFrame
    settings: SamplingSettings
    seed: int


@dataclass(frozen=True)
class SamplingMethod:
    """A way to place patches.

    Attributes:
        draw: Returns each scene's rows of the plan by the scene's name
            (:func:`lulcseg.sampling.plan.patch_rows`), and adds to the plan's metadata what it has to say.
        settings: Settings of :class:`~lulcseg.settings.sampling.SamplingSettings` that it uses, besides
            ``patch_size`` and ``min_valid``, which every method uses.
    """

    draw: Callable[[PlanRequest, dict[str, Any]], dict[str, gpd.GeoDataFrame]]
    settings: frozenset[str]
