"""Maps made with an exported file are those of the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import lulcseg
from lulcseg.errors import LulcsegError
from lulcseg.export.export_model import export_model
from lulcseg.export.export_source import export_source
from lulcseg.launch.compose import compose
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.run.predict import predict
from lulcseg.scene.scene import Scene
from lulcseg.settings.export import ExportSettings
from lulcseg.settings.mosaic import MosaicPass, MosaicSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.training.task import SegmentationTask
from tests.conftest import scene_maker, write_raster
from tests.support.exports import checkpoint_for

SCALING = ScalingSettings(method="percentile", over="mosaic", per_band=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("maps")


@pytest.fixture(scope="module")
def make(folder: Path) -> Callable[..., Path]:
    return scene_maker(folder)


@pytest.fixture(scope="module")
def scene(make: Callable[..., Path], folder: Path) -> Scene:
    """A scene with a hole of nodata, and not a multiple of the patch."""
    path = make("farm", size=(90, 110), imagery={"files": ["image.tif"], "nodata": 0})
    image = np.random.default_rng(5).gamma(4, 20, (3, 90, 110)).clip(1, 250).astype("uint8")
    image[:, 20:40, 30:70] = 0
    write_raster(path.parent / "image.tif", image)
    return Scene.open(str(path), folder / "cache")


@pytest.fixture(scope="module")
def files(scene: Scene, folder: Path) -> tuple[Path, Path]:
    """A checkpoint that scales by the mosaic, and its ONNX file for the scene."""
    checkpoint = checkpoint_for(scene, folder / "model.ckpt", scaling=SCALING)
    model = TrainedModel(SegmentationTask.load_from_checkpoint(checkpoint), checkpoint, "32-true", Devices("cpu"))
    (exported,) = export_model(export_source(model, ExportSettings(), scene), ["onnx"], folder / "exported")
    return checkpoint, exported


def mapped(model: Path, scene: Scene, out: Path, **settings: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the class map, and the probabilities as they are stored."""
    chosen = MosaicSettings(outputs=["probabilities"], **settings)
    result = lulcseg.map_scene(model, scene, out, settings=chosen, accelerator="cpu", precision="32-true")
    with rasterio.open(result.path) as classes, rasterio.open(out.with_name(f"{out.stem}_probabilities.tif")) as shares:
        return classes.read(1), shares.read()


def test_the_map_is_the_checkpoints(files: tuple[Path, Path], scene: Scene, tmp_path: Path) -> None:
    """Two passes, one of them turned, of patches that reach beyond the mosaic and over the hole."""
    passes = [MosaicPass(), MosaicPass(offset=[0.5, 0.5], rotations=[90])]
    (expected, wanted), (found, shares) = (
        mapped(path, scene, tmp_path / f"{path.suffix[1:]}.tif", passes=passes) for path in files
    )
    assert (found[20:40, 30:70] == 255).all()
    assert len(np.unique(expected)) == 4
    assert np.abs(shares.astype(int) - wanted.astype(int)).max() <= 1, "a stored step"
    assert (shares != wanted).mean() < 1e-3
    ordered = np.sort(wanted, axis=0)
    clear = ordered[-1] - ordered[-2] > 1
    assert (found == expected)[clear].all()


def test_a_scale_that_makes_its_patches_maps_as_the_checkpoint_does(
    files: tuple[Path, Path], scene: Scene, tmp_path: Path
) -> None:
    """Patches of 24 pixels are 32 to the network, which is what the graph takes."""
    passes = [MosaicPass(), MosaicPass(offset=[0.5, 0.5], rotations=[90])]
    (expected, wanted), (found, shares) = (
        mapped(path, scene, tmp_path / f"{path.suffix[1:]}.tif", passes=passes, patch_size=24, scale=1.33)
        for path in files
    )
    assert np.abs(shares.astype(int) - wanted.astype(int)).max() <= 1, "a stored step"
    assert (shares != wanted).mean() < 1e-3
    assert (found == expected).mean() > 0.999
    assert (mapped(files[0], scene, tmp_path / "plain.tif", passes=passes)[0] != expected).mean() > 0.02


def test_predict_takes_it(files: tuple[Path, Path], scene: Scene, tmp_path: Path, folder: Path) -> None:
    words = [f"scene={scene.file.path}", f"cache={folder / 'cache'}", "mosaic=single", "accelerator=cpu"]
    found = []
    for name, path in zip(("checkpoint", "onnx"), files, strict=True):
        own = "precision=32-true" if name == "checkpoint" else "precision=auto"
        predict(compose("predict", [*words, f"checkpoint={path}", f"output={tmp_path / name}", own]))
        with rasterio.open(tmp_path / name / "maps" / "farm_single.tif") as opened:
            found.append(opened.read(1))
    assert (found[0] == found[1]).mean() > 0.9999


REFUSED = {
    "at_prediction=training": "at_prediction can't be chosen for an exported model",
    "calibration=temperature": "calibration can't be chosen for an exported model",
    "precision=bf16-mixed": "precision can't be chosen for an exported model",
    "mosaic.patch_size=64": "it takes patches of 32 pixels, not of 64; leave mosaic.patch_size out, or export",
    "mosaic.scale=2": "mosaic.patch_size times mosaic.scale must be 32",
    "adapt=histogram": "an exported model can't be adapted to another mosaic",
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_is_fixed_in_the_file_cant_be_chosen(
    word: str, files: tuple[Path, Path], scene: Scene, folder: Path, tmp_path: Path
) -> None:
    words = [f"scene={scene.file.path}", f"cache={folder / 'cache'}", f"checkpoint={files[1]}"]
    with pytest.raises(LulcsegError) as refused:
        predict(compose("predict", [*words, f"output={tmp_path}", word]))
    assert REFUSED[word] in str(refused.value)


def test_another_scene_and_other_bands_are_refused(
    files: tuple[Path, Path], make: Callable[..., Path], folder: Path, tmp_path: Path
) -> None:
    other = Scene.open(str(make("other")), folder / "cache")
    with pytest.raises(LulcsegError, match="exported for the mosaic of farm, not of other; export the checkpoint for"):
        mapped(files[1], other, tmp_path / "map.tif")
    path = make("narrow")
    write_raster(path.parent / "image.tif", np.ones((2, 96, 128), "uint8"))
    with pytest.raises(LulcsegError, match="its imagery has 2 bands, the model was trained on 3"):
        mapped(files[1], Scene.open(str(path), folder / "cache"), tmp_path / "map.tif")


def test_checkpoints_and_exported_files_are_not_averaged(
    files: tuple[Path, Path], scene: Scene, folder: Path, tmp_path: Path
) -> None:
    named = f"checkpoint=[{files[0]},{files[1]}]"
    with pytest.raises(LulcsegError, match="exported models and checkpoints can't make a map together"):
        predict(compose("predict", [f"scene={scene.file.path}", f"cache={folder / 'cache'}", named]))


@pytest.mark.parametrize(("adapt", "name"), [("histogram", "histogram"), ("both", "histogram_batch_norm")])
def test_a_map_says_how_its_mosaic_is_adapted_inside_the_file(
    make: Callable[..., Path], folder: Path, tmp_path: Path, adapt: str, name: str
) -> None:
    """As the map by the checkpoint does: in its name, its tags, its STAC item and the record."""
    scene = Scene.open(str(make(f"adapted_{adapt}", size=(160, 160))), folder / "cache")
    checkpoint = checkpoint_for(scene, tmp_path / "model.ckpt")
    model = TrainedModel(SegmentationTask.load_from_checkpoint(checkpoint), checkpoint, "32-true", Devices("cpu"))
    source = export_source(model, ExportSettings(adapt=adapt), scene)
    (exported,) = export_model(source, ["onnx"], tmp_path / "exported")
    words = [f"scene={scene.file.path}", f"cache={folder / 'cache'}", "mosaic=single", "accelerator=cpu"]
    found = []
    for out, own in (("checkpoint", [f"checkpoint={checkpoint}", f"adapt={adapt}", "precision=32-true"]),
                     ("onnx", [f"checkpoint={exported}"])):  # fmt: skip
        predict(compose("predict", [*words, *own, f"output={tmp_path / out}"]))
        (path,) = (tmp_path / out / "maps").glob("*_single*.tif")
        with rasterio.open(path) as opened:
            tags = opened.tags()
        item = json.loads(path.with_suffix(".json").read_text())["properties"]
        (entry,) = json.loads((tmp_path / out / "record.json").read_text())["maps"]
        found.append([path.name, tags["adapted"], tags["mosaic"], item["lulcseg:adapted"], entry["adapted"]])
    assert found[0] == found[1]
    assert found[1][1] == name
