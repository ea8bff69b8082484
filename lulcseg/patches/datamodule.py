"""From a sampling plan to batches, on one device or several."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from lulcseg.patches.batches import PlanBatches, StepSchedule
from lulcseg.patches.scenes_dataset import ScenesDataset
from lulcseg.patches.timed_loader import Stopwatch, TimedLoader
from lulcseg.processes import usable_cores
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.torchgeo_samplers import ScenesSampler
from lulcseg.scene.dataset import SceneDataset


def default_workers(processes: int = 1) -> int:
    """Return how many loader processes a training process starts.

    One per core of this process's share of the machine, less one for training, at
    most 8. With one or two cores, training itself needs both, and reading a window costs little: none.

    Args:
        processes: Training processes on this machine.
    """
    given = os.environ.get("SLURM_CPUS_PER_TASK")  # this process's already
    own = usable_cores() // processes if given is None else int(given)
    return 0 if own <= 2 else min(8, own - 1)


class PatchData(pl.LightningDataModule):
    """Iterates over a plan: every patch once per epoch, in disjoint shares of the ranks (:class:`StepSchedule`).

    Images stay in the imagery's own type (mostly uint8) until they are on the device. Loader
    processes compute with one thread each, as torch sets them up.

    Args:
        scenes: Datasets by scene name.
        plan: The places, with their split.
        batch_size: Patches of one optimiser step over all devices.
        micro_batch: Most patches a device holds at once; None: its whole share of the batch. The
            trainer's ``accumulate_grad_batches`` must be ``steps(world_size).accumulate``.
        workers: Loader processes of each rank; −1: :func:`default_workers`.
        prefetch: Batches each loader process reads ahead.
        seed: Seed of the order of patches.
        margin: Pixels to read around each training patch.

    Attributes:
        waited: Measures the time that training waits for batches.

    The trainer must run with ``use_distributed_sampler=False``: the loaders know their rank.
    """

    def __init__(
        self,
        scenes: Mapping[str, SceneDataset],
        plan: Plan,
        *,
        batch_size: int,
        micro_batch: int | None = None,
        workers: int = -1,
        prefetch: int = 4,
        seed: int = 0,
        margin: int = 0,
    ) -> None:
        super().__init__()
        self.scenes = dict(scenes)
        self.plan = plan
        self.batch_size = batch_size
        self.micro_batch = micro_batch
        self.workers = workers
        self.prefetch = prefetch
        self.seed = seed
        self.margin = margin
        self.waited = Stopwatch()
        self._first_epoch = 0

    def steps(self, world_size: int = 1) -> StepSchedule:
        """Return how an epoch of training is split across devices.

        Args:
            world_size: Number of devices.

        Raises:
            LulcsegError: The batch can't be split across them, or there are fewer patches.
        """
        return StepSchedule(self._patches("train"), self.batch_size, world_size, self.micro_batch)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of training patches, in a new order each epoch."""
        return self._loader("train", self.steps(self._world), shuffle=True)

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Return the loader of validation patches, in the plan's order; none if there are none."""
        patches = self._patches("validation")
        if not patches:
            return []
        steps = StepSchedule.without_steps(patches, self._world, self.steps(self._world).limit)
        return self._loader("validation", steps, shuffle=False)

    def state_dict(self) -> dict[str, Any]:
        """Return the number of epochs completed."""
        assert self.trainer is not None
        progress: Any = self.trainer.fit_loop.epoch_progress.current  # current_epoch is behind it at an epoch's end
        return {"epochs": progress.processed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from a checkpoint with the next epoch.

        Lightning sets a sampler's epoch only after loader processes have begun to read ahead.
        """
        self._first_epoch = int(state_dict["epochs"])

    def _patches(self, split: str) -> int:
        return int((self.plan.rows["split"] == split).sum())

    @property
    def _world(self) -> int:
        return self.trainer.world_size if self.trainer else 1

    def _loader(self, split: str, steps: StepSchedule, *, shuffle: bool) -> DataLoader[Any]:
        trainer = self.trainer
        sampler = ScenesSampler(self.scenes, self.plan, split, shuffle=shuffle, seed=self.seed)
        sampler.set_epoch(self._first_epoch)
        device = trainer.strategy.root_device if trainer else None
        workers = default_workers(trainer.num_devices if trainer else 1) if self.workers < 0 else self.workers
        return TimedLoader(
            self.waited,
            ScenesDataset(self.scenes, self.margin if split == "train" else 0),
            batch_sampler=PlanBatches(sampler, steps, trainer.global_rank if trainer else 0),
            num_workers=workers,
            pin_memory=device is not None and device.type == "cuda",
            device=device,
            persistent_workers=workers > 0,
            prefetch_factor=self.prefetch if workers > 0 else None,
        )
