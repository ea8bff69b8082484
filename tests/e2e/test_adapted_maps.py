"""A mosaic that is adapted to a model, through ``train.py`` and ``predict.py``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pystac
import pytest

from lulcseg.launch.compose import compose
from lulcseg.run.predict import predict
from lulcseg.training.task import SegmentationTask
from tests.support.small_runs import QUICK, run

Make = Callable[..., Path]


def test_shares_are_recorded_and_both_ways_of_adapting_are_named(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene, other = make_scene("trained", size=(96, 128)), make_scene("other", size=(96, 128), seed=4)
    options = [*QUICK, "trainer.precision=32-true", "mosaic=single", f"cache={cache}", "adapt=batch_norm"]
    folder = run(tmp_path / "run", f"scene={scene}", f"scenes.assess=[{other}]", *options)
    entry = json.loads((folder / "record.json").read_text())
    assert [each["adapted"] for each in entry["maps"]] == ["batch_norm"]
    checkpoint = folder / "checkpoints" / "best.ckpt"
    shares = SegmentationTask.load_from_checkpoint(checkpoint).record.class_shares
    assert shares == [each["pixels"] for each in entry["plan"]["prior"].values()]
    np.testing.assert_allclose(sum(shares), 1)
    words = [f"checkpoint={checkpoint}", f"scene={other}", f"cache={cache}", "mosaic=single", "adapt=both"]
    predict(compose("predict", [*words, "accelerator=cpu", "precision=32-true"]))
    names = {path.name for path in (folder / "maps").glob("*.tif")}
    assert names == {"other_single_batch_norm.tif", "other_single_histogram_batch_norm.tif"}
    item = pystac.Item.from_file(folder / "maps" / "other_single_histogram_batch_norm.json")
    assert item.properties["lulcseg:adapted"] == "histogram_batch_norm"
    assert (
        "batch norm&#39;s statistics" in (page := (folder / "report.html").read_text()) or "norm's statistics" in page
    )


@pytest.mark.slow
def test_training_takes_on_the_look_of_unlabelled_imagery(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene, other = make_scene("trained", size=(96, 128)), make_scene("other", size=(96, 128), seed=4)
    options = [*QUICK, "trainer.precision=32-true", "stop_after=training", f"cache={cache}", f"scene={scene}"]
    unlabelled = [f"scenes.unlabelled=[{other}]", "exchange.p=0.5", "exchange.kind=fourier", "exchange.beta=0.1"]
    weights = []
    for name, more in (("plain", []), ("exchanged", unlabelled), ("again", unlabelled)):
        folder = run(tmp_path / name, *options, *more)
        task = SegmentationTask.load_from_checkpoint(folder / "checkpoints" / "best.ckpt")
        weights.append(task.network.head.weight.detach().numpy())
    plain, exchanged, again = weights
    assert (exchanged == again).all(), "the same seed gives the same training"
    assert not (exchanged == plain).all()
