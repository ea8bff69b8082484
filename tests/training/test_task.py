"""The task: checkpoints give the same model back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lulcseg.settings.model import ModelSettings
from lulcseg.training.task import SegmentationTask
from tests.support.models import record, save


def test_checkpoint_gives_the_same_model_back(tmp_path: Path) -> None:
    task = SegmentationTask(record()).eval()
    path = save(task, tmp_path / "a.ckpt")
    image, valid = torch.randint(0, 255, (2, 3, 32, 32), dtype=torch.uint8), torch.ones(2, 32, 32, dtype=torch.bool)
    back = SegmentationTask.load_from_checkpoint(path)
    assert back.record == task.record
    with torch.no_grad():
        torch.testing.assert_close(back(image, valid), task(image, valid))


def test_smp_weights_come_from_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prediction must not fetch an encoder's pretrained weights."""
    settings = ModelSettings(name="smp", encoder="resnet18")
    task = SegmentationTask(record(model=settings))
    task.record = record(model=replace(settings, encoder_weights="imagenet"))
    path = save(task, tmp_path / "smp.ckpt")
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", lambda *_, **__: pytest.fail("fetched weights"))
    back = SegmentationTask.load_from_checkpoint(path)
    assert back.record.model.encoder_weights == "imagenet"
    torch.testing.assert_close(back.network.state_dict(), task.network.state_dict())
