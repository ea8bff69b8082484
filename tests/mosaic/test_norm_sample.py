"""A mosaic that batch norm's statistics are taken of."""

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
from torch import nn
from torch.optim.swa_utils import update_bn

import lulcseg
from lulcseg.augment.band_matching import QUANTILES
from lulcseg.errors import LulcsegError
from lulcseg.mosaic import adaptation, norm_sample
from lulcseg.mosaic.adaptation import check_adaptable
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.norm_sample import draw_candidates, statistics_of_mosaic
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.batch_norm import batch_norms, check_batch_norm, take_statistics
from lulcseg.training.task import SegmentationTask
from tests.conftest import write_raster
from tests.support.models import record, save
from tests.support.mosaics import stopped_at_row

Make = Callable[..., Path]
CPU = torch.device("cpu")


def scene_of(make_scene: Make, cache: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Scene:
    """A scene of values 1 to 100 in three tones, changed, with a hole of nodata."""
    path = make_scene(name, size=(64, 96), imagery={"files": ["image.tif"], "nodata": 0})
    rng = np.random.default_rng(5)
    image = rng.gamma(4, 10, (3, 64, 96)) * np.repeat([0.3, 1.0, 1.6], 32)
    image = change(image.clip(1, 100).astype("uint8")).astype("uint8")
    image[:, 10:20, 30:44] = 0
    write_raster(path.parent / "image.tif", image)
    return Scene.open(str(path), cache)


@pytest.fixture
def scene(make_scene: Make, cache: Path) -> Scene:
    return scene_of(make_scene, cache, "target", lambda x: 2 * x)


@pytest.fixture
def model(make_scene: Make, cache: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of checkpoints of a random network, with statistics of the unchanged scene's patches."""

    trained = scene_of(make_scene, cache, "trained", lambda x: x)

    def make(seed: int = 1, **changes: Any) -> Path:
        known = {"patch_size": 16, "scenes": ["trained"], "seed": seed, "class_shares": [0.5, 0.3, 0.2]}
        known["legend"] = trained.legend.to_plain()
        known["quantiles"] = mosaic_statistics(trained.imagery, None).quantiles(QUANTILES)
        torch.manual_seed(seed)
        task = SegmentationTask(record(**known | changes)).eval()
        image, valid = (torch.from_numpy(each)[None] for each in trained.imagery.read(trained.grid.window))
        with torch.no_grad():
            task.network.head.weight *= 40
            for layer in batch_norms(task.network).values():
                layer.momentum = None
                layer.train()
            task(image, valid)
            task.eval()
            task.network.head.bias -= task(image, valid).mean((0, 2, 3))
        return save(task, tmp_path / f"model_{seed}.ckpt")

    return make


def mapped(
    models: Path | list[Path], scene: Scene, out: Path, adapt: str = "batch_norm", **settings: Any
) -> np.ndarray:
    chosen = MosaicSettings(patch_size=16, **settings)
    result = lulcseg.map_scene(models, scene, out, settings=chosen, accelerator="cpu", precision="32-true", adapt=adapt)
    with rasterio.open(result.path) as opened:
        expected = {"both": "histogram_batch_norm", "none": None}.get(adapt, adapt)
        assert opened.tags().get("adapted") == expected
        return opened.read(1)


def trained(path: Path) -> TrainedModel:
    return TrainedModel(SegmentationTask.load_from_checkpoint(path), path, "32-true")


def test_statistics_equal_those_of_pytorch_over_the_sample(
    model: Callable[..., Path], scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {}

    def draw(weights: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
        drawn["places"] = draw_by_weight(weights, number, rng)
        return drawn["places"]

    draw_by_weight = norm_sample.draw_by_weight
    monkeypatch.setattr(norm_sample, "draw_by_weight", draw)
    member = trained(model())
    before = {name: value.clone() for name, value in member.task.state_dict().items()}
    found = statistics_of_mosaic(member, scene, CPU)
    assert all(torch.equal(value, before[name]) for name, value in member.task.state_dict().items())

    with rasterio.open(scene.image_files[0].path) as opened:
        whole = opened.read()
    windows = draw_candidates(scene, 16, seed=1)
    images = [whole[:, windows[k].row :, windows[k].col :][:, :16, :16] for k in drawn["places"]]
    batches = torch.from_numpy(np.stack(images)).float().div(255).split(16)
    network = SegmentationTask.load_from_checkpoint(member.checkpoint).network  # of the last round
    update_bn(batches, network)
    expected = network.state_dict()
    assert len(found) == 3 * len(batch_norms(network)) == 30
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_statistics_are_of_patches_at_the_scale_of_the_map(
    model: Callable[..., Path], scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides: list[tuple[int, ...]] = []

    def take(predictor: Any, batches: Any) -> Any:
        kept = list(batches)
        sides.extend(image.shape[-2:] for image, _ in kept)
        return take_statistics(predictor, kept)

    monkeypatch.setattr(norm_sample, "take_statistics", take)
    own, scaled = (mapped(model(), scene, tmp_path / f"{scale}.tif", scale=scale) for scale in (1.0, 1.5))
    assert (own != scaled).mean() > 0.01
    assert [set(sides[:12]), set(sides[12:])] == [{(16, 16)}, {(24, 24)}]


def test_the_classes_of_the_sample_are_shared_as_those_of_the_training_patches(
    model: Callable[..., Path], scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    member = trained(model())
    windows = draw_candidates(scene, 16, seed=1)
    read = [scene.imagery.read(window) for window in windows]
    images, valid = (torch.from_numpy(np.stack(part)) for part in zip(*read, strict=True))
    with torch.no_grad():
        classes = member.task(images, valid).argmax(1)
    shares = np.array(
        [
            np.bincount(c[v], minlength=len(member.record.legend)) / v.sum()
            for c, v in zip(classes.numpy(), valid.numpy(), strict=True)
        ]
    )
    target = shares[shares[:, 0].argsort()[-40:]].mean(axis=0)
    assert np.abs(shares.mean(axis=0) - target).max() > 0.03
    monkeypatch.setattr(norm_sample, "ROUNDS", 1)  # by the classes that the model predicts as it is
    again = trained(model(class_shares=target.tolist()))
    statistics_of_mosaic(again, scene, CPU)
    said = capsys.readouterr().out
    assert "taken of 64 patches, drawn of 128 (effectively" in said
    found, wanted = (float(part.strip(" .\n")) for part in said.rsplit(", ", 1)[1].split(" for "))
    assert abs(found - wanted) < 0.015


def test_a_brighter_copy_gets_the_map_of_the_other(
    make_scene: Make, cache: Path, tmp_path: Path, model: Callable[..., Path], scene: Scene
) -> None:
    path, own = model(), scene_of(make_scene, cache, "own", lambda x: x)
    plain, brighter = (mapped(path, each, tmp_path / f"{each.name}_plain.tif", "none") for each in (own, scene))
    assert (plain == brighter).mean() < 0.8
    adapted, other = (mapped(path, each, tmp_path / f"{each.name}.tif") for each in (own, scene))
    assert (adapted == other).mean() > 0.95
    assert (other[10:20, 30:44] == 255).all()


@pytest.mark.parametrize("adapt", ["batch_norm", "both"])
def test_pixels_do_not_depend_on_region_or_batch(
    tmp_path: Path, model: Callable[..., Path], scene: Scene, adapt: str
) -> None:
    left, bottom, right, top = scene.grid.bounds()
    region = tmp_path / "part.gpkg"
    gpd.GeoSeries([box(left, bottom, (left + right) / 2, top)], crs=scene.grid.crs).to_file(region)
    path = model()
    whole = mapped(path, scene, tmp_path / "whole.tif", adapt)
    part = mapped(path, scene, tmp_path / "part.tif", adapt, region=str(region))
    seen = part != 255
    assert seen.sum() > 1000
    assert (part[seen] == whole[: part.shape[0], : part.shape[1]][seen]).all()
    assert (mapped(path, scene, tmp_path / "batch.tif", adapt, batch_size=3) == whole).mean() > 0.999


def test_a_resumed_map_takes_the_statistics_that_it_began_with(
    tmp_path: Path, model: Callable[..., Path], scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, taken = model(), []

    def take(*arguments: Any, **named: Any) -> Any:
        taken.append(arguments)
        return statistics_of_mosaic(*arguments, **named)

    monkeypatch.setattr(adaptation, "statistics_of_mosaic", take)
    whole = mapped(path, scene, tmp_path / "whole.tif", strip=16)
    with stopped_at_row(32):
        mapped(path, scene, tmp_path / "resumed.tif", strip=16)
    assert len(taken) == 2
    assert (mapped(path, scene, tmp_path / "resumed.tif", strip=16) == whole).all()
    assert len(taken) == 2, "statistics were taken again"


def test_each_model_of_an_ensemble_has_statistics_of_its_own(
    tmp_path: Path, model: Callable[..., Path], scene: Scene
) -> None:
    paths = [model(1), model(2)]
    members = [trained(path) for path in paths]
    found = [statistics_of_mosaic(member, scene, CPU) for member in members]
    image, valid = (torch.from_numpy(each)[None, ..., :16, :16] for each in scene.imagery.read(scene.grid.window))
    predictors = Ensemble(tuple(members), adapt="batch_norm").on(CPU, None, None, found)
    for member, statistics, predictor in zip(members, found, predictors, strict=True):
        alone = member.with_batch_norm(statistics).on(CPU)
        torch.testing.assert_close(predictor(image, valid), alone(image, valid))
    assert mapped(paths, scene, tmp_path / "two.tif").shape == (64, 96)


def test_what_cannot_be_adapted_is_refused(
    make_scene: Make, cache: Path, tmp_path: Path, model: Callable[..., Path], scene: Scene
) -> None:
    with pytest.raises(LulcsegError, match=r"classes' shares of its training patches.*train it again"):
        mapped(model(class_shares=None), scene, tmp_path / "out.tif")
    with pytest.raises(LulcsegError, match=r"scene\.yaml: its mosaic of 96 × 64 pixels has too little imagery"):
        mapped(model(patch_size=64), scene, tmp_path / "out.tif")
    with pytest.raises(LulcsegError, match="were found at 0 places"):
        check_adaptable(scene, "both", [(128, 0)])
    with pytest.raises(LulcsegError, match="its network has no batch norm"):
        check_batch_norm(nn.Conv2d(3, 3, 1), "checkpoint")
    assert not (tmp_path / "out.tif").exists()
    sparse = scene_of(make_scene, cache, "sparse", lambda x: np.where(np.arange(96) % 3 == 0, x, 0))
    with pytest.raises(LulcsegError, match="at least half of them imagery, were found at 0 places"):
        check_adaptable(sparse, "batch_norm", [(16, 0)])
