"""From a sampling plan to batches, on one device or several."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from lulcseg.errors import LulcsegError
from lulcseg.patches.dataset import ScenesDataset, stack
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.samplers import ScenesSampler
from lulcseg.scene.dataset import SceneDataset


def default_workers() -> int:
    """Return how many loader processes to use: one a core, one core kept for training, at most 8.

    With one or two cores, training itself needs both, and reading a window costs little: none.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if cores <= 2 else min(8, cores - 1)


class PatchData(pl.LightningDataModule):
    """Walks a plan: every patch once an epoch, ranks taking disjoint shares.

    Args:
        scenes: Datasets by scene name.
        plan: The places, with their split.
        batch_size: Patches of one step over all devices.
        workers: Loader processes; −1: :func:`default_workers`.
        seed: Seed of the order of patches.

    The trainer must run with ``use_distributed_sampler=False``: the samplers know their rank.
    """

    def __init__(
        self, scenes: Mapping[str, SceneDataset], plan: Plan, *, batch_size: int, workers: int = -1, seed: int = 0
    ) -> None:
        """Keep the parts; loaders are made by the hooks, once rank and world size are known."""
        super().__init__()
        self.dataset = ScenesDataset(scenes)
        self.plan = plan
        self.batch_size = batch_size
        self.workers = default_workers() if workers < 0 else workers
        self.seed = seed

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of training patches, in a new order each epoch."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Return the loader of validation patches, in the plan's order; none where there are none."""
        if not (self.plan.rows["split"] == "validation").any():
            return []
        return self._loader("validation", shuffle=False)

    def _loader(self, split: str, *, shuffle: bool) -> DataLoader[Any]:
        rank = self.trainer.global_rank if self.trainer else 0
        world = self.trainer.world_size if self.trainer else 1
        if self.batch_size % world:
            nearest = max(world, round(self.batch_size / world) * world)
            raise LulcsegError(
                f"trainer.batch_size={self.batch_size} doesn't divide by {world} devices",
                where="configuration",
                remedy=f"the nearest that does is {nearest}",
            )
        sampler = ScenesSampler(
            self.dataset.scenes, self.plan, split, shuffle=shuffle, seed=self.seed, rank=rank, world_size=world
        )
        return DataLoader(
            self.dataset,
            batch_size=self.batch_size // world,
            sampler=sampler,
            num_workers=self.workers,
            collate_fn=stack,
            persistent_workers=self.workers > 0,
            prefetch_factor=4 if self.workers > 0 else None,
        )
