"""Models of every scaling, trained and mapped: what their record holds, and that batches don't matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch

from lulcseg.augment.scaler import MOSAIC
from lulcseg.grid import Window
from lulcseg.launch.compose import compose
from lulcseg.mosaic import row_stream
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.mapping import map_scene
from lulcseg.mosaic.patch_reader import read_patches
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.run.fit import fit
from lulcseg.sampling.plan import Plan, patch_rows
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import merge, mosaic_statistics
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.predictor import PatchPredictor, scaled_over
from lulcseg.training.record_reading import load_checkpoint
from lulcseg.training.task import SegmentationTask
from tests.conftest import write_raster

Make = Callable[..., Path]
GROUPS = ["none", "batch", "patch", "percentile", "standardise", "mosaic"]
DEVICE = {"accelerator": "cpu", "precision": "32-true"}


def trained(
    make_scene: Make, cache: Path, folder: Path, *overrides: str, dtype: str = "uint8"
) -> tuple[Path, list[Scene]]:
    """Train a tiny model for an epoch on two scenes, the second darker, with a hole of nodata in each."""
    scenes = []
    for number, name in enumerate(("a", "b")):
        path = make_scene(name, size=(48, 64), seed=number, imagery={"files": ["image.tif"], "nodata": 0})
        with rasterio.open(path.parent / "image.tif") as source:
            image = source.read().clip(1, 255)
        image = (image.astype(float) * (16 if dtype == "uint16" else 1) / (number + 1)).clip(1).astype(dtype)
        image[:, 10:20, 30:44] = 0
        write_raster(path.parent / "image.tif", image)
        scenes.append(Scene.open(str(path), cache))
    fixed = [
        "model.filters=4", "model.depth=2", "trainer.epochs=1", "trainer.batch_size=4", "trainer.accelerator=cpu",
        "trainer.precision=32-true", "reading.workers=0", "logger=none", "sampling.patch_size=16",
    ]  # fmt: skip
    config = compose("train", [*fixed, *overrides])
    corner = np.arange(6)
    rows = [patch_rows(s.name, s.grid, corner * 5, corner * 8, 16) for s in scenes]
    for frame in rows:
        frame["split"] = ["train"] * 5 + ["validation"]
    meta = {"scenes": {s.name: asdict(s.grid) for s in scenes}, "legend": scenes[0].legend.to_plain()}
    plan = Plan(pd.concat(rows, ignore_index=True), meta)
    return fit(config, scenes, plan, folder, cache=cache).best, scenes


def reading(ahead: int) -> Callable[..., Any]:
    """Return what reads patches so far ahead, whatever is asked for."""
    return lambda reader, order, **asked: read_patches(reader, order, **asked | {"ahead": ahead})


@pytest.mark.parametrize(
    ("group", "dtype"), [*((g, "uint8") for g in GROUPS), ("mosaic", "uint16"), ("batch", "float32")]
)
def test_a_scaled_model_maps_alike_in_batches_of_any_size(
    make_scene: Make, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, dtype: str
) -> None:
    augment = ["augment=geometry", "augment.margin=4", "scaling.range=[0,255]"] if dtype == "float32" else []
    best, scenes = trained(make_scene, cache, tmp_path / "run", f"scaling={group}", *augment, dtype=dtype)
    kept, _ = load_checkpoint(best)
    stored = kept.statistics
    measured = [mosaic_statistics(s.imagery, s.cache) for s in scenes]
    if group in {"none", "patch", "percentile"}:
        assert stored is None
    else:
        assert stored == merge(measured).summary([2.0, 98.0])
        assert stored["joint"]["min"][0] > 0, "nodata was measured"
    for choice in (None, "patch", "mosaic", "training") if group == "batch" else (None,):
        task = SegmentationTask.load_from_checkpoint(best, at_prediction=choice)
        model = TrainedModel(task, best, "32-true", Devices("cpu"))
        found, files = [], []
        read_ahead = ((3, 1), (3, 99)) if group == "none" else ()
        for batch, ahead in ((3, None), (1, None), (16, None), *read_ahead):
            mosaic = MosaicSettings(name="multiple", batch_size=batch, outputs=["probabilities"])
            out = tmp_path / f"{choice}_{batch}_{ahead}.tif"
            with monkeypatch.context() as patch:
                if ahead is not None:
                    patch.setattr(row_stream, "read_patches", reading(ahead))
                map_scene(model, scenes[0], mosaic, out, label="multiple")
            layers = out.with_name(f"{out.stem}_probabilities.tif")
            with rasterio.open(layers) as opened:
                found.append(opened.read().astype(int))
            files.append((out.read_bytes(), layers.read_bytes()))
        assert all(each == files[0] for each in files[3:]), "it depends on how far is read ahead"
        assert (found[0][:, 10:20, 30:44] == 255).all()
        assert max(np.abs(f - found[0]).max() for f in found[1:]) <= 1, "it depends on the batch"


def test_each_mosaic_is_mapped_by_its_own_statistics(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    """A copy at half the brightness gets the same map by its mosaic, and another by the training mosaics."""
    best, scenes = trained(make_scene, cache, tmp_path / "run", "scaling=batch", "trainer.epochs=3", dtype="float32")
    image, valid = scenes[0].imagery.read(Window(0, 0, 48, 64))
    one, seen = torch.from_numpy(image)[None], torch.from_numpy(valid)[None]
    dark = [mosaic_statistics(scenes[0].imagery, None).summary()]
    dark.append({n: {k: [v / 2 for v in vs] for k, vs in dark[0][n].items()} for n in ("bands", "joint")})
    for choice, same in (("mosaic", True), ("training", False)):
        predictor = PatchPredictor(SegmentationTask.load_from_checkpoint(best, at_prediction=choice), **DEVICE)
        assert (scaled_over(predictor.task) == MOSAIC) == same
        logits = [predictor.of_mosaic(s)(x, seen) for s, x in zip(dark, (one, one / 2), strict=True)]
        assert torch.allclose(*logits, atol=1e-4) == same
