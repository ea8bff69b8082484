"""Small tasks of self-training, with labelled and unlabelled patches, and without a trainer."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from lulcseg.settings.self_training import SelfTrainingSettings
from lulcseg.training.mean_teacher import Unlabelled
from lulcseg.training.step_loss import StepLoss
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.support.models import record

SIDE = 16


def pool(number: int = 6) -> Unlabelled:
    draw = torch.Generator().manual_seed(3)
    image = torch.randint(0, 255, (number, 3, SIDE, SIDE), dtype=torch.uint8, generator=draw)
    valid = torch.rand(number, SIDE, SIDE, generator=draw) > 0.1
    return Unlabelled(image, valid)


def batch() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(4)
    return {
        "image": torch.randint(0, 255, (4, 3, SIDE, SIDE), dtype=torch.uint8, generator=draw),
        "mask": torch.randint(0, 3, (4, SIDE, SIDE), dtype=torch.uint8, generator=draw),
        "valid": torch.ones(4, SIDE, SIDE, dtype=torch.bool),
        "scene": torch.zeros(4, dtype=torch.int64),
    }


def task_of(settings: SelfTrainingSettings, step: int = 50) -> SegmentationTask:
    torch.manual_seed(0)
    task = SegmentationTask(record(), TrainingSettings(self_training=settings), unlabelled=pool())
    task.step_loss, task.total_steps = StepLoss(1, 4 * SIDE**2), 100
    task.trainer = SimpleNamespace(global_step=step, current_epoch=0, global_rank=0, world_size=1)  # type: ignore[assignment]
    return task
