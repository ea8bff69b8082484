"""Scaling and augmentation as training and prediction call them: order, sources, margin, and maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lulcseg.augment.scaler import Scaler
from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.legend import IGNORE
from lulcseg.patches.datamodule import PatchData
from lulcseg.patches.scenes_dataset import ScenesDataset
from lulcseg.sampling.plan import Plan, patch_rows
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.training.augmenting import augmented, build_augmentation, margin_of
from lulcseg.training.losses.cross_entropy import cross_entropy
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.support.models import augmenting, record

Make = Callable[..., Path]
GROUPS = ["none", "batch", "patch", "percentile", "standardise", "mosaic"]
EVERY = [(m, o) for m in ("min_max", "percentile", "standardise") for o in ("batch", "patch", "mosaic", "training")]


def summary(low: float, high: float, *, mean: float = 100.0, std: float = 20.0) -> dict[str, Any]:
    """Return what a mosaic's statistics might be."""
    both = {"min": low, "max": high, "mean": mean, "std": std, "low": low + 10, "high": high - 10}
    return {"bands": {k: [v] * 3 for k, v in both.items()}, "joint": {k: [v] for k, v in both.items()}}


def raw(size: int = 4, side: int = 16, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return uint8 patches, each brighter than the one before, and where they are valid."""
    draw = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 120, (size, 3, side, side), generator=draw)
    image += torch.arange(size).view(-1, 1, 1, 1) * 30
    return image.to(torch.uint8), torch.rand(size, side, side, generator=draw) > 0.1


def task_of(scaling: ScalingSettings, augment: AugmentSettings | None = None, **more: Any) -> SegmentationTask:
    training = TrainingSettings(augment=augment or AugmentSettings())
    known = {"scaling": scaling, "statistics": summary(20, 220), "patch_size": 16} | more
    scenes = [summary(0, 100), summary(50, 250)]
    torch.manual_seed(0)
    return SegmentationTask(record(**known), training, scenes=scenes)


@pytest.fixture
def rank(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Return a setter of the epoch and rank that a task outside a trainer believes it has."""

    def believe(epoch: int, number: int) -> None:
        monkeypatch.setattr(SegmentationTask, "current_epoch", epoch)
        monkeypatch.setattr(SegmentationTask, "global_rank", number)

    believe(0, 0)
    return believe


def batch_of(image: Tensor, valid: Tensor) -> dict[str, Tensor]:
    mask = torch.zeros(valid.shape, dtype=torch.uint8).masked_fill(~valid, IGNORE)
    return {"image": image, "mask": mask, "valid": valid, "scene": torch.arange(len(image)) % 2}


@pytest.mark.parametrize(("method", "over"), EVERY)
def test_each_source_is_the_one_that_is_named(rank: Any, method: str, over: str) -> None:
    image, valid = raw()
    task = task_of(ScalingSettings(method=method, over=over))
    seen, _ = task.prepared(batch_of(image, valid), 0)
    values = image.double()
    for i in range(len(image)):
        kept = {"batch": values.movedim(1, 0)[:, valid], "patch": values[i][:, valid[i]]}.get(over)
        if kept is None:
            known = summary(20, 220) if over == "training" else [summary(0, 100), summary(50, 250)][i % 2]
            low, high = {"min_max": ("min", "max"), "percentile": ("low", "high"), "standardise": ("mean", "std")}[
                method
            ]
            offset, end = known["joint"][low][0], known["joint"][high][0]
        elif method == "standardise":
            offset, end = kept.mean().item(), kept.std(correction=0).item()
        else:
            offset, end = np.percentile(kept.numpy(), [0, 100] if method == "min_max" else [2, 98])
        expected = (values[i] - offset) / (end if method == "standardise" else end - offset)
        expected = expected if method == "standardise" else expected.clamp(0, 1)
        expected = torch.where(valid[i], expected, 0.0).float()
        torch.testing.assert_close(seen[i], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("choice", ["patch", "mosaic", "training"])
@pytest.mark.parametrize("method", ["min_max", "percentile", "standardise"])
def test_what_stands_for_the_batch_is_what_a_model_of_it_does(choice: str, method: str) -> None:
    image, valid = raw()
    scaler = Scaler(ScalingSettings(method=method, at_prediction=choice), "uint8", summary(20, 220))
    own = Scaler(ScalingSettings(method=method, over=choice), "uint8", summary(20, 220))
    mosaic = scaler.limits_of(summary(5, 205))
    found = [s(s.to_unit(image, valid), valid, s.at_prediction, mosaic) for s in (scaler, own)]
    assert torch.equal(*found)
    alone = scaler(scaler.to_unit(image[1:2], valid[1:2]), valid[1:2], choice, mosaic)
    assert torch.equal(found[0][1:2], alone), "it depends on its neighbours"


def test_a_choice_needs_a_batch_to_stand_for() -> None:
    assert Scaler(ScalingSettings(method="min_max"), "uint8", at_prediction="training").at_prediction == "training"
    for scaling in (ScalingSettings(), ScalingSettings(method="min_max", over="patch")):
        with pytest.raises(LulcsegError, match="no statistics of the batch to replace"):
            Scaler(scaling, "uint8", at_prediction="patch")


def test_missing_statistics_are_told() -> None:
    image, valid = raw()
    for over in ("mosaic", "training"):
        scaler = Scaler(ScalingSettings(method="min_max", over=over), "uint8")
        with pytest.raises(ValueError, match=f"statistics of the {over} are missing"):
            scaler(scaler.to_unit(image, valid), valid, over)


@pytest.mark.parametrize("group", GROUPS)
def test_constant_and_empty_patches_come_out_as_numbers(rank: Any, group: str) -> None:
    scaling = compose("train", [f"scaling={group}"]).scaling
    image = torch.full((2, 3, 16, 16), 90, dtype=torch.uint8)
    valid = torch.ones(2, 16, 16, dtype=torch.bool)
    valid[1] = False
    task = task_of(scaling)
    seen, _ = task.prepared(batch_of(image, valid), 0)
    assert torch.isfinite(seen).all()
    assert not seen[1].any()
    assert torch.isfinite(
        task.eval()(image, valid, task.scaler.limits_of(summary(90, 90)) if group != "none" else None)
    ).all()
    if group in {"batch", "patch", "percentile"}:
        assert not seen[0].any()


def test_nodata_never_counts_and_never_shows(rank: Any) -> None:
    image, valid = raw()
    floats = torch.where(valid.unsqueeze(1), image.float(), torch.nan)
    zoom = augmenting({"zoom": 1.0, "blur": 1.0})
    for source in ({"over": "batch", "at_prediction": "patch"}, {"over": "patch"}):
        task = task_of(ScalingSettings(method="standardise", range=[0.0, 255.0], **source), zoom, dtype="float32")
        seen, mask = task.prepared(batch_of(floats, valid), 0)
        assert torch.isfinite(seen).all()
        other, _ = task.prepared(batch_of(torch.where(valid.unsqueeze(1), floats, 9e9), valid), 0)
        assert torch.equal(seen, other)
        assert (mask == IGNORE).any()


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_a_range_makes_wide_types_the_same_as_bytes(rank: Any, dtype: str) -> None:
    image, valid = raw()
    light = augmenting(name="paper")
    plain = task_of(ScalingSettings(), light).prepared(batch_of(image, valid), 3)
    wide = image.to(torch.int32 if dtype == "uint16" else torch.float32) * 16
    same = task_of(ScalingSettings(range=[0.0, 4080.0]), light, dtype=dtype).prepared(batch_of(wide, valid), 3)
    for one, two in zip(plain, same, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-5)


def test_values_beyond_the_range_are_cut_everywhere() -> None:
    scaler = Scaler(ScalingSettings(method="min_max", over="mosaic", range=[50.0, 100.0]), "uint8")
    image, valid = torch.tensor([20, 50, 75, 200], dtype=torch.uint8).view(1, 1, 2, 2), torch.ones(1, 2, 2).bool()
    unit = scaler.to_unit(image, valid)
    assert unit.flatten().tolist() == [0.0, 0.0, 0.5, 1.0]
    assert torch.equal(scaler(unit, valid, "mosaic", scaler.limits_of(summary(20, 200))), unit)


def test_augmentation_of_scaled_patches_is_seen_by_the_network(rank: Any) -> None:
    """Scaled first, patches fill 0…1, and what augmentation changes after that stays changed."""
    image, valid = raw()
    scaling = ScalingSettings(method="min_max", over="patch")
    plain, changed = (
        task_of(scaling, a).prepared(batch_of(image, valid), 0)[0] for a in (None, augmenting({"multiply": 1.0}))
    )
    assert plain.amax() == 1
    assert not torch.allclose(plain, changed, atol=0.01)
    assert changed.amin() >= 0
    assert changed.amax() <= 1
    expected, _, kept = augmented(
        build_augmentation(augmenting({"multiply": 1.0}), record(patch_size=16)),  # type: ignore[arg-type]
        plain, batch_of(image, valid)["mask"], valid, [0, 0, 0, 0],
    )  # fmt: skip
    assert torch.equal(changed, torch.where(kept[:, None], expected, 0.0))


def test_scaling_after_augmentation_takes_out_what_a_range_can(rank: Any) -> None:
    """What a patch's own range takes out again is what changed before it."""
    image, valid = raw()
    multiply = augmenting({"multiply": 1.0})
    image = (image // 2).to(torch.uint8)  # no factor saturates it
    plain, changed = (task_of(ScalingSettings(), a).prepared(batch_of(image, valid), 0)[0] for a in (None, multiply))
    assert not torch.allclose(plain, changed)
    stretched = ScalingSettings(method="min_max", over="patch", before_augmentation=False)
    plain, changed = (task_of(stretched, a).prepared(batch_of(image, valid), 0)[0] for a in (None, multiply))
    torch.testing.assert_close(plain, changed, rtol=0, atol=1e-5)


def test_draws_follow_seed_epoch_step_and_rank_alone(rank: Any) -> None:
    image, valid = raw()
    batch, task = batch_of(image, valid), task_of(ScalingSettings(), augmenting(name="paper"))
    before = torch.get_rng_state()
    first = task.prepared(batch, 5)[0]
    assert torch.equal(first, task.prepared(batch, 5)[0])
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    assert torch.equal(first, task.prepared(batch, 5)[0]), "draws follow the global generator"
    assert not torch.equal(first, task.prepared(batch, 6)[0])
    for epoch, number in ((1, 0), (0, 1)):
        rank(epoch, number)
        assert not torch.equal(first, task.prepared(batch, 5)[0])


def test_autocast_changes_nothing_before_the_network(rank: Any) -> None:
    image, valid = raw()
    task = task_of(ScalingSettings(method="standardise"), augmenting(name="paper"))
    plain = task.prepared(batch_of(image, valid), 0)
    with torch.autocast("cpu", torch.bfloat16):
        half = task.prepared(batch_of(image, valid), 0)
    assert all(torch.equal(a, b) for a, b in zip(plain, half, strict=True))


def test_a_margin_is_read_around_training_patches_alone(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    corner = np.array([0, 20, 40, 64])
    rows = patch_rows(scene.name, scene.grid, corner, corner, 32)
    rows["split"] = ["train"] * 3 + ["validation"]
    plan = Plan(rows, {"scenes": {scene.name: asdict(scene.grid)}})
    plain, wide = (
        PatchData({scene.name: SceneDataset(scene)}, plan, batch_size=3, workers=0, margin=m) for m in (0, 9)
    )
    small, large = (next(iter(data.train_dataloader())) for data in (plain, wide))
    assert large["image"].shape == (3, 3, 50, 50)
    assert small["scene"].tolist() == large["scene"].tolist() == [0, 0, 0]
    assert next(iter(wide.val_dataloader()))["image"].shape[-1] == 32
    for key in ("image", "mask", "valid"):
        assert torch.equal(large[key][..., 9:-9, 9:-9], small[key]), key
    outside = ~large["valid"]
    assert outside.any(), "no patch reached beyond the imagery"
    assert (large["mask"][outside] == IGNORE).all()
    augmentation = build_augmentation(augmenting({"zoom": 1e-12}, margin=9), record(patch_size=32))
    assert augmentation is not None
    cut = augmented(augmentation, large["image"] / 255, large["mask"], large["valid"], [0])
    for found, key in zip(cut[1:], ("mask", "valid"), strict=True):
        assert torch.equal(found, small[key]), key
    assert torch.equal(cut[0], small["image"] / 255)
    assert margin_of(augmenting(name="geometry", margin=9), record()) == 9
    assert margin_of(augmenting(name="light", margin=9), record()) == 0, "nothing warps"


def test_validation_scales_as_prediction_will() -> None:
    image, valid = raw()
    task = task_of(ScalingSettings(method="min_max", at_prediction="mosaic")).eval()
    batch = batch_of(image, valid)
    task.validation_step(batch, 0)
    each = [summary(0, 100), summary(50, 250)]
    limits = [task.scaler.limits_of(each[i % 2]) for i in range(len(image))]
    alone = [task(image[i : i + 1], valid[i : i + 1], limit) for i, limit in enumerate(limits)]
    torch.testing.assert_close(task.val_loss.compute(), cross_entropy(torch.cat(alone), batch["mask"]))


def test_pixels_without_imagery_are_those_after_augmentation(rank: Any) -> None:
    image, valid = raw()
    plain, flipped = (
        task_of(ScalingSettings(method="min_max", over="patch"), augmenting(p)).prepared(batch_of(image, valid), 0)
        for p in ({}, {"horizontal_flip": 1.0})
    )
    for one, two in zip(plain, flipped, strict=True):
        assert torch.equal(one.flip(-1), two)


def test_patches_carry_their_scenes_number(make_scene: Make, cache: Path) -> None:
    scenes = {name: Scene.open(str(make_scene(name)), cache) for name in ("z", "a")}
    rows = [patch_rows(name, s.grid, np.array([0]), np.array([0]), 8) for name, s in scenes.items()]
    data = ScenesDataset({name: SceneDataset(scene) for name, scene in scenes.items()})
    for number, frame in enumerate(rows):
        left, bottom, right, top = frame.geometry[0].bounds
        place = (frame["scene"][0], (slice(left, right), slice(bottom, top)))
        assert data[place]["scene"].item() == number, "not the order that statistics are given in"
