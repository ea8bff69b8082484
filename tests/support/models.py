"""Small models, with what travels with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lulcseg.legend import PAPER_LEGEND
from lulcseg.settings.augment import AugmentSettings, OperationShares
from lulcseg.settings.model import ModelSettings
from lulcseg.training.largest_micro_batch import StepMemory
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings

SMALL = ModelSettings(filters=4, depth=2)


def record(**changes: Any) -> ModelRecord:
    """Return the record of a small U-Net of the paper's legend."""
    known = ModelRecord(
        legend=PAPER_LEGEND.to_plain(), bands=3, dtype="uint8", resolution=[0.5, 0.5], patch_size=32, model=SMALL
    )
    return replace(known, **changes)


def augmenting(p: Mapping[str, float] | None = None, **changes: Any) -> AugmentSettings:
    """Return settings of an augmentation, with the shares of single operations."""
    return AugmentSettings(p=OperationShares(**(p or {})), **changes)


def save(task: SegmentationTask, path: Path) -> Path:
    """Write a task's checkpoint as Lightning does."""
    checkpoint = {"state_dict": task.state_dict()}
    task.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return path


def step_memory() -> StepMemory:
    """Return what measures the training steps of a small model on the CPU."""
    return StepMemory(SegmentationTask(record(), TrainingSettings()).train(), 32)
