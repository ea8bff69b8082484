"""The interface for scripts: ``from lulcseg import …``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import lulcseg
from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run.fit import fit
from lulcseg.settings.sampling import SamplingSettings
from tests.support.checkout import ROOT
from tests.support.models import record, save


def test_a_script_draws_trains_maps_and_assesses(make_scene: Callable[..., Path], cache: Path, tmp_path: Path) -> None:
    from lulcseg import Plan, Scene, SegmentationTask, assess, draw_plan, map_scene

    config = compose("train", [
        "sampling.patch_size=16", "model.filters=4", "model.depth=1", "trainer.batch_size=4", "trainer.epochs=1",
        "trainer.accelerator=cpu", "reading.workers=0",
    ])  # fmt: skip
    scene = Scene.open(str(make_scene()), cache)
    plan = draw_plan([scene], SamplingSettings(patch_size=16, patches=8, min_valid=0.0), seed=0)
    plan.save(tmp_path / "plan.gpkg")
    best = fit(config, [scene], Plan.load(tmp_path / "plan.gpkg"), tmp_path / "run").best
    task = SegmentationTask.load_from_checkpoint(best, map_location="cpu")
    result = map_scene(task, scene, tmp_path / "maps" / "map.tif", accelerator="cpu")
    assessment = assess(result.path, scene.file.path.parent / "points.gpkg")

    assert assessment.confusion.sum() == 40
    assert result.path.is_file()
    again = map_scene(str(best), str(scene.file.path), tmp_path / "again.tif", accelerator="cpu")
    assert [area.pixels for area in again.areas] == [area.pixels for area in result.areas]


def test_a_model_that_is_no_file_cannot_be_mapped_with(make_scene: Callable[..., Path], cache: Path) -> None:
    scene = lulcseg.Scene.open(str(make_scene()), cache)
    with pytest.raises(LulcsegError, match="not loaded from a checkpoint"):
        lulcseg.map_scene(lulcseg.SegmentationTask(record()), scene, "map.tif")


def test_a_scene_that_does_not_fit_is_refused_before_anything_is_written(
    make_scene: Callable[..., Path], cache: Path, tmp_path: Path
) -> None:
    scene = lulcseg.Scene.open(str(make_scene()), cache)
    path = save(lulcseg.SegmentationTask(record(bands=4)), tmp_path / "model.ckpt")
    with pytest.raises(LulcsegError, match="its imagery has 3 bands, the model was trained on 4"):
        lulcseg.map_scene(path, scene, tmp_path / "maps" / "map.tif")
    assert not (tmp_path / "maps").exists()


def test_the_device_is_chosen_on_loading(tmp_path: Path) -> None:
    path = save(lulcseg.SegmentationTask(record()), tmp_path / "model.ckpt")
    task = lulcseg.SegmentationTask.load_from_checkpoint(path, torch.device("meta"))
    assert {parameter.device.type for parameter in task.network.parameters()} == {"meta"}
    assert not task.training


LIGHT = """
import sys
import lulcseg
assert not {"torch", "numpy", "rasterio", "hydra"} & sys.modules.keys()
assert set(lulcseg.__all__) <= set(dir(lulcseg))
try:
    lulcseg.mapscene
except AttributeError as error:
    print(error)
"""


def test_importing_the_package_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "module 'lulcseg' has no attribute 'mapscene'"


@pytest.mark.parametrize("name", lulcseg.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert getattr(lulcseg, name).__doc__
    assert name in lulcseg._MODULES
