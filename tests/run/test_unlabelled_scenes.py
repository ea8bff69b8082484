"""Unlabelled scenes in a training run: checked, part of its fingerprint, and changing its patches."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run.fingerprint import train_fingerprint
from lulcseg.run.model_setup import measure_scenes, model_record, needs_statistics
from lulcseg.run.unlabelled_scenes import build_exchange, check_unlabelled
from lulcseg.scene.scene import Scene
from lulcseg.settings.config import TrainConfig
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.conftest import write_raster

Make = Callable[..., Path]


@pytest.fixture
def scenes(make_scene: Make, cache: Path) -> list[Scene]:
    """A scene to train on, and another of brighter values."""
    paths = [make_scene(name, size=(48, 64)) for name in ("trained", "other")]
    image = np.random.default_rng(1).integers(120, 250, (3, 48, 64)).astype("uint8")
    write_raster(Scene.open(str(paths[1]), cache).image_files[0].path, image)
    return [Scene.open(str(path), cache) for path in paths]


def config_of(scenes: Sequence[Scene], *more: str) -> TrainConfig:
    unlabelled = f"scenes.unlabelled=[{scenes[1].file.path}]"
    words = [f"scene={scenes[0].file.path}", unlabelled, "sampling.patch_size=16", "exchange.p=1", *more]
    return compose("train", words)


@pytest.mark.parametrize("kind", ["histogram", "fourier"])
@pytest.mark.parametrize("scaling", ["none", "mosaic"])
def test_a_step_sees_patches_of_the_other_look(scenes: list[Scene], kind: str, scaling: str) -> None:
    config = config_of(scenes, f"exchange.kind={kind}", f"scaling={scaling}", "exchange.beta=0.1")
    record = model_record(config, scenes[:1])
    check_unlabelled(config, scenes[:1], scenes[1:], record)
    measured = [each.summary(config.scaling.percentiles) for each in measure_scenes(scenes[:1])]
    image, valid = (
        torch.from_numpy(each)[None, ..., :16, :16] for each in scenes[0].imagery.read(scenes[0].grid.window)
    )
    batch = {"image": image, "valid": valid, "mask": torch.zeros_like(valid).byte(), "scene": torch.zeros(1).long()}

    def prepared(exchange: bool) -> torch.Tensor:
        task = SegmentationTask(
            record, TrainingSettings.of(config), scenes=measured if needs_statistics(config) else (),
            exchange=build_exchange(config, scenes[:1], scenes[1:], record) if exchange else None,
        )  # fmt: skip
        task.trainer = None  # type: ignore[assignment]
        return task.prepared(batch, 0)[0]

    changed, plain = prepared(True), prepared(False)
    assert torch.equal(changed, prepared(True)), "the same draws each time"
    assert not torch.equal(changed, plain)
    if scaling == "none":
        assert changed.mean() > plain.mean()


def test_a_training_mosaic_with_a_constant_band_is_named(scenes: list[Scene], cache: Path) -> None:
    path = scenes[0].image_files[0].path
    image = np.random.default_rng(1).integers(0, 90, (3, 48, 64)).astype("uint8")
    image[2] = 9
    write_raster(path, image)
    trained = [Scene.open(str(scenes[0].file.path), cache)]
    for kind in ("histogram", "fourier"):
        config = config_of(scenes, f"exchange.kind={kind}", "exchange.beta=0.1")
        said = r"trained/scene\.yaml: band 3 .* single value 9.*; leave the band out with imagery\.bands, or set"
        with pytest.raises(LulcsegError, match=said):
            check_unlabelled(config, trained, scenes[1:], model_record(config, trained))


def test_a_frequency_below_a_single_cycle_is_refused(scenes: list[Scene]) -> None:
    config = config_of(scenes, "exchange.kind=fourier")
    said = r"exchange\.beta: of patches of 16 pixels 0\.01 is less than a single cycle; set it to 0\.063 or more"
    with pytest.raises(LulcsegError, match=said):
        check_unlabelled(config, scenes[:1], scenes[1:], model_record(config, scenes[:1]))
    for beta in ("0", "0.063"):
        config = config_of(scenes, "exchange.kind=fourier", f"exchange.beta={beta}")
        check_unlabelled(config, scenes[:1], scenes[1:], model_record(config, scenes[:1]))


def test_it_is_part_of_the_fingerprint_only_where_it_is_used(scenes: list[Scene]) -> None:
    config, plain = config_of(scenes), compose("train", [f"scene={scenes[0].file.path}", "sampling.patch_size=16"])
    before = train_fingerprint(plain, scenes[:1], scenes[:1])
    assert train_fingerprint(plain, scenes[:1], scenes[:1], []) == before
    with_it = train_fingerprint(config, scenes[:1], scenes[:1], scenes[1:])
    other = train_fingerprint(config_of(scenes, "exchange.kind=fourier"), scenes[:1], scenes[:1], scenes[1:])
    assert len({before, with_it, other, train_fingerprint(config, scenes[:1], scenes[:1], scenes[:1])}) == 4


def test_what_cannot_be_used_is_refused(scenes: list[Scene], make_scene: Make, cache: Path) -> None:
    config = config_of(scenes)
    record = model_record(config, scenes[:1])

    def refused(scene: Scene, message: str, config: TrainConfig = config) -> None:
        with pytest.raises(LulcsegError, match=message):
            check_unlabelled(config, scenes[:1], [scene], record)

    refused(scenes[0], r"scene\.yaml: its mosaic is that of the training scene trained")
    flat = Scene.open(str(make_scene("flat", size=(48, 64))), cache)
    write_raster(flat.image_files[0].path, np.full((3, 48, 64), 9, "uint8"))
    refused(Scene.open(str(flat.file.path), cache), "band 1 of the mosaic has the single value 9.*scenes.unlabelled")
    copy = Scene.open(str(make_scene("copy", size=(48, 64))), cache)
    shutil.copyfile(scenes[0].image_files[0].path, copy.image_files[0].path)
    refused(Scene.open(str(copy.file.path), cache), "its values are those of the training scene trained")
    few = Scene.open(str(make_scene("few", size=(16, 32))), cache)
    refused(few, "its mosaic has imagery in 512 pixels, of at least 1,028")
    fourier = config_of(scenes, "exchange.kind=fourier", "sampling.patch_size=100")
    with pytest.raises(LulcsegError, match="no patch of 100 pixels of which half is imagery"):
        check_unlabelled(fourier, scenes[:1], scenes[1:], model_record(fourier, scenes[:1]))


def test_exchange_without_unlabelled_scenes_is_refused() -> None:
    with pytest.raises(
        LulcsegError, match=r"exchange\.p=0\.5 changes patches towards unlabelled mosaics, and there are"
    ):
        compose("train", ["exchange.p=0.5"])


def test_unlabelled_scenes_are_used_unless_told_otherwise() -> None:
    assert compose("train", ["scenes.unlabelled=[synthetic2015]"]).exchange.p == 0.5
    assert compose("train", ["scenes.unlabelled=[synthetic2015]", "exchange.p=0"]).exchange.p == 0.0
    assert compose("train", []).exchange.p == 0.0


@pytest.mark.parametrize(
    ("adapt", "said"), [("none", True), ("histogram", True), ("batch_norm", False), ("both", False)]
)
def test_batch_norm_by_domain_asks_for_statistics_at_prediction(
    scenes: list[Scene], capsys: pytest.CaptureFixture[str], adapt: str, said: bool
) -> None:
    words = ["self_training.weight=1", "self_training.batch_norm=own", f"adapt={adapt}"]
    config = config_of(scenes, *words)
    check_unlabelled(config, scenes[:1], scenes[1:], model_record(config, scenes[:1]))
    assert ("with adapt=batch_norm or both" in capsys.readouterr().out) == said
