"""One model a class through the commands: scenes of one class, their trainings, and one joined map."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio

from lulcseg import map_scene
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.launch.jobs import jobs_from
from lulcseg.run.predict import predict
from tests.conftest import scene_maker
from tests.support.small_runs import SMALL, run

JOIN = "combine=one_against_all"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scene of three classes, and models of two of them against bare ground."""
    folder = tmp_path_factory.mktemp("classes")
    scene = scene_maker(folder)("all")
    for name in ("Trees", "Water"):
        part, cache = folder / f"{name}.yaml", str(folder / "cache")
        main(["study", "class", str(scene), name, str(part), "--rest", "Bare", "--cache", cache])
        options = [*SMALL, "trainer.precision=32-true", "logger=none", f"cache={cache}", "stop_after=training"]
        run(folder / name, f"scene={part}", *options)
    return folder


def checkpoints(trained: Path) -> list[str]:
    return [str(trained / name / "checkpoints" / "best.ckpt") for name in ("Water", "Trees")]


def mapped(trained: Path, out: Path, *words: str) -> None:
    named = f"checkpoint=[{','.join(checkpoints(trained))}]"
    fixed = [f"scene={trained / 'all' / 'scene.yaml'}", f"cache={trained / 'cache'}", f"output={out}"]
    (job,) = jobs_from("predict", [named, *fixed, "accelerator=cpu", "precision=32-true", "mosaic=single", *words])
    predict(job.settings)


def test_models_of_one_class_make_one_map_that_is_scored_and_described(trained: Path, tmp_path: Path) -> None:
    mapped(trained, tmp_path / "maps", JOIN, "mosaic.outputs=[probabilities,polygons,review]")
    record = json.loads((tmp_path / "maps" / "record.json").read_text())
    (entry,) = record["maps"]
    assert entry["combine"] == "one_against_all"
    assert entry["checkpoint"] == checkpoints(trained)
    assert entry["samples"] == 2 * entry["patches"]
    path = tmp_path / "maps" / entry["path"]
    with rasterio.open(trained / "all" / "image.tif") as image, rasterio.open(path) as file:
        green, codes = image.read(2), file.read(1)
        assert file.tags()["combine"] == "one_against_all"
    assert set(np.unique(codes)) == {10, 20, 30}, "a class is missing"
    assert np.median(green[codes == 10]) > np.median(green[codes == 20]) > np.median(green[codes == 30])
    scored = json.loads((tmp_path / "maps" / "assessment" / "all_single.json").read_text())
    assert scored["kappa"] > 0.5
    report = (tmp_path / "maps" / "report.html").read_text()
    assert "One class each, joined (combine=one_against_all), by 2 models" in report
    item = pystac.Item.from_file(str(path.with_suffix(".json")))
    assert item.properties["lulcseg:checkpoint"] == checkpoints(trained)


def test_a_script_joins_them_too(trained: Path, tmp_path: Path) -> None:
    scene = str(trained / "all" / "scene.yaml")
    mapped(trained, tmp_path / "maps", JOIN)
    options = {"accelerator": "cpu", "precision": "32-true"}
    made = map_scene(checkpoints(trained), scene, tmp_path / "script.tif", combine="one_against_all", **options)
    with rasterio.open(made.path) as here, rasterio.open(tmp_path / "maps" / "maps" / "all_single.tif") as there:
        np.testing.assert_array_equal(here.read(), there.read())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "its legend .* or combine=one_against_all for models of one class each"),
        ([JOIN, "mosaic=multiple", "mosaic.outputs=[disagreement]"], "leave it out with combine=one_against_all"),
        ([JOIN, "mosaic.outputs=[review]", "mosaic.review_precision=0.9"], "leave it out with combine=one_against_all"),
    ],
)
def test_what_cannot_be_joined_is_refused_before_anything_is_written(
    trained: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    with pytest.raises(LulcsegError, match=sentence):
        mapped(trained, tmp_path / "maps", *words)
    assert not (tmp_path / "maps").exists()
