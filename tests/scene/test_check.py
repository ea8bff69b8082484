"""The check of a scene: a fault of one part leaves the others standing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from lulcseg.scene.check.estimate import estimate
from lulcseg.scene.check.imagery_check import check_imagery
from lulcseg.scene.check.labels_check import check_labels
from lulcseg.scene.check.points_check import check_points
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, LEFT, RES, box, write_raster

Make = Callable[..., Path]


def test_class_outside_the_legend_is_a_remark(make_scene: Make, cache: Path) -> None:
    path = make_scene(labels={"rasters": ["c*.tif"]})
    write_raster(path.parent / "c1.tif", np.full((1, 96, 64), 10, np.uint8))
    write_raster(path.parent / "c2.tif", np.full((1, 96, 64), 77, np.uint8), left=LEFT + 64 * RES)
    scene = Scene.open(str(path), cache)
    found = check_labels(scene)
    assert any("c2.tif: value 77 is not in the legend" in remark for remark in found.remarks), found.remarks
    assert found.facts["source"] == "2 class rasters"
    assert check_points(scene).facts["scorable"] == "40"


def test_unknown_class_of_polygons_and_points_is_a_remark(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    for name in ("labels.gpkg", "points.gpkg"):
        frame = gpd.read_file(path.parent / name)
        frame.loc[0, "class"] = "Quarry"
        frame.to_file(path.parent / name)
    scene = Scene.open(str(path), cache)
    assert check_imagery(scene).facts["files"] == "1 file"
    for found in (check_labels(scene), check_points(scene)):
        assert any("'Quarry'" in remark for remark in found.remarks), found
    assert estimate(scene).facts


def test_broken_tile_is_a_remark_that_names_it(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["image.tif", "broken.tif"]})
    broken = write_raster(path.parent / "broken.tif", np.random.default_rng(0).integers(0, 255, (3, 96, 128), np.uint8),
                          left=LEFT + 128 * RES, compress="deflate")  # fmt: skip
    broken.write_bytes(broken.read_bytes()[:20_000])
    found = check_imagery(Scene.open(str(path), cache))
    assert any("broken.tif: it can't be read" in remark for remark in found.remarks), found.remarks
    assert found.facts["files"] == "2 files"


def test_gaps_count_inside_the_boundary_and_with_warped_images(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["image.tif", "b.tif"]}, labels=None, points=None)
    write_raster(path.parent / "b.tif", np.ones((3, 96, 128), np.uint8), left=LEFT + 256 * RES)
    gap = "The images leave 1 gap"
    assert any(gap in remark for remark in check_imagery(Scene.open(str(path), cache)).remarks)
    bounded = make_scene("b", imagery={"files": [str(path.parent / "image.tif"), str(path.parent / "b.tif")]},
                         boundary="area.gpkg", labels=None, points=None)  # fmt: skip
    gpd.GeoDataFrame(geometry=[box(0, 0, 96, 128)], crs=CRS).to_file(bounded.parent / "area.gpkg")
    assert not any("gap" in remark for remark in check_imagery(Scene.open(str(bounded), cache)).remarks)
    # the ground between the two, given in another CRS and reaching further north and south
    between = make_scene("w", imagery={"files": [*(str(path.parent / n) for n in ("image.tif", "b.tif")), "c.tif"]},
                         boundary="area.gpkg", labels=None, points=None)  # fmt: skip
    gpd.GeoDataFrame(geometry=[box(0, 0, 96, 384)], crs=CRS).to_file(between.parent / "area.gpkg")
    write_raster(between.parent / "c.tif", np.ones((3, 140, 180), np.uint8), left=LEFT + 100 * RES,
                 top=8_050_000.25 + 10, crs="EPSG:7855")  # fmt: skip
    scene = Scene.open(str(between), cache)
    assert len(scene.imagery.rasters.warped) == 1
    assert not any("gap" in remark for remark in check_imagery(scene).remarks)


def test_estimate_says_what_it_is_for(make_scene: Make, cache: Path) -> None:
    facts = estimate(Scene.open(str(make_scene()), cache)).facts
    assert "under 1 s on a data-centre GPU" in facts["single-pass map"]
    assert "9,635 patches × 20 epochs" in facts["training as in the paper"]
    assert not any(value.startswith("0 s") or " 0 s " in value for value in facts.values())


@pytest.mark.parametrize("column", ["klass"])
def test_missing_column_is_a_remark(make_scene: Make, cache: Path, column: str) -> None:
    labels = {"file": "labels.gpkg", "column": column, "uncovered": "Bare"}
    found = check_labels(Scene.open(str(make_scene(labels=labels)), cache))
    assert any("did you mean 'class'" in remark for remark in found.remarks)
