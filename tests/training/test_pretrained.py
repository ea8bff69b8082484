"""A model of pretrained weights: normalised alike in training, validation and prediction; frozen parts stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lulcseg.models.pretrained import Normalisation, PretrainedWeights
from lulcseg.training.optimizers import build_optimizer
from lulcseg.training.record_reading import load_checkpoint, read_record
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.support.encoders import smp
from tests.support.models import record, save

WEIGHTS = PretrainedWeights("file a.pth", "not known", [0.5, 0.25, 0.1], [0.2, 0.5, 2.0], 3, "ab", ["Said."])


def batch() -> dict[str, Tensor]:
    torch.manual_seed(3)
    valid = torch.ones(2, 32, 32, dtype=torch.bool)
    valid[:, :5] = False
    return {
        "image": torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8),
        "mask": torch.zeros(2, 32, 32, dtype=torch.uint8),
        "valid": valid,
        "scene": torch.zeros(2, dtype=torch.int64),
    }


def test_training_and_prediction_normalise_alike() -> None:
    task = SegmentationTask(record(weights=WEIGHTS), TrainingSettings()).eval()
    given = batch()
    image, _ = task.prepared(given, 0)
    unit = given["image"].double() / 255
    mean, deviation = (torch.tensor(v).double()[:, None, None] for v in (WEIGHTS.mean, WEIGHTS.deviation))
    expected = torch.where(given["valid"][:, None], (unit - mean) / deviation, 0.0)
    torch.testing.assert_close(image.double(), expected, rtol=1e-5, atol=1e-5)
    seen: list[Tensor] = []
    task.network.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    task(given["image"], given["valid"])
    assert torch.equal(seen[0], image)


def test_where_there_is_no_imagery_the_network_sees_the_mean() -> None:
    image = torch.rand(1, 3, 4, 4)
    valid = torch.zeros(1, 4, 4, dtype=torch.bool)
    assert not Normalisation(WEIGHTS)(image, valid).any()


def test_the_normalisation_travels_in_the_checkpoint_and_no_weights_are_read(tmp_path: Path) -> None:
    settings = smp(freeze="encoder")
    task = SegmentationTask(record(model=settings, weights=WEIGHTS)).eval()
    task.record = replace(task.record, model=replace(settings, encoder_weights=str(tmp_path / "gone.pth")))
    path = save(task, tmp_path / "best.ckpt")
    back = SegmentationTask.load_from_checkpoint(path)
    assert back.record == task.record
    assert back.record.weights == WEIGHTS
    given = batch()
    assert torch.equal(back(given["image"], given["valid"]), task(given["image"], given["valid"]))
    assert not [key for key in load_checkpoint(path)[1]["state_dict"] if "normalisation" in key]


def test_without_weights_the_record_is_as_before() -> None:
    plain = record().to_plain()
    assert "weights" not in plain
    assert read_record(plain, "here").weights is None
    task = SegmentationTask(record())
    image = torch.rand(1, 3, 2, 2)
    assert task.normalisation(image, torch.ones(1, 2, 2, dtype=torch.bool)) is image
    again = read_record(record(weights=WEIGHTS).to_plain(), "here")
    assert again.weights == WEIGHTS


@pytest.mark.parametrize("part", ["encoder", "first_1"])
def test_frozen_parts_stay_in_evaluation_mode_and_unchanged(part: str) -> None:
    task = SegmentationTask(record(model=smp(freeze=part)), TrainingSettings())
    task.eval().train()
    optimizer = build_optimizer(task.network, task.settings.optim, 2, frozen=task.frozen.parameters)["optimizer"]
    before = {key: value.clone() for key, value in task.network.state_dict().items()}
    image, mask = task.prepared(batch(), 0)
    total, pixels = task.loss(task._logits(image), mask)
    (total / pixels).backward()
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    optimizer.step()
    begins = "encoder." if part == "encoder" else ("encoder.conv1", "encoder.bn1")
    for key, value in task.network.state_dict().items():
        if key.startswith(begins):
            assert torch.equal(value, before[key]), key
        elif not key.endswith("num_batches_tracked"):
            assert not torch.equal(value, before[key]), key
