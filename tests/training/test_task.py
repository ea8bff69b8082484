"""Network, scaling, augmentation, loss, schedule and checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import IGNORE
from lulcseg.models.unet import UNet
from lulcseg.patches.datamodule import PatchData
from lulcseg.sampling.plan import Plan, patch_rows
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.optim import OptimSettings
from lulcseg.training.curve_scores import curve_values
from lulcseg.training.losses.cross_entropy import cross_entropy
from lulcseg.training.model_record import KEY, load_checkpoint
from lulcseg.training.optimizers import build_optimizer
from lulcseg.training.schedules import constant, cosine, linear, rate_factor
from lulcseg.training.task import SegmentationTask
from tests.support.models import record, save


def test_loss_ignores_unlabelled_pixels_and_survives_none() -> None:
    logits = torch.randn(2, 9, 8, 8, requires_grad=True)
    target = torch.randint(0, 9, (2, 8, 8), dtype=torch.uint8)
    target[0] = IGNORE
    expected = torch.nn.functional.cross_entropy(logits[1:], target[1:].long())
    torch.testing.assert_close(cross_entropy(logits, target), expected)
    nothing = cross_entropy(logits, torch.full_like(target, IGNORE))
    nothing.backward()
    assert nothing.item() == 0
    assert torch.isfinite(logits.grad).all()


def test_curves_agree_with_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score, f1_score

    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 500)
    guess = np.where(rng.random(500) < 0.6, truth, rng.integers(0, 4, 500))
    counts = torch.zeros(5, 5)
    np.add.at(counts.numpy(), (truth, guess), 1)
    values = curve_values(counts)
    assert values["kappa"].item() == pytest.approx(cohen_kappa_score(truth, guess))
    assert values["mean_f1"].item() == pytest.approx(f1_score(truth, guess, average="macro"))
    assert all(v.item() == 0 for v in curve_values(torch.zeros(3, 3)).values())


def test_schedule_rises_then_falls_to_nothing() -> None:
    factors = [rate_factor(s, 100, schedule=cosine, warmup=0.1) for s in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[10] == 1
    assert factors[55] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.5)))
    assert factors[100] == pytest.approx(0)
    assert rate_factor(50, 100, schedule=constant, warmup=0.0) == 1
    assert rate_factor(75, 100, schedule=linear, warmup=0.0) == pytest.approx(0.25)


def test_weight_decay_spares_norms_and_biases() -> None:
    network = UNet(3, 2, filters=4, depth=1)
    first, second = build_optimizer(network, OptimSettings(), 10)["optimizer"].param_groups
    assert first["weight_decay"] == 1e-2
    assert second["weight_decay"] == 0
    assert all(p.ndim == 1 for p in second["params"])
    assert len(first["params"]) + len(second["params"]) == len(list(network.parameters()))


def test_checkpoint_gives_the_same_model_back(tmp_path: Path) -> None:
    task = SegmentationTask(record()).eval()
    path = save(task, tmp_path / "a.ckpt")
    image, valid = torch.randint(0, 255, (2, 3, 32, 32), dtype=torch.uint8), torch.ones(2, 32, 32, dtype=torch.bool)
    back = SegmentationTask.load_from_checkpoint(path)
    assert back.record == task.record
    with torch.no_grad():
        torch.testing.assert_close(back(image, valid), task(image, valid))


class _Evil:
    """Runs code when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


def test_no_code_runs_from_a_checkpoint(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    torch.save({KEY: record().to_plain(), "state_dict": {}, "trap": _Evil(trap)}, tmp_path / "evil.ckpt")
    with pytest.raises(LulcsegError, match=r"evil\.ckpt: not a lulcseg checkpoint"):
        load_checkpoint(tmp_path / "evil.ckpt")
    assert not trap.exists()


def test_foreign_checkpoints_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    torch.save({"state_dict": {}, KEY: record().to_plain() | {"format": 99}}, tmp_path / "newer.ckpt")
    before = record().to_plain() | {"format": 1, "scaling": {"method": "batch", "per_band": False}}
    del before["statistics"]
    torch.save({"state_dict": {}, KEY: before}, tmp_path / "older.ckpt")
    torch.save({"state_dict": {"network.x": torch.zeros(1)}, KEY: record().to_plain()}, tmp_path / "weights.ckpt")
    older = ("older", r"older\.ckpt: its record has format 1, this version reads 2; use the lulcseg that made it")
    for name, part in (
        ("none", "no such"),
        ("text", "not a lulcseg"),
        ("other", "not one of"),
        ("newer", "format 99"),
        older,
    ):
        with pytest.raises(LulcsegError, match=part):
            load_checkpoint(tmp_path / f"{name}.ckpt")
    with pytest.raises(LulcsegError, match="weights don't fit"):
        SegmentationTask.load_from_checkpoint(tmp_path / "weights.ckpt")


def test_batches_an_epoch_are_table_5s(make_scene: Callable[..., Path], cache: Path) -> None:
    """The paper's 9,635 patches in batches of 64 make 151 steps; so do its other sizes."""
    scene = Scene.open(str(make_scene()), cache)
    data = SceneDataset(scene)
    for patches, batch in ((9_635, 64), (2_412, 16), (38_533, 256), (154_514, 1024)):
        corner = np.zeros(patches, dtype=np.int64)
        rows = patch_rows(scene.name, scene.grid, corner, corner, 8)
        plan = Plan(rows, {"scenes": {scene.name: asdict(scene.grid)}})
        loader = PatchData({scene.name: data}, plan, batch_size=batch, workers=0).train_dataloader()
        assert len(loader) == 151


def test_loaders_walk_their_own_split(make_scene: Callable[..., Path], cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    corner = np.arange(10, dtype=np.int64)
    rows = patch_rows(scene.name, scene.grid, corner * 4, corner, 8)
    rows["split"] = ["train"] * 7 + ["validation"] * 3
    plan = Plan(rows, {"scenes": {scene.name: asdict(scene.grid)}})
    data = PatchData({scene.name: SceneDataset(scene)}, plan, batch_size=4, workers=0)
    seen = [sum(len(batch["mask"]) for batch in loader) for loader in (data.train_dataloader(), data.val_dataloader())]
    assert seen == [7, 3]
    first = next(iter(data.val_dataloader()))["image"][0]
    assert torch.equal(first, SceneDataset(scene).read(Window(28, 7, 8, 8))["image"])


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
