"""A mosaic of another sensor, matched to the one that a model was trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import torch
from shapely.geometry import box

import lulcseg
from lulcseg.augment.band_matching import QUANTILES
from lulcseg.errors import LulcsegError
from lulcseg.mosaic.adaptation import Adaptation, check_adaptable
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.training.task import SegmentationTask
from tests.conftest import write_raster
from tests.support.models import record, save

Make = Callable[..., Path]


def scene_of(make_scene: Make, cache: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Scene:
    """A scene of values 1 to 100, changed, with a hole of nodata."""
    path = make_scene(name, size=(48, 64), imagery={"files": ["image.tif"], "nodata": 0})
    rng = np.random.default_rng(5)
    image = change(rng.gamma(4, 10, (3, 48, 64)).clip(1, 100).astype("uint8")).astype("uint8")
    image[:, 10:20, 30:44] = 0
    write_raster(path.parent / "image.tif", image)
    return Scene.open(str(path), cache)


def mapped(model: Path, scene: Scene, out: Path, adapt: str = "none", **settings: Any) -> np.ndarray:
    chosen = MosaicSettings(patch_size=16, outputs=["confidence"], **settings)
    result = lulcseg.map_scene(model, scene, out, settings=chosen, accelerator="cpu", precision="32-true", adapt=adapt)
    with rasterio.open(result.path) as opened:
        assert (opened.tags().get("adapted") == "histogram") == (adapt != "none" and scene.name != "own")
        return opened.read(1)


@pytest.fixture
def model(make_scene: Make, cache: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of checkpoints of a random network that was trained on the unchanged scene."""

    def make(**changes: Any) -> Path:
        scene = scene_of(make_scene, cache, "trained", lambda x: x)
        measured = mosaic_statistics(scene.imagery, None)
        known = {"quantiles": measured.quantiles(QUANTILES), "statistics": measured.summary(), "patch_size": 16}
        known |= {"legend": scene.legend.to_plain(), "scenes": ["trained"]}
        torch.manual_seed(1)
        task = SegmentationTask(record(**known | changes)).eval()
        image, valid = (torch.from_numpy(each)[None] for each in scene.imagery.read(scene.grid.window))
        with torch.no_grad():  # classes that differ from pixel to pixel
            task.network.head.weight *= 40
            limits = None if task.scaler.method == "none" else task.scaler.limits_of(measured.summary())
            task.network.head.bias -= task(image, valid, limits).mean((0, 2, 3))
        return save(task, tmp_path / "model.ckpt")

    return make


SCALINGS = {
    "none": ScalingSettings(),
    "mosaic": ScalingSettings(method="percentile", over="mosaic", per_band=True),
    "patch": ScalingSettings(method="min_max", over="patch"),
}


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_brighter_copy_gets_the_map_of_the_mosaic_trained_on(
    make_scene: Make, cache: Path, tmp_path: Path, model: Callable[..., Path], scaling: str
) -> None:
    path = model(scaling=SCALINGS[scaling])
    own = scene_of(make_scene, cache, "own", lambda x: x)
    brighter = scene_of(make_scene, cache, "brighter", lambda x: 2 * x + 30)
    expected = mapped(path, own, tmp_path / "own.tif")
    assert len(np.unique(expected)) > 2
    found = mapped(path, brighter, tmp_path / "adapted.tif", "histogram")
    assert (found == expected).mean() > 0.995
    assert (found[10:20, 30:44] == 255).all()
    if scaling == "none":
        assert (mapped(path, brighter, tmp_path / "plain.tif") == expected).mean() < 0.9


def test_a_scene_trained_on_is_left_as_it_is(
    make_scene: Make, cache: Path, tmp_path: Path, model: Callable[..., Path]
) -> None:
    path, own = model(scenes=["own"]), scene_of(make_scene, cache, "own", lambda x: x)
    plain, adapted = mapped(path, own, tmp_path / "a.tif"), mapped(path, own, tmp_path / "b.tif", "histogram")
    assert (plain == adapted).all()


def test_a_part_is_adapted_as_the_whole(
    make_scene: Make, cache: Path, tmp_path: Path, model: Callable[..., Path]
) -> None:
    path, scene = model(), scene_of(make_scene, cache, "brighter", lambda x: 2 * x + 30)
    left, bottom, right, top = scene.grid.bounds()
    region = tmp_path / "part.gpkg"
    gpd.GeoSeries([box(left, bottom, (left + right) / 2, top)], crs=scene.grid.crs).to_file(region)
    whole = mapped(path, scene, tmp_path / "whole.tif", "histogram")
    part = mapped(path, scene, tmp_path / "part.tif", "histogram", region=str(region))
    seen = part != 255
    assert seen.sum() > 500
    assert (part[seen] == whole[: part.shape[0], : part.shape[1]][seen]).all()


def test_a_model_that_does_not_know_what_it_was_trained_on_is_refused(
    make_scene: Make, cache: Path, tmp_path: Path, model: Callable[..., Path]
) -> None:
    scene = scene_of(make_scene, cache, "brighter", lambda x: 2 * x + 30)
    with pytest.raises(LulcsegError, match="doesn't hold the values it was trained on; set adapt=none"):
        mapped(model(quantiles=None), scene, tmp_path / "out.tif", "histogram")
    assert not (tmp_path / "out.tif").exists()


def test_a_mosaic_of_one_value_is_refused(make_scene: Make, cache: Path) -> None:
    flat = scene_of(make_scene, cache, "flat", lambda x: np.full_like(x, 77))
    band = scene_of(make_scene, cache, "band", lambda x: np.concatenate([np.full_like(x[:1], 77), x[1:]]))
    for adapt in ("histogram", "batch_norm", "both"):
        with pytest.raises(LulcsegError, match=r"scene\.yaml: its mosaic has a single colour"):
            check_adaptable(flat, adapt, [(16, 0)])
    check_adaptable(flat, "none", [(16, 0)])
    with pytest.raises(LulcsegError, match=r"scene\.yaml: band 1 of the mosaic has the single value 77"):
        check_adaptable(band, "histogram", [])


@pytest.mark.parametrize("columns", [0, 4])
def test_a_mosaic_of_hardly_any_imagery_is_refused(make_scene: Make, cache: Path, columns: int) -> None:
    sparse = scene_of(make_scene, cache, "sparse", lambda x: np.where(np.arange(64) < columns, x, 0))
    for adapt in ("histogram", "batch_norm"):
        with pytest.raises(LulcsegError, match=rf"imagery in {columns * 48} pixels, of at least 1,028"):
            check_adaptable(sparse, adapt, [(16, 0)])


def test_kept_statistics_that_were_damaged_are_not_used(tmp_path: Path) -> None:
    by_norm = Adaptation("batch_norm", by_batch_norm=True)
    kept = tmp_path / "batch_norm.pt"
    torch.save([{"norm.running_mean": torch.arange(64.0)}], kept)
    assert torch.equal(by_norm.batch_norm(tmp_path)[0]["norm.running_mean"], torch.arange(64.0))
    content = kept.read_bytes()
    at = content.index(torch.arange(64.0).numpy().tobytes())
    kept.write_bytes(content[:at] + b"\x01" + content[at + 1 :])
    with pytest.raises(LulcsegError, match="can't be read"):
        by_norm.batch_norm(tmp_path)
