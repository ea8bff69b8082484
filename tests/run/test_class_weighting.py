"""Runs with class weights: of the plan's pixels, said, recorded, kept, shared by a resumed training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.launch.compose import compose
from lulcseg.legend import IGNORE
from lulcseg.run.train import train
from lulcseg.sampling.plan import Plan
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene
from lulcseg.training.checkpoints import check_resumable
from lulcseg.training.model_record import KEY, TRAINING, WEIGHTS
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.support.models import record

Make = Callable[..., Path]
SMALL = [
    "sampling.patch_size=16", "sampling.patches=12", "trainer.batch_size=4", "trainer.epochs=1", "model.filters=4",
    "model.depth=2", "trainer.accelerator=cpu", "trainer.precision=32-true", "reading.workers=0", "logger.name=none",
    "stop_after=training", "optim.schedule=constant",
]  # fmt: skip


def counted(run: Path, scene: Path, cache: Path) -> np.ndarray[Any, Any]:
    """Return the labelled pixels of each class in each training patch as training reads it, (n, K)."""
    opened = Scene.open(str(scene), cache)
    dataset, rows = SceneDataset(opened), Plan.load(run / "plan.gpkg").rows
    patches = [dataset.read(Window(r.row, r.col, r.size, r.size)) for r in rows.itertuples() if r.split == "train"]
    masks = [patch["mask"].numpy() for patch in patches]
    return np.array([[(mask == k).sum() for k in range(len(opened.legend))] for mask in masks])


@pytest.mark.parametrize("method", ["inverse", "median_frequency"])
def test_weights_are_those_of_the_plans_pixels(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    scene, run = make_scene(), tmp_path / "run"
    options = [f"scene={scene}", f"cache={cache}", *SMALL, f"loss.class_weights={method}"]
    train(compose("train", [*options, f"run_dir={run}"]))
    pixels = counted(run, scene, cache)
    totals = pixels.sum(axis=0)
    if method == "inverse":
        frequency = totals / totals.sum()
    else:
        frequency = totals / [pixels[pixels[:, k] > 0].sum() for k in range(pixels.shape[1])]
    expected = (1 / frequency) / ((1 / frequency) @ totals / totals.sum())
    weights = json.loads((run / "record.json").read_text())["class_weights"]
    assert list(weights) == Scene.open(str(scene), cache).legend.names
    np.testing.assert_allclose(list(weights.values()), expected, rtol=1e-9)
    assert len(set(weights.values())) == len(weights), "classes are equally frequent: nothing is tried"
    assert capsys.readouterr().out.count("Class weights: ") == 1
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint[WEIGHTS] == list(weights.values())
    assert checkpoint[TRAINING]["loss.class_weights"] == method
    assert not any(key.startswith("loss") for key in checkpoint["state_dict"])

    last = run / "checkpoints" / "last.ckpt"
    more = [*options, "trainer.epochs=2", f"ckpt_path={last}"]
    train(compose("train", [*more, f"run_dir={tmp_path / 'more'}"]))
    other = compose("train", [*more, f"run_dir={tmp_path / 'other'}", "loss.class_weights=effective_number"])
    with pytest.raises(LulcsegError, match=r"another loss\.class_weights"):
        train(other)
    assert not (tmp_path / "other").exists()


def test_a_run_without_weights_has_none(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    train(compose("train", [f"scene={make_scene()}", f"cache={cache}", f"run_dir={tmp_path / 'run'}", *SMALL]))
    assert json.loads((tmp_path / "run" / "record.json").read_text())["class_weights"] is None
    checkpoint = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert WEIGHTS not in checkpoint
    del checkpoint[TRAINING]["loss.class_weights"], checkpoint[TRAINING]["loss.focal_gamma"]  # of an earlier version
    torch.save(checkpoint, tmp_path / "earlier.ckpt")
    check_resumable(tmp_path / "earlier.ckpt", TrainingSettings.of(compose("train", [*SMALL, "trainer.epochs=2"])))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["loss.class_weights={Treees: 2}"], r"loss\.class_weights: the legend has no class 'Treees'; did you mean"),
        (["loss.class_weights=[1,2]"], r"loss\.class_weights: 2 weights for \d classes"),
        (["loss._target_=torch.nn.CrossEntropyLoss", "+loss.ignore_index=255", "loss.class_weights=inverse"],
         r"CrossEntropyLoss takes no class_weights"),
    ],
)  # fmt: skip
def test_wrong_weights_are_a_sentence_before_anything_is_written(
    make_scene: Make, cache: Path, tmp_path: Path, overrides: list[str], words: str
) -> None:
    run = tmp_path / "run"
    config = compose("train", [f"scene={make_scene()}", f"cache={cache}", f"run_dir={run}", *SMALL, *overrides])
    with pytest.raises(LulcsegError, match=words):
        train(config)
    assert not run.exists()


def test_a_resumed_training_shares_the_weights_themselves() -> None:
    """Labels may have changed under the same plan and the same settings."""
    settings = TrainingSettings(loss=compose("train", ["loss.class_weights=inverse"]).loss)
    tasks = [SegmentationTask(record(), settings, class_weights=[w] + [1.0] * 8) for w in (0.5, 0.5, 0.6)]
    checkpoint: dict[str, Any] = {}
    tasks[0].on_save_checkpoint(checkpoint)
    assert KEY in checkpoint
    tasks[1].on_load_checkpoint(checkpoint)
    with pytest.raises(LulcsegError, match="another class weights"):
        tasks[2].on_load_checkpoint(checkpoint)
    with pytest.raises(ValueError, match="needs class_weights"):
        SegmentationTask(record(), settings)
    with pytest.raises(ValueError, match="2 values, the legend 9"):
        SegmentationTask(record(), settings, class_weights=[1.0, 2.0])
    assert SegmentationTask(record(), class_weights=[1.0] * 9).class_weights is None, "not asked for"


def test_weights_act_in_training_and_validation() -> None:
    weights = [0.0, 3.0] + [1.0] * 7
    settings = TrainingSettings(loss=compose("train", [f"loss.class_weights={weights}"]).loss)
    logits, labels = torch.zeros(1, 9, 2, 2), torch.tensor([[[0, 1], [1, IGNORE]]], dtype=torch.uint8)
    total, pixels = SegmentationTask(record(), settings, class_weights=weights).loss(logits, labels)
    assert pixels == 3
    assert total.item() == pytest.approx(6 * np.log(9))
