"""What a fingerprint depends on, and what not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run import fingerprint as module
from lulcseg.run.fingerprint import differing, fingerprint_of
from lulcseg.run.fingerprinted_settings import fingerprinted_settings
from lulcseg.scene.scene import Scene
from lulcseg.scene.scene_state import scene_state
from tests.conftest import write_raster

Make = Callable[..., Path]


def of(scene: Path, *overrides: str, program: str = "train") -> str:
    module._opened.cache_clear()  # a later process sees the files anew
    return fingerprint_of(compose(program, [f"scene={scene}", f"cache={scene.parent}/cache", *overrides]))


def test_settings_that_change_no_result_do_not_count(make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene()
    first = of(scene)
    for override in (
        "run_dir=elsewhere", "name=other", f"cache={tmp_path}/other", "logger=none", "reading.workers=3",
        "reading.decoded=true", "mosaic.workers=2", "mosaic.strip=64", f"scenes.train=[{scene}]",
    ):  # fmt: skip
        assert of(scene, override) == first, override
    trial = ["+trial.name=t", "+trial.value=v", "trial.title=T", "trial.changed=redo"]
    assert of(scene, *(o.lstrip("+") for o in trial)) == first


def test_whatever_changes_a_result_counts(make_scene: Make) -> None:
    scene = make_scene()
    changes = [
        "seed=1", "sampling.seed=1", "sampling.patches=9", "trainer.epochs=3", "trainer.micro_batch=2",
        "model.filters=8", "mosaic=multiple", "mosaic.patch_size=64", "assess.labels=false", "augment=light",
        "augment.p.blur=0.5", "scaling=batch", "validation.fraction=0.1", "stop_after=training",
        "trainer.precision=32-true", "loss.class_weights=inverse", "loss.class_weights={Trees: 2}",
        f"scenes.assess=[{scene},{make_scene('other', seed=3)}]",
    ]  # fmt: skip
    found = [of(scene), *(of(scene, change) for change in changes)]
    assert len(set(found)) == len(found)


def test_sources_count_by_which_are_used_and_how(make_scene: Make) -> None:
    rgb, dsm = {"name": "rgb", "files": ["image.tif"]}, {"name": "dsm", "files": ["dsm.tif"], "range": [0, 9]}
    path = make_scene(imagery=[rgb, dsm])
    write_raster(path.parent / "dsm.tif", np.ones((1, 96, 128), np.float32))
    content = yaml.safe_load(path.read_text())
    found = [of(path), of(path, "scenes.sources=[rgb]"), of(path, "scenes.sources=[dsm,rgb]")]
    assert found[0] == found[2] != found[1]
    for changed in ({"range": [0, 8]}, {"name": "dtm"}, {"optical": True}):
        path.write_text(yaml.safe_dump(content | {"imagery": [rgb, dsm | changed]}))
        found.append(of(path))
    assert len(set(found)) == 5


def test_scenes_count_by_what_they_hold(make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene()
    first = of(scene)
    (tmp_path / "moved").mkdir()
    scene.parent.rename(tmp_path / "moved" / "scene")
    scene = tmp_path / "moved" / "scene" / "scene.yaml"
    assert of(scene) == first, "the folder counts"

    points = scene.parent / "points.gpkg"
    status = points.stat()
    os.utime(points, ns=(0, 0))
    assert of(scene) == first, "polygons and points count by their time"
    content = points.read_bytes()
    points.write_bytes(content.replace(b"Trees", b"Water", 1))
    os.utime(points, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert of(scene) != first, "changed points count as the same"
    points.write_bytes(content)
    assert of(scene) == first

    image = scene.parent / "image.tif"
    status = image.stat()
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert of(scene) != first, "a changed image counts as the same"
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert of(scene) == first

    spec = yaml.safe_load(scene.read_text())
    spec["labels"]["uncovered"] = "ignore"
    scene.write_text(yaml.safe_dump(spec))
    assert of(scene) != first


@pytest.mark.parametrize("key", ["strata_sizes", "strata_map"])
def test_strata_count_by_their_content_and_only_where_there_are_any(make_scene: Make, key: str) -> None:
    assert "strata" not in scene_state(Scene.open(str(make_scene("plain"))))
    scene = make_scene(points={"file": "points.gpkg", key: "strata"})
    strata = scene.parent / "strata"
    strata.write_text("stratum,hectares\nBare,3\n")
    first = of(scene)
    os.utime(strata, ns=(0, 0))
    assert of(scene) == first
    strata.write_text("stratum,hectares\nBare,4\n")
    assert of(scene) != first


def test_a_prediction_counts_its_checkpoint_by_content(make_scene: Make, tmp_path: Path) -> None:
    scene, checkpoint, copy = make_scene(), tmp_path / "best.ckpt", tmp_path / "copy.ckpt"
    checkpoint.write_bytes(b"weights")
    copy.write_bytes(b"weights")

    def made(path: Path, *overrides: str) -> str:
        return of(scene, f"checkpoint={path}", *overrides, program="predict")

    first = made(checkpoint)
    assert made(copy) == made(checkpoint, "output=elsewhere") == first
    copy.write_bytes(b"others")
    assert len({first, made(copy), made(checkpoint, "mosaic=single"), made(checkpoint, "warp=true")}) == 4
    with pytest.raises(LulcsegError, match="can't be read"):
        made(tmp_path / "missing.ckpt")


def test_a_plan_handed_in_counts_by_content(make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene()
    for name in ("plan.gpkg", "plan.json", "same.gpkg", "same.json"):
        (tmp_path / name).write_bytes(name.split(".")[1].encode())
    first = of(scene, f"sampling.plan={tmp_path}/plan.gpkg")
    assert of(scene, f"sampling.plan={tmp_path}/same.gpkg") == first != of(scene)
    (tmp_path / "same.json").write_bytes(b"edited")
    assert of(scene, f"sampling.plan={tmp_path}/same.gpkg") != first


def test_versions_differ(make_scene: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_scene()
    first = of(scene)
    monkeypatch.setattr(module, "__version__", "9.9")
    assert of(scene) != first


def test_what_differs_is_named() -> None:
    config = compose("train", ["scene=any", "trainer.epochs=7", "logger=none"])
    other = {"trainer": {"epochs": 8}, "run_dir": "x"}
    assert "trainer.epochs" in differing(config, other)
    assert "trainer.batch_size" in differing(config, other)
    assert not {"run_dir", "logger.name", "name", "scene"} & set(differing(config, other))


def test_class_rasters_count_wherever_they_lie(make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene()
    with rasterio.open(scene.parent / "image.tif") as image:
        shape = image.shape
    (tmp_path / "elsewhere").mkdir()
    classes = write_raster(tmp_path / "elsewhere" / "classes.tif", np.full((1, *shape), 10, dtype=np.uint8))
    spec = yaml.safe_load(scene.read_text())
    spec["labels"] = {"rasters": [str(classes)]}
    scene.write_text(yaml.safe_dump(spec))
    first = of(scene)
    status = classes.stat()
    os.utime(classes, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert of(scene) != first, "a changed class raster counts as the same"


def test_a_preset_counts_as_earlier_versions_counted_it(monkeypatch: pytest.MonkeyPatch) -> None:
    config = compose("train", ["augment=paper", "augment.p.clouds=0", "mosaic=multiple"])
    counted = fingerprinted_settings(config)
    assert config.augment.p.blur is not None
    assert config.mosaic.weight == "cone"
    assert (counted["augment.p.blur"], counted["augment.p.clouds"]) == (None, 0.0)
    assert (counted["mosaic.passes"], counted["mosaic.weight"]) == ([], None)
    assert not [key for key in counted if key.endswith(".target") or ".strengths." in key]
    monkeypatch.setattr("lulcseg.run.fingerprinted_settings._EARLIER", {})  # a preset that was changed since
    counted = fingerprinted_settings(config)
    assert (counted["augment.p.blur"], counted["mosaic.weight"]) == (config.augment.p.blur, "cone")


def test_a_setting_added_since_counts_once_it_is_set() -> None:
    counted = fingerprinted_settings(compose("train"))
    new = {"model.freeze", "model.encoder_mean", "model.encoder_deviation", "optim.encoder_rate"}
    assert not new & set(counted)
    assert fingerprinted_settings(compose("train", ["model.freeze=first_2"]))["model.freeze"] == "first_2"
    assert differing(compose("train"), {"model": {}}) == differing(compose("train"), {"model": {"freeze": "none"}})


def test_the_papers_runs_count_as_before_ground_was_held_out_by_default() -> None:
    paper, default = (fingerprinted_settings(compose("train", more)) for more in (["+experiment=batch10"], []))
    assert (paper["validation.fraction"], paper["validation.block"]) == (0.0, 2048)
    assert default["validation.fraction"] is None
    assert not {"trainer.monitor", "trainer.patience", "trainer.ema"} & {*paper, *default}
    earlier = {"validation": {"fraction": 0.0, "block": 2048}}
    assert "validation.fraction" in differing(compose("train"), earlier), "the reason is not said"
    assert "validation.fraction" not in differing(compose("train", ["+experiment=batch10"]), earlier)
