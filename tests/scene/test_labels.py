"""Labels: class rasters that hold no classes, polygons that overlap, rasters read from the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE
from lulcseg.scene import label_burning
from lulcseg.scene.labels import uncovered_parts
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, LEFT, RES, box, write_raster

Make = Callable[..., Path]


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (np.full((2, 96, 128), 10, np.uint8), r"classes\.tif: it has 2 bands"),
        (np.full((1, 96, 128), 10.7, np.float32), r"classes\.tif: its type is float32"),
        (np.full((1, 96, 128), 266, np.int16), "outside 0…255"),
        (np.full((1, 96, 128), -10, np.int16), "outside 0…255"),
    ],
)
def test_rasters_that_hold_no_classes_are_refused(make_scene: Make, cache: Path, data: np.ndarray, part: str) -> None:
    path = make_scene(labels={"rasters": ["classes.tif"]}, points=None)
    write_raster(path.parent / "classes.tif", data)
    with pytest.raises(LulcsegError, match=part):
        scene = Scene.open(str(path), cache)
        scene.labels.read(scene.grid.window)


def test_class_rasters_of_several_types(make_scene: Make, cache: Path) -> None:
    path = make_scene(labels={"rasters": ["a.tif", "b.tif"]}, points=None)
    write_raster(path.parent / "a.tif", np.full((1, 96, 64), 10, np.uint8))
    write_raster(path.parent / "b.tif", np.full((1, 96, 64), 266, np.int16), left=LEFT + 64 * RES)
    scene = Scene.open(str(path), cache)
    with pytest.raises(LulcsegError, match="outside 0…255"):
        scene.labels.read(scene.grid.window)
    write_raster(path.parent / "b.tif", np.full((1, 96, 64), 30, np.int16), left=LEFT + 64 * RES)
    scene = Scene.open(str(path), cache)
    label = scene.labels.read(scene.grid.window)
    assert [(label[:, :64] == 0).all(), (label[:, 64:] == 2).all()] == [True, True]
    write_raster(path.parent / "b.tif", np.full((1, 96, 64), 31, np.uint8), left=LEFT + 64 * RES)
    scene = Scene.open(str(path), cache)
    with pytest.raises(LulcsegError, match=r"b\.tif: value 31 is not in the legend"):
        scene.labels.read(scene.grid.window)


@pytest.mark.parametrize(("left", "crs"), [(LEFT + 10_000, CRS), (LEFT, "EPSG:32633")])
def test_class_rasters_elsewhere(make_scene: Make, cache: Path, left: float, crs: str) -> None:
    path = make_scene(labels={"rasters": ["classes.tif"]}, points=None)
    write_raster(path.parent / "classes.tif", np.full((1, 96, 128), 10, np.uint8), left=left, crs=crs)
    with pytest.raises(LulcsegError, match="no class raster lies over the imagery"):
        Scene.open(str(path), cache).labels  # noqa: B018


@pytest.mark.parametrize(
    "crs",
    [
        "+proj=tmerc +lat_0=0 +lon_0=147 +k=0.9996 +x_0=500000 +y_0=10000000 +ellps=GRS80 +units=m +no_defs",
        "+proj=utm +zone=55 +south +datum=WGS84 +units=m",
        "EPSG:28354+5711",
        "EPSG:28354",
    ],
)
def test_cached_labels_are_read_as_they_were_burned(make_scene: Make, cache: Path, crs: str) -> None:
    path = make_scene(crs=crs, points=None)
    rng = np.random.default_rng(0)
    ponds = [box(int(r), int(c), 3, 3) for r, c in zip(rng.integers(0, 90, 60), rng.integers(0, 120, 60), strict=True)]
    gpd.GeoDataFrame({"class": ["Water"] * 60}, geometry=ponds, crs=CRS).to_file(path.parent / "labels.gpkg")
    scene = Scene.open(str(path), cache)
    label = scene.labels.read(scene.grid.window)
    with rasterio.open(scene.labels.path) as source:
        np.testing.assert_array_equal(label, source.read(1))
    assert set(np.unique(label)) == {0, 2}
    assert scene.labels._raster.warped == []


def test_overlapping_polygons_are_measured_as_they_are_burned(make_scene: Make, cache: Path) -> None:
    path = make_scene(labels={"file": "labels.gpkg", "column": "class", "uncovered": "ignore"}, points=None)
    drawn = [
        ("Trees", box(0, 0, 40, 40)),
        ("Water", box(10, 10, 8, 8)),  # inside the trees
        ("Bare", box(60, 60, 10, 10)),  # two of equal area: the later one wins
        ("Water", box(65, 65, 10, 10)),
        ("Bare", box(30, 30, 20, 20)),  # half over the trees
    ]
    frame = gpd.GeoDataFrame({"class": [c for c, _ in drawn]}, geometry=[g for _, g in drawn], crs=CRS)
    frame.to_file(path.parent / "labels.gpkg")
    scene = Scene.open(str(path), cache)
    label, features = scene.labels.read(scene.grid.window), scene.polygons()
    areas = features.groupby("class_index")["area_m2"].sum()
    assert areas.to_dict() == {i: (label == i).sum() * RES**2 for i in (0, 1, 2)}
    pixels = features.sort_values("feature")["area_m2"] / RES**2
    assert pixels.tolist() == [1600 - 64 - 100, 64, 100 - 25, 100, 400]
    first = scene.polygons()
    first["class_index"] = IGNORE
    assert scene.polygons()["class_index"].max() == 2, "a caller's change reached the scene"


def test_overlaps_led_to_ignore_are_cut_out(make_scene: Make, cache: Path) -> None:
    crosswalk = {"Trees": "Trees", "Water": "ignore", "Bare": "Bare"}
    labels = {"file": "labels.gpkg", "column": "class", "uncovered": "Bare", "crosswalk": crosswalk}
    scene = Scene.open(str(make_scene(labels=labels, points=None)), cache)
    label, areas = scene.labels.read(scene.grid.window), scene.polygons().groupby("class_index")["area_m2"].sum()
    assert areas.to_dict() == {i: (label == i).sum() * RES**2 for i in (0, 1)}


def test_uncovered_parts_equal_one_by_one_subtraction() -> None:
    rng = np.random.default_rng(3)
    centres, sizes = rng.uniform(0, 60, (80, 2)), rng.uniform(1, 20, 80)
    shapes = np.array([shapely.Point(c).buffer(s, quad_segs=3) for c, s in zip(centres, sizes, strict=True)])
    shapes[7] = shapes[20]
    order = np.argsort(-shapely.area(shapes), kind="stable")
    expected = shapes.copy()
    for place, index in enumerate(order):
        for later in order[place + 1 :]:
            expected[index] = shapely.difference(expected[index], shapes[later])
    found = uncovered_parts(shapes)
    np.testing.assert_allclose(shapely.area(found), shapely.area(expected), atol=1e-6)
    assert sum(shapely.area(found)) == pytest.approx(shapely.union_all(shapes).area)


def test_what_is_burned_is_reckoned_before_it_begins(
    make_scene: Callable[..., Path], cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_scene()
    assert Scene.open(str(path), cache).labels is not None
    assert "boundary" not in capsys.readouterr().err
    monkeypatch.setattr(label_burning, "_MANY_PIXELS", 96 * 128 - 1)
    assert Scene.open(str(path), cache / "many").labels is not None
    said = "Burning labels of 96 × 128 pixels, 0.0 to 0 GB: a boundary: in the scene file"
    assert said in capsys.readouterr().err
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=191))
    with pytest.raises(LulcsegError, match=r"of 96 × 128 pixels takes 0\.0 GB at least, and 0\.0 GB are free"):
        _ = Scene.open(str(path), cache / "full").labels
    assert not [*(cache / "full" / "labels").glob("*.tif")]
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=192))
    assert Scene.open(str(path), cache / "full").labels is not None
