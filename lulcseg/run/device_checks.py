"""Checks, before a run begins, that its devices exist and that its plan can be split across them."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException

from lulcseg.errors import LulcsegError
from lulcseg.patches.batches import StepSchedule
from lulcseg.processes import quiet_lightning
from lulcseg.sampling.plan import TRAIN, VALIDATION, Plan
from lulcseg.settings.config import TrainConfig
from lulcseg.settings.trainer import TrainerSettings


def check_device(accelerator: str) -> None:
    """Check that the requested device exists.

    Raises:
        LulcsegError: This machine has no such device.
    """
    missing = {"gpu": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
    if missing.get(accelerator, False):
        raise LulcsegError(f"this machine has no {accelerator}", where="accelerator", remedy="use cpu or auto")


def syncs_batch_norm(settings: TrainerSettings) -> bool:
    """Whether batch norm computes its statistics over all devices, if there are several; torch has none for CPUs."""
    return settings.sync_batchnorm and torch.cuda.is_available() and settings.accelerator != "cpu"


def check_split(config: TrainConfig, plan: Plan) -> StepSchedule:
    """Check that a plan can be split across the requested devices; no process is started.

    Returns:
        How it is split.

    Raises:
        LulcsegError: The devices or the strategy are not available, the batch can't be split across them, or
            there are fewer patches than devices.
    """
    quiet_lightning()
    settings = config.trainer
    try:
        world = pl.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.nodes,
            strategy=settings.strategy,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).world_size
    except (MisconfigurationException, ValueError, TypeError, RuntimeError) as error:
        raise LulcsegError(
            f"trainer.devices={settings.devices} with strategy {settings.strategy} is not available here "
            f"({' '.join(str(error).split())})",
            where="configuration",
            remedy="set trainer.devices=auto and trainer.strategy=auto, or what this machine has",
        ) from error
    patches = plan.rows["split"].value_counts()
    steps = StepSchedule(int(patches.get(TRAIN, 0)), settings.batch_size, world, settings.micro_batch)
    if held_out := int(patches.get(VALIDATION, 0)):
        StepSchedule.without_steps(held_out, world, steps.limit)
    return steps
