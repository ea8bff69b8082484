"""Two sources, of which only the second tells two classes apart: learnt, mapped, and refused where it differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run.predict import predict
from lulcseg.training.record_reading import load_checkpoint
from lulcseg.training.task import SegmentationTask
from tests.conftest import scene_maker, write_raster
from tests.support.models import record, save
from tests.support.small_runs import SMALL, run

Make = Callable[..., Path]
RGB = {"name": "rgb", "files": ["image.tif"]}
DSM = {
    "name": "dsm",
    "files": ["dsm.tif"],
    "resampling": "bilinear",
    "range": [700, 720],
    "required": False,
    "fill": 700,
}


def write_alike(make: Make, name: str, imagery: list[dict[str, Any]] | None, seed: int = 0) -> Path:
    """Write a scene whose trees have the colour of bare ground, and are 12 m high in a DSM at 2 m."""
    path = make(name, seed=seed, imagery=imagery or {"files": ["image.tif"]})
    rng = np.random.default_rng(seed)
    image = rng.normal(120, 12, (3, 96, 128)).clip(0, 255).astype(np.uint8)
    with rasterio.open(path.parent / "image.tif") as source:
        own = source.read()
    water = (own[2] > 125) & (own[0] < 90)
    write_raster(path.parent / "image.tif", np.where(water, own, image))
    heights = 702 + rng.normal(0, 0.3, (24, 32))
    heights[:12, :16] += 12
    heights[20:, 28:] = -9999
    write_raster(path.parent / "dsm.tif", heights[None].astype(np.float32), res=2.0, nodata=-9999)
    return path


def trees_found(run_dir: Path, scene: str) -> float:
    """Return the share of the trees' block that a map has as trees, less that of the bare ground."""
    with rasterio.open(run_dir / "maps" / f"{scene}_single.tif") as found:
        trees = found.read(1) == 20
    return float(trees[30:48, 10:60].mean() - trees[60:, 70:].mean())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder of scenes, and the run of a model of rgb and dsm."""
    folder = tmp_path_factory.mktemp("sources")
    path = write_alike(scene_maker(folder), "alike", [RGB, DSM])
    more = ["augment=light", "scaling=batch", f"cache={folder / 'cache'}", "logger=none"]
    return folder, run(folder / "run", f"scene={path}", *SMALL, *more)


def test_the_second_source_tells_classes_apart(trained: tuple[Path, Path]) -> None:
    folder, run_dir = trained
    assert trees_found(run_dir, "alike") > 0.9
    known, _ = load_checkpoint(run_dir / "checkpoints" / "last.ckpt")
    assert [band.name for band in known.named_bands or ()] == ["rgb.1", "rgb.2", "rgb.3", "dsm.1", "dsm.valid"]
    assert known.optical == [0, 1, 2]
    assert (known.bands, known.dtype) == (5, "float32")
    item = json.loads((run_dir / "maps" / "alike_single.json").read_text())
    assert item["properties"]["lulcseg:bands"] == ["rgb.1", "rgb.2", "rgb.3", "dsm.1", "dsm.valid"]
    alone = write_alike(scene_maker(folder), "colour", None)
    blind = run(folder / "blind", f"scene={alone}", *SMALL, f"cache={folder / 'cache'}", "logger=none")
    assert trees_found(blind, "colour") < 0.5


def test_another_scene_of_the_same_sources_is_mapped(trained: tuple[Path, Path]) -> None:
    folder, run_dir = trained
    other = write_alike(scene_maker(folder), "other", [RGB, RGB | {"name": "extra"}, DSM], seed=7)  # left aside
    checkpoint = run_dir / "checkpoints" / "last.ckpt"
    predict(
        compose("predict", [f"checkpoint={checkpoint}", f"scene={other}", f"output={folder / 'maps'}",
                            f"cache={folder / 'cache'}", "mosaic=single"])
    )  # fmt: skip
    assert trees_found(folder / "maps", "other") > 0.9


@pytest.mark.parametrize(
    ("name", "imagery", "part"),
    [
        ("order", [DSM | {"required": True, "fill": 0, "optical": True}, RGB], "lacks dsm.valid"),
        ("swapped", [RGB | {"bands": [3, 2, 1]}, DSM], "bands rgb.3, rgb.2, rgb.1, .* are in another order than the"),
        ("renamed", [RGB, DSM | {"name": "dtm"}], "it lacks dsm.1, dsm.valid of the model's bands rgb.1"),
        ("lacking", [RGB], "it lacks dsm.1, dsm.valid"),
        ("unnamed", None, "its bands have no names, those of the model are rgb.1"),
        (
            "ranged",
            [RGB, DSM | {"range": [0, 9]}],
            "its dsm.1 has the range 0 to 9, the model's has the range 700",
        ),
        ("light", [RGB, DSM | {"optical": True}], "its dsm.1 is optical, the model's is not optical"),
    ],
)
def test_other_bands_are_refused(
    trained: tuple[Path, Path], name: str, imagery: list[dict[str, Any]] | None, part: str
) -> None:
    folder, run_dir = trained
    path = write_alike(scene_maker(folder), name, imagery)
    arguments = [f"checkpoint={run_dir / 'checkpoints' / 'last.ckpt'}", f"scene={path}", f"cache={folder / 'cache'}"]
    with pytest.raises(LulcsegError, match=part) as caught:
        predict(compose("predict", [*arguments, f"output={folder / name / 'maps'}"]))
    assert "\n" not in str(caught.value)
    assert not (folder / name / "maps").exists()


def test_a_model_without_names_refuses_named_bands(tmp_path: Path, make_scene: Make) -> None:
    plain = save(SegmentationTask(record()), tmp_path / "last.ckpt")
    path = make_scene("named", imagery=[RGB])
    with pytest.raises(LulcsegError, match=r"its bands rgb.1, rgb.2, rgb.3 have names, those of the model none"):
        predict(compose("predict", [f"checkpoint={plain}", f"scene={path}", f"output={tmp_path / 'maps'}"]))


def test_heights_without_a_range_are_asked_for_before_training(make_scene: Make, cache: Path) -> None:
    path = write_alike(make_scene, "ranged", [RGB, {k: v for k, v in DSM.items() if k != "range"}])
    with pytest.raises(LulcsegError, match=r"which of the float32 values of dsm.1 become 0 and 1.*range"):
        run(path.parent / "run", f"scene={path}", *SMALL, f"cache={cache}")
    assert yaml.safe_load(path.read_text())["imagery"][1]["name"] == "dsm"
