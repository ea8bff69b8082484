"""A run with anybody's network, loss, optimiser, schedule, augmentation and callback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.patches.batches import StepSchedule
from lulcseg.run.custom_parts import build_callbacks, check_parts, check_smallest_batch
from lulcseg.run.open_scenes import open_scenes
from lulcseg.run.planning import make_plan
from lulcseg.run.predict import predict
from lulcseg.run.train import train
from lulcseg.training.record_reading import load_checkpoint
from lulcseg.training.task import SegmentationTask
from tests.support.custom_parts import EpochDiary
from tests.support.models import record, save

Make = Callable[..., Path]
HERE = "tests.support.custom_parts."
SMALL = [
    "sampling.patch_size=16", "sampling.patches=8", "trainer.batch_size=4", "trainer.epochs=2",
    "trainer.accelerator=cpu", "reading.workers=0", "logger.name=none",
]  # fmt: skip


def test_a_run_with_every_part_of_somebody_else(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    run, diary, scene = tmp_path / "run", tmp_path / "diary.txt", make_scene()
    config = compose("train", [
        f"scene={scene}", f"cache={cache}", f"run_dir={run}", *SMALL,
        f"model._target_={HERE}TinyNetwork", "+model.width=5",
        f"loss._target_={HERE}FocalLoss", "+loss.gamma=1.5",
        "optim._target_=torch.optim.RMSprop", "+optim.alpha=0.9", f"optim.schedule={HERE}halving",
        f"augment._target_={HERE}Darker", "+augment.darkest=0.3",
        f"+callbacks.diary._target_={HERE}EpochDiary", f"+callbacks.diary.path={diary}",
    ])  # fmt: skip
    train(config)
    assert diary.read_text() == "0\n1\n"
    best = run / "checkpoints" / "best.ckpt"
    found, checkpoint = load_checkpoint(best)
    assert (found.model.target, found.model.arguments) == (HERE + "TinyNetwork", {"width": 5})
    assert checkpoint["state_dict"]["network.layers.0.weight"].shape == (5, 3, 3, 3)
    assert (run / "maps" / "scene_single.tif").is_file()
    again = compose("predict", [f"checkpoint={best}", f"scene={scene}", f"output={tmp_path / 'maps'}", "mosaic=single"])
    with pytest.raises(LulcsegError, match="trust_target=true"):
        predict(again)
    assert not (tmp_path / "maps").exists()


def test_code_of_a_checkpoint_is_imported_with_consent_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "stranger.py"
    module.write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
        "from tests.support.custom_parts import TinyNetwork as Net\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    model = record().model
    task = SegmentationTask(record(model=type(model)(target=HERE + "TinyNetwork")))
    task.record = record(model=type(model)(target="stranger.Net"))
    path = save(task, tmp_path / "model.ckpt")
    with pytest.raises(LulcsegError, match=r"its network is stranger\.Net, code outside lulcseg .* trust_target=true"):
        SegmentationTask.load_from_checkpoint(path)
    assert not (tmp_path / "ran").exists()
    back = SegmentationTask.load_from_checkpoint(path, trust_target=True)
    assert (tmp_path / "ran").exists()
    torch.testing.assert_close(back.network.state_dict(), task.network.state_dict())


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model._target_=no_package.Net"], r"model\._target_: 'no_package\.Net' can't be imported"),
        ([f"model._target_={HERE}TinyNetwork", "+model.widht=5"], r"TinyNetwork refuses its arguments .*'widht'"),
        ([f"loss._target_={HERE}unreduced"], "doesn't return a scalar with a gradient"),
        (["optim._target_=torch.optim.RMSprop", "+optim.alhpa=0.9"], "RMSprop refuses its arguments .*'alhpa'"),
        (["optim.schedule=no_package.rise"], r"optim\.schedule: 'no_package\.rise' can't be imported"),
        ([f"augment._target_={HERE}Darkest"], "has no 'Darkest'"),
        (["+callbacks.stop._target_=pytorch_lightning.callbacks.EarlyStoping"], "has no 'EarlyStoping'"),
        (
            ["model.norm=instance", "model.depth=5"],
            r"needs more than one pixel .* sampling\.patch_size=64 or",
        ),
    ],
)
def test_wrong_parts_are_a_sentence_before_anything_is_written(
    make_scene: Make, cache: Path, tmp_path: Path, overrides: list[str], words: str
) -> None:
    run = tmp_path / "run"
    config = compose("train", [f"scene={make_scene()}", f"cache={cache}", f"run_dir={run}", *SMALL, *overrides])
    with pytest.raises(LulcsegError, match=words):
        train(config)
    assert not run.exists()


def test_a_callback_is_one_of_lightnings() -> None:
    settings: dict[str, Any] = {"_target_": HERE + "EpochDiary", "path": "x"}
    (built,) = build_callbacks({"diary": settings})
    assert isinstance(built, EpochDiary)
    with pytest.raises(
        LulcsegError, match=r"callbacks\.odd: builtins\.dict returns dict; it must be a pytorch_lightning"
    ):
        build_callbacks({"odd": {"_target_": "builtins.dict"}})


SMP = ["model=smp", "model.encoder=resnet18"]


@pytest.mark.parametrize(
    ("model", "patches", "batch", "fails"),
    [
        ([*SMP, "model.architecture=PAN"], 16, 5, True),
        ([*SMP, "model.architecture=PAN"], 16, 6, False),
        ([*SMP, "model.architecture=DeepLabV3Plus"], 9, 4, True),
        ([*SMP, "model.architecture=Unet"], 16, 5, False),
        (["model.depth=4", "model.filters=4"], 16, 5, True),  # a single value at the bottom
        (["model.depth=3", "model.filters=4"], 16, 5, False),
        ([f"model._target_={HERE}OnlySeveral"], 16, 5, True),
        ([f"model._target_={HERE}OnlySeveral"], 16, 6, False),
        ([f"model._target_={HERE}TinyNetwork"], 16, 5, False),
    ],
)
def test_a_network_that_can_not_be_trained_on_a_single_patch_is_refused_where_an_epoch_has_one(
    model: list[str], patches: int, batch: int, fails: bool
) -> None:
    side = 64 if model[0] == "model=smp" else 16
    config = compose("train", [*model, f"sampling.patch_size={side}", f"trainer.batch_size={batch}"])
    steps, state = StepSchedule(patches, batch), torch.get_rng_state()
    if fails:
        better = steps.without_singles()
        words = rf"can't be trained on a single patch .*trainer\.batch_size={batch} leaves one alone .*; {better}"
        with pytest.raises(LulcsegError, match=words):
            check_smallest_batch(config, steps, 3, 4)
    else:
        check_smallest_batch(config, steps, 3, 4)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_last_patch_of_an_epoch_is_found_before_anything_is_written(
    make_scene: Make, cache: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    settings = [*SMALL, "model.depth=4", "model.filters=4"]
    for batch in range(2, 99):
        config = compose("train", [
            f"scene={make_scene()}", f"cache={cache}", f"run_dir={run}", *settings, "validation.fraction=0",
            f"trainer.batch_size={batch}",
        ])  # fmt: skip
        if len(make_plan(config, open_scenes([str(config.scene)], cache)).plan) % batch == 1:
            break
    with pytest.raises(LulcsegError, match="unet can't be trained on a single patch"):
        train(config)
    assert not run.exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("FixedClasses", r"the network returns \(2, 5, 16, 16\) .* logits of shape \(2, 3, 16, 16\) are needed"),
        ("FailingNetwork", r"fails on images \(2, 3, 16, 16\) \(RuntimeError: deliberate\)"),
    ],
)
def test_a_network_is_tried_before_anything_is_written(name: str, sentence: str) -> None:
    config = compose("train", [f"model._target_={HERE}{name}", "sampling.patch_size=16"])
    state = torch.get_rng_state()
    with pytest.raises(LulcsegError, match=sentence):
        check_parts(config, 3, ["a", "b", "c"])
    assert torch.equal(torch.get_rng_state(), state)


def test_a_resumed_training_may_have_frozen_random_weights() -> None:
    frozen = [*SMP, "model.freeze=first_1", "sampling.patch_size=32"]
    with pytest.raises(LulcsegError, match="would keep random weights"):
        check_parts(compose("train", frozen), 3, ["a", "b"])
    check_parts(compose("train", [*frozen, "ckpt_path=last.ckpt"]), 3, ["a", "b"])
