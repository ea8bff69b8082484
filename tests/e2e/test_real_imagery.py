"""Real imagery, where it lies beside the project; skipped elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lulcseg.grid import Window
from lulcseg.legend import IGNORE
from lulcseg.scene.check.imagery_check import check_imagery
from lulcseg.scene.check.labels_check import check_labels
from lulcseg.scene.check.points_check import check_points
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene
from tests.support.checkout import ROOT
from tests.support.plans import drawn

DATA = ROOT.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real imagery is not beside the project")


def legend(**codes: int) -> list[dict[str, Any]]:
    return [{"code": code, "name": name, "colour": "#808080"} for name, code in codes.items()]


def open_scene(tmp_path: Path, **content: Any) -> Scene:
    path = tmp_path / "scene.yaml"
    path.write_text(yaml.safe_dump(content))
    return Scene.open(str(path), tmp_path / "cache")


def test_polygons_and_points_agree_with_the_class_raster(tmp_path: Path) -> None:
    classes = legend(Building=0, Land=1, Road=2, Vegetation=3, Water=4)
    image = {"files": [str(DATA / "dubai" / "tile6.tif")]}
    labels = {"file": str(DATA / "dubai" / "tile6_polygons.gpkg"), "column": "class", "uncovered": "ignore"}
    points = {"file": str(DATA / "dubai" / "tile6_points.gpkg"), "design": "simple random"}
    burned = open_scene(tmp_path, imagery=image, labels=labels, points=points, legend=classes)
    rasters = {"rasters": [str(DATA / "dubai" / "tile6_classes.tif")]}
    traced = open_scene(tmp_path, imagery=image, labels=rasters, legend=classes)
    window = Window(0, 0, 1024, 1024)
    one, two = burned.labels.read(window), traced.labels.read(window)
    both = (one != IGNORE) & (two != IGNORE)
    assert (one == two)[both].mean() > 0.99  # the polygons are a little simplified
    assert check_points(burned).facts["scorable"] == "1,996"
    areas = [f.groupby("class_index")["area_m2"].sum() for f in (burned.polygons(), traced.polygons())]
    np.testing.assert_allclose(areas[0], areas[1], rtol=0.01)


def test_text_class_column_uncovered_ground_and_small_images(tmp_path: Path) -> None:
    crosswalk = {"1": "Forest", "2": "Water", "3": "Road", "4": "Building", "255": "Railway"}
    scene = open_scene(
        tmp_path,
        imagery={"files": [str(DATA / "new_brunswick" / "*of2.tif")]},
        labels={
            "file": str(DATA / "new_brunswick" / "BakerLake_2017_clipped.gpkg"),
            "column": "Quatreclasses",
            "uncovered": "Background",
            "crosswalk": crosswalk,
        },
        legend=legend(Background=0, Forest=1, Water=2, Road=3, Building=4, Railway=5),
    )
    assert len(scene.imagery.rasters.warped) == 1
    found = check_labels(scene)
    assert {row["class"]: row["features"] for row in found.table}["Background"] == 1
    assert any("warped" in remark for remark in check_imagery(scene).remarks)
    plan = drawn(scene, patch_size=128, patches=40, seed=0)
    sample = SceneDataset(scene)[slice(*plan.rows.geometry[0].bounds[::2]), slice(*plan.rows.geometry[0].bounds[1::2])]
    assert sample["image"].shape == (3, 128, 128)
    assert sample["mask"][~sample["valid"]].unique().tolist() in ([], [IGNORE])


def test_four_bands_many_files_and_odd_codes(tmp_path: Path) -> None:
    scene = open_scene(
        tmp_path,
        # the fourth band is declared as alpha and holds 255 everywhere
        imagery={"files": [str(DATA / "korea" / "images" / "202309*.tif")], "bands": [1, 2, 3, 4]},
        labels={"rasters": [str(DATA / "korea" / "labels" / "202309*.tif")]},
        legend=legend(Building=10, Road=30, Field=50, Forest=70, Other=100),
    )
    assert scene.bands == 4
    assert any("Band 4 is 255" in remark for remark in check_imagery(scene).remarks)
    assert len(scene.image_files) == 20
    features = scene.polygons()
    assert features["area_m2"].sum() == pytest.approx(scene.ground.area), "ground where files overlap counts twice"
    plan = drawn(scene, patch_size=256, patches=50, totals="exact", seed=0)
    shares = scene.imagery.valid_share(plan.rows["row"].to_numpy(), plan.rows["col"].to_numpy(), 256)
    assert (shares > 0.2).all()
