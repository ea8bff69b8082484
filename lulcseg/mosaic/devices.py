"""Predicts a mosaic on several devices: Lightning starts the processes, and each predicts its own strips."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException

from lulcseg.errors import LulcsegError
from lulcseg.mosaic.strip_job import StripBatch, StripJob
from lulcseg.processes import as_keyboard_interrupt, quiet_lightning, usable_cores

BeginJob = Callable[[torch.device, int, int], StripJob]
"""Makes a process's job; called with its device, its rank and the number of processes."""


@dataclass(frozen=True, slots=True)
class Devices:
    """What to predict on.

    Attributes:
        accelerator: Lightning's accelerator.
        devices: Number of devices, or ``auto``.
        strategy: Lightning's strategy; ``auto``: one process per device.
    """

    accelerator: str = "auto"
    devices: str = "1"
    strategy: str = "auto"

    def trainer(self) -> pl.Trainer:
        """Return a trainer on these devices; no process is started yet.

        Raises:
            LulcsegError: The devices are not available.
        """
        quiet_lightning()
        try:
            return pl.Trainer(
                accelerator=self.accelerator,
                devices=self.devices,
                strategy=self.strategy,
                use_distributed_sampler=False,  # a process's strips must be contiguous
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
        except (MisconfigurationException, ValueError, TypeError, RuntimeError) as error:
            raise LulcsegError(
                f"devices={self.devices} with strategy {self.strategy} are not available here "
                f"({' '.join(str(error).split())})",
                where="configuration",
                remedy="set devices=1, or devices that this machine has",
            ) from error


def threads_of(trainer: pl.Trainer) -> int:
    """Return the number of threads that each of a trainer's processes will use, as Lightning sets it."""
    if trainer.world_size == 1:
        return torch.get_num_threads()
    if "OMP_NUM_THREADS" in os.environ:
        return int(os.environ["OMP_NUM_THREADS"])
    return max(1, usable_cores() // trainer.num_devices)


def predict_on(trainer: pl.Trainer, begin: BeginJob) -> tuple[int, int, float]:
    """Predict strips on all of a trainer's devices.

    Every process calls it, and it returns once all of them are done.

    Args:
        trainer: Lightning's trainer.
        begin: Makes this process's job; called once the processes are connected, between two barriers, so that no
            process changes the store while another reads it.

    Returns:
        Patches predicted and forward samples, summed over the processes, and the longest time in the model, in
        seconds.

    Raises:
        LulcsegError: Whatever the job raises.
    """
    module = _StripModule(begin)
    try:
        with as_keyboard_interrupt():
            trainer.predict(module, return_predictions=False)
    except BaseException as error:
        module.abandon(error)
        raise
    return module.done


class _StripModule(pl.LightningModule):
    """Runs a job under Lightning: the data loader yields its batches, and rows go to disk, not back to the trainer."""

    def __init__(self, begin: BeginJob) -> None:
        super().__init__()
        self._begin = begin
        self._job: StripJob | None = None
        self.done = (0, 0, 0.0)

    @property
    def job(self) -> StripJob:
        """This process's job."""
        assert self._job is not None
        return self._job

    def setup(self, stage: str) -> None:  # noqa: ARG002
        """Make the job on this process's device; Lightning puts a barrier before and after."""
        strategy = self.trainer.strategy
        self._job = self._begin(strategy.root_device, self.trainer.global_rank, self.trainer.world_size)

    def predict_dataloader(self) -> Any:
        """Return the job's batches."""
        return _Batches(self.job)

    def transfer_batch_to_device(
        self,
        batch: StripBatch,
        device: torch.device,  # noqa: ARG002
        dataloader_idx: int,  # noqa: ARG002
    ) -> StripBatch:
        """Return the batch unchanged: its patches are on the device already."""
        return batch

    def predict_step(self, batch: StripBatch, batch_idx: int) -> None:  # noqa: ARG002
        """Predict a batch."""
        self.job.predict(batch)

    def on_predict_end(self) -> None:
        """Write the remaining rows, wait for the other processes, and sum up their counts."""
        self.job.finish()
        strategy = self.trainer.strategy
        did = torch.tensor([self.job.patches, self.job.samples], dtype=torch.float64, device=strategy.root_device)
        total = strategy.reduce(did, reduce_op="sum")
        longest = torch.tensor(self.job.forward_seconds, dtype=torch.float64, device=strategy.root_device)
        slowest = strategy.reduce(longest, reduce_op="max") if self.trainer.world_size > 1 else longest
        self.done = (int(total[0]), int(total[1]), float(slowest))
        strategy.barrier()

    def abandon(self, error: BaseException) -> None:
        """Abandon the strip being written."""
        if self._job is not None:
            self._job.__exit__(type(error), error, None)


class _Batches:
    """An iterable over a job's batches, of unknown length."""

    def __init__(self, job: StripJob) -> None:
        self._job = job

    def __iter__(self) -> Iterator[StripBatch]:
        return self._job.batches()
