"""Samplers that iterate over a plan: by TorchGeo's convention for one scene, with the scene's name for several.

A sampler draws no places. It orders the plan's patches, depending on (seed, epoch) alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from torch.utils.data import Sampler
from torchgeo.samplers import SpatialSampler

from lulcseg.errors import LulcsegError
from lulcseg.sampling.plan import Plan
from lulcseg.seeds import keyed

type PatchSlices = tuple[slice, slice]
"""``(slice(xmin, xmax), slice(ymin, ymax))`` in map units, Python floats."""


class EpochOrder:
    """The order of ``n`` patches in an epoch, which depends on (seed, epoch) alone.

    It is the same in every process; :class:`lulcseg.patches.batches.PlanBatches` splits it across ranks.

    Args:
        n: Number of patches.
        shuffle: Whether to reshuffle each epoch.
        seed: Seed of the order.
    """

    def __init__(self, n: int, *, shuffle: bool, seed: int) -> None:
        self.n = n
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of patches."""
        return self.n

    def indices(self) -> NDArray[np.int64]:
        """Return the epoch's order, (n,) int64."""
        if not self.shuffle:
            return np.arange(self.n)
        return keyed(self.seed, self.epoch).permutation(self.n)


class PlanSampler(SpatialSampler):
    """Iterates over the patches of one scene's plan, on any TorchGeo dataset.

    Args:
        dataset: A TorchGeo ``GeoDataset``, of which ``index`` and ``res`` are read.
        rows: The plan's rows of one scene (:meth:`lulcseg.sampling.plan.Plan.of`).
        shuffle: Whether to reshuffle each epoch.
        seed: Seed of the order.

    Raises:
        LulcsegError: The rows are of several scenes, or the plan was drawn for other imagery: another
            CRS, another pixel size, or patches outside the dataset.
    """

    def __init__(
        self,
        dataset: Any,
        rows: gpd.GeoDataFrame,
        *,
        shuffle: bool,
        seed: int,
    ) -> None:
        super().__init__(dataset)
        _check_fits(dataset, rows, shapely.box(*self.bounds))
        self._extents = shapely.bounds(rows.geometry.to_numpy())
        self.order = EpochOrder(len(rows), shuffle=shuffle, seed=seed)

    @property
    def strategy(self) -> Literal["random", "sequential"]:
        """How TorchGeo combines this sampler with one over time: 'random' (a pair each) if shuffled."""
        return "random" if self.order.shuffle else "sequential"

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning calls this."""
        self.order.epoch = epoch

    def __iter__(self) -> Iterator[PatchSlices]:
        """Yield the patches' extents, exact to the last bit of float64."""
        for left, bottom, right, top in self._extents[self.order.indices()].tolist():
            yield slice(left, right), slice(bottom, top)

    def __len__(self) -> int:
        """Return the number of patches of an epoch."""
        return len(self.order)


class ScenesSampler(Sampler[tuple[str, PatchSlices]]):
    """Iterates over the patches of several scenes in one order, each with its scene's name.

    Args:
        datasets: A TorchGeo ``GeoDataset`` for each scene, by name.
        plan: The plan.
        split: Split of the patches: 'train' or 'validation'.
        shuffle: Whether to reshuffle each epoch, across all scenes.
        seed: Seed of the order.

    Raises:
        LulcsegError: The plan was drawn for other imagery, see :class:`PlanSampler`.
    """

    def __init__(
        self,
        datasets: Mapping[str, Any],
        plan: Plan,
        split: str,
        *,
        shuffle: bool,
        seed: int,
    ) -> None:
        self._places: list[tuple[str, PatchSlices]] = []
        for scene in plan.scenes:
            walk = PlanSampler(datasets[scene], plan.of(scene, split), shuffle=False, seed=seed)
            self._places += [(scene, extent) for extent in walk]
        self.order = EpochOrder(len(self._places), shuffle=shuffle, seed=seed)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning calls this."""
        self.order.epoch = epoch

    def __iter__(self) -> Iterator[tuple[str, PatchSlices]]:
        """Yield ``(scene, (slice(xmin, xmax), slice(ymin, ymax)))``, exact to the last bit of float64."""
        for index in self.order.indices():
            yield self._places[index]

    def __len__(self) -> int:
        """Return the number of patches of an epoch."""
        return len(self.order)


def _check_fits(dataset: Any, rows: gpd.GeoDataFrame, extent: shapely.Polygon) -> None:
    """Check that a plan was drawn for the dataset's imagery."""
    if rows["scene"].nunique() > 1:
        raise LulcsegError(
            "a TorchGeo dataset is of one scene, these patches are of several",
            where="plan",
            remedy="use a sampler for each scene",
        )
    remedy = "draw a plan for this imagery"
    if rows.crs is not None and dataset.index.crs is not None and rows.crs != dataset.index.crs:
        raise LulcsegError("the plan and the imagery differ in CRS", where="plan", remedy=remedy)
    xres, yres = dataset.res
    left, bottom, right, top = rows.geometry.bounds.to_numpy().T
    size = rows["size"].to_numpy()
    drift = np.abs(np.concatenate([(right - left) / xres - size, (top - bottom) / yres - size]))
    if drift.max(initial=0.0) > 0.1:
        raise LulcsegError(
            f"the plan's patches are not {size[0]} pixels of {xres:g} × {yres:g} on a side", where="plan", remedy=remedy
        )
    xmin, ymin, xmax, ymax = extent.bounds
    slack_x, slack_y = xres, yres  # a boundary may cut through the outermost pixels
    outside = (left < xmin - slack_x) | (right > xmax + slack_x) | (bottom < ymin - slack_y) | (top > ymax + slack_y)
    if outside.any():
        raise LulcsegError(
            f"{int(outside.sum())} of {len(rows)} patches lie outside the imagery", where="plan", remedy=remedy
        )
