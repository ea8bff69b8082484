"""Scenes: what is read is what the files say, and bad input gets a sentence."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.enums import Resampling
from rasterio.features import rasterize
from rasterio.warp import reproject
from torch.utils.data import DataLoader
from torchgeo.datasets import stack_samples
from torchgeo.samplers import GriddedPatchSampler, RandomPatchSampler

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import IGNORE
from lulcseg.sampling.draw import draw_plan
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene
from lulcseg.settings.sampling import SamplingSettings
from tests.conftest import CRS, LEFT, LEGEND, RES, TOP, box, write_raster

Make = Callable[..., Path]


def test_imagery_equals_rasterio(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    scene = Scene.open(str(path), cache)
    with rasterio.open(path.parent / "image.tif") as source:
        whole = source.read()
    image, valid = scene.imagery.read(Window(10, 20, 30, 40))
    np.testing.assert_array_equal(image, whole[:, 10:40, 20:60])
    assert valid.all()
    image, valid = scene.imagery.read(Window(-5, 120, 10, 20))
    np.testing.assert_array_equal(image[:, 5:, :8], whole[:, :5, 120:])
    assert valid.sum() == 5 * 8
    assert image[:, ~valid].sum() == 0


def test_labels_equal_a_plain_burn_with_the_smaller_feature_on_top(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    label = scene.labels.read(scene.grid.window)
    features = gpd.read_file(scene.file.place("labels.gpkg"))
    shapes = [(features.geometry[0], 1), (features.geometry[1], 2)]
    expected = rasterize(shapes, out_shape=label.shape, transform=rasterio.Affine(*scene.grid.transform), fill=0)
    np.testing.assert_array_equal(label, expected)
    assert len(list((cache / "labels").glob("*.tif"))) == 1
    Scene.open(str(scene.file.path), cache).labels.read(scene.grid.window)
    assert len(list((cache / "labels").glob("*.tif"))) == 1, "burned twice, or left a temporary file"


def test_uncovered_ground_may_be_ignored(make_scene: Make, cache: Path) -> None:
    labels = {"file": "labels.gpkg", "column": "class", "uncovered": "ignore"}
    scene = Scene.open(str(make_scene(labels=labels)), cache)
    label = scene.labels.read(scene.grid.window)
    assert set(np.unique(label)) == {1, 2, IGNORE}
    assert set(scene.polygons()["class_index"]) == {1, 2}


def test_polygons_share_the_ground_out(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    features = scene.polygons()
    assert features["class_index"].tolist() == [1, 2, 0]
    bare = features["area_m2"][2]
    assert bare == pytest.approx((96 * 128 - 48 * 64) * RES**2)


def test_boundary_limits_grid_labels_and_validity(make_scene: Make, cache: Path) -> None:
    path = make_scene(boundary="boundary.gpkg")
    triangle = shapely.Polygon([(LEFT, TOP), (LEFT + 30, TOP), (LEFT, TOP - 30)])
    gpd.GeoDataFrame(geometry=[triangle], crs=CRS).to_file(path.parent / "boundary.gpkg")
    scene = Scene.open(str(path), cache)
    assert (scene.grid.height, scene.grid.width) == (60, 60)
    _, valid = scene.imagery.read(scene.grid.window)
    label = scene.labels.read(scene.grid.window)
    assert 0.45 < valid.mean() < 0.55
    assert ((label == IGNORE) == ~valid).all()


def test_first_image_wins_and_gaps_stay_invalid(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["one.tif", "two.tif"]}, labels=None, points=None)
    write_raster(path.parent / "one.tif", np.full((1, 20, 20), 100, np.uint8))
    write_raster(path.parent / "two.tif", np.full((1, 20, 20), 200, np.uint8), left=LEFT + 15 * RES, top=TOP - 10 * RES)
    scene = Scene.open(str(path), cache)
    image, valid = scene.imagery.read(scene.grid.window)
    assert (scene.grid.height, scene.grid.width) == (30, 35)
    assert (image[0, :20, :20] == 100).all()
    assert (image[0, 20:, 15:] == 200).all()
    assert valid.sum() == 400 + 400 - 5 * 10
    assert not valid[:10, 20:].any()


def test_nodata_and_nan_are_invalid(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["f.tif"], "nodata": -1}, labels=None, points=None)
    data = np.ones((2, 8, 8), np.float32)
    data[:, 0, 0] = -1
    data[0, 1, 1] = -1
    data[0, 2, 2] = np.nan
    write_raster(path.parent / "f.tif", data)
    image, valid = Scene.open(str(path), cache).imagery.read(Window(0, 0, 8, 8))
    assert np.argwhere(~valid).tolist() == [[0, 0], [1, 1], [2, 2]]
    assert np.isfinite(image).all()


def test_other_crs_is_warped(make_scene: Make, cache: Path) -> None:
    path = make_scene(crs="EPSG:28354", labels=None, points=None)
    scene = Scene.open(str(path), cache)
    assert scene.grid.crs == "EPSG:28354"
    image, valid = scene.imagery.read(scene.grid.window)
    with rasterio.open(path.parent / "image.tif") as source:
        expected = np.zeros_like(image)
        reproject(
            rasterio.band(source, [1, 2, 3]),
            expected,
            dst_transform=rasterio.Affine(*scene.grid.transform),
            dst_crs=scene.grid.crs,
            resampling=Resampling.cubic,
        )
    assert 0.3 < valid.mean() < 1.0
    assert np.abs(image[:, valid].astype(int) - expected[:, valid]).max() <= 1
    assert (expected[:, ~valid] > 0).mean() < 0.02
    assert scene.imagery.rasters.warped


def test_coarser_resolution_keeps_extent_and_labels(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(make_scene(resolution=1.0)), cache)
    assert (scene.grid.height, scene.grid.width) == (48, 64)
    label = scene.labels.read(scene.grid.window)
    assert (label == 1).sum() + (label == 2).sum() == 24 * 32
    image, valid = scene.imagery.read(scene.grid.window)
    assert valid.all()
    assert image[1, :20, :30].mean() > image[0, :20, :30].mean()  # trees are green


def test_class_rasters_and_their_codes(make_scene: Make, cache: Path) -> None:
    path = make_scene(labels={"rasters": ["classes.tif"]}, points=None)
    codes = np.full((1, 96, 128), 10, np.uint8)
    codes[0, :10, :10] = 30
    codes[0, 50:, 50:] = 255
    write_raster(path.parent / "classes.tif", codes)
    scene = Scene.open(str(path), cache)
    label = scene.labels.read(scene.grid.window)
    assert [(label == v).sum() for v in (0, 2, IGNORE)] == [96 * 128 - 100 - 46 * 78, 100, 46 * 78]
    features = scene.polygons()
    assert features.groupby("class_index")["area_m2"].sum().to_dict() == {0: (96 * 128 - 100 - 46 * 78) / 4, 2: 25.0}
    codes[0, 0, 0] = 77
    write_raster(path.parent / "classes.tif", codes)
    with pytest.raises(LulcsegError, match=r"classes\.tif: value 77 is not in the legend"):
        Scene.open(str(path), cache).labels.read(Window(0, 0, 8, 8))


def test_crosswalk_joins_classes(make_scene: Make, cache: Path) -> None:
    labels = {
        "file": "labels.gpkg", "column": "class", "uncovered": "Bare",
        "crosswalk": {"Trees": "Water", "Water": "ignore"},
    }  # fmt: skip
    scene = Scene.open(str(make_scene(labels=labels, points=None)), cache)
    label = scene.labels.read(scene.grid.window)
    assert set(np.unique(label)) == {0, 2, IGNORE}


def test_points_that_cannot_be_scored_say_why(make_scene: Make, cache: Path) -> None:
    path = make_scene(points={"file": "points.gpkg", "interpretable": "clear", "second": "second"})
    frame = gpd.read_file(path.parent / "points.gpkg")
    frame["clear"], frame["second"] = "yes", None
    frame.loc[0, "class"], frame.loc[1, "clear"], frame.loc[2, "second"] = None, "no", "Water"
    frame.to_file(path.parent / "points.gpkg")
    points = Scene.open(str(path), cache).points
    assert len(points) == 40
    assert points["reason"].tolist()[:3] == ["no class given", "not interpretable", ""]
    assert points["class_index"].tolist()[:2] == [-1, -1]
    assert points["second_index"][2] == 2


def test_no_label_without_imagery(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["image.tif"], "nodata": 0})
    with rasterio.open(path.parent / "image.tif", "r+") as target:
        image = target.read()
        image[:, 10:20, 30:50] = 0
        target.write(image)
    scene = Scene.open(str(path), cache)
    sample = SceneDataset(scene).read(Window(-4, 0, 40, 64))
    expected = np.zeros((40, 64), dtype=bool)
    expected[:4] = expected[14:24, 30:50] = True
    np.testing.assert_array_equal(~sample["valid"].numpy(), expected)
    np.testing.assert_array_equal(sample["mask"].numpy() == IGNORE, expected)


def test_torchgeo_samplers_walk_the_dataset(make_scene: Make, cache: Path) -> None:
    data = SceneDataset(Scene.open(str(make_scene()), cache))
    for sampler in (RandomPatchSampler(data, size=32, length=6, generator=0), GriddedPatchSampler(data, size=32)):
        batch = next(iter(DataLoader(data, batch_size=6, sampler=sampler, collate_fn=stack_samples)))
        assert batch["image"].shape == (6, 3, 32, 32)
        assert batch["mask"].shape == (6, 32, 32)
    with pytest.raises(IndexError):
        data[slice(0.0, 10.0), slice(0.0, 10.0)]


def _sum(reader: object) -> int:
    return int(reader.read(Window(0, 0, 64, 64))[0].sum())  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_other_processes_open_their_own_handles(make_scene: Make, cache: Path, method: str) -> None:
    reader = Scene.open(str(make_scene()), cache).imagery
    here = _sum(reader)  # handles are open in this process
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(_sum, [reader] * 4) == [here] * 4
    assert pickle.loads(pickle.dumps(reader)).rasters._open == {}


def _break(path: Path, key: str, value: object) -> None:
    import yaml

    content = yaml.safe_load(path.read_text())
    node = content
    *parents, leaf = key.split(".")
    for parent in parents:
        node = node[parent]
    if value is None:
        node.pop(leaf)
    else:
        node[leaf] = value
    path.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("imagery.files", ["none.tif"], "there is no file"),
        ("imagery.files", ["labels.gpkg"], "can't be read as a raster"),
        ("imagery.bands", [1, 9], "names other bands than its 3"),
        ("imagery.flies", ["x"], "did you mean 'imagery.files'"),
        ("imagry", {}, "did you mean 'imagery'"),
        ("labels.file", "none.gpkg", "there is no such file"),
        ("labels.file", "image.tif", "can't be read as a vector file"),
        ("labels.column", "klass", "did you mean 'class'"),
        ("labels.uncovered", None, r"labels\.uncovered is missing"),
        ("labels.uncovered", "Bear", "did you mean 'Bare'"),
        ("legend", LEGEND[:2], r"class 'Water' \(1 features\) is not in the legend"),
        ("points.file", "none.gpkg", "there is no such file"),
        ("points.column", "clas", "did you mean 'class'"),
        ("points.design", "random", "did you mean 'simple random'"),
        ("crs", "EPSG:4326", "not in metres"),
    ],
)
def test_bad_scene_gets_a_sentence(make_scene: Make, cache: Path, key: str, value: object, part: str) -> None:
    path = make_scene()
    _break(path, key, value)
    with pytest.raises(LulcsegError, match=part) as caught:
        scene = Scene.open(str(path), cache)
        scene.labels  # noqa: B018
        scene.points  # noqa: B018
    assert "\n" not in str(caught.value)
    assert not list(cache.glob("**/*.tif")) or key.startswith("points")


def test_polygons_elsewhere_and_files_without_crs(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    far = gpd.GeoDataFrame({"class": ["Trees"]}, geometry=[box(0, 10_000, 5, 5)], crs=CRS)
    far.to_file(path.parent / "labels.gpkg")
    with pytest.raises(LulcsegError, match="no polygon lies over the imagery"):
        Scene.open(str(path), cache).labels  # noqa: B018
    gpd.GeoDataFrame({"class": ["Trees"]}, geometry=[box(0, 0, 5, 5)]).to_file(path.parent / "labels.gpkg")
    with pytest.raises(LulcsegError, match="no coordinate reference system"):
        Scene.open(str(path), cache).labels  # noqa: B018
    write_raster(path.parent / "image.tif", np.zeros((3, 8, 8), np.uint8), crs=None)
    with pytest.raises(LulcsegError, match=r"image\.tif: it has no coordinate reference system"):
        Scene.open(str(path), cache)


def test_polygons_in_another_crs_are_warped_and_it_is_said(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    before = Scene.open(str(path), cache).labels.read(Window(0, 0, 96, 128))
    gpd.read_file(path.parent / "labels.gpkg").to_crs("EPSG:4326").to_file(path.parent / "labels.gpkg")
    scene = Scene.open(str(path), cache)
    assert (scene.labels.read(Window(0, 0, 96, 128)) == before).mean() > 0.99
    assert scene.source_features.attrs["warped_from"] == "EPSG:4326"


def test_scene_is_found_by_name_or_path(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(LulcsegError, match="did you mean 'synthetic2018'"):
        Scene.open("sinthetic2018", cache)
    with pytest.raises(LulcsegError, match="check the path"):
        Scene.open(str(tmp_path / "none.yaml"), cache)
    (tmp_path / "text.yaml").write_text("just words")
    with pytest.raises(LulcsegError, match="has no settings"):
        Scene.open(str(tmp_path / "text.yaml"), cache)


def test_a_plan_is_drawn_on_valid_and_labelled_pixels(make_scene: Make, cache: Path) -> None:
    path = make_scene(labels={"file": "labels.gpkg", "column": "class", "uncovered": "ignore"})
    with rasterio.open(path.parent / "image.tif") as source:
        image, profile = source.read(), source.profile
    image[:, ::4] = 0
    with rasterio.open(path.parent / "image.tif", "w", **profile | {"nodata": 0}) as out:
        out.write(image)
    scene = Scene.open(str(path), cache)
    plan = draw_plan([scene], SamplingSettings(patch_size=16, patches=30, min_valid=0.6), seed=0)
    rows, cols = plan.rows["row"].to_numpy(), plan.rows["col"].to_numpy()
    assert plan.rows["valid"].min() >= 0.6
    for row, col, share in zip(rows, cols, plan.rows["valid"], strict=True):
        assert share == pytest.approx(scene.imagery.read(Window(int(row), int(col), 16, 16))[1].mean())
    assert scene.labels is not None
    expected = [
        (scene.labels.read(Window(int(r), int(c), 16, 16)) != IGNORE).mean() for r, c in zip(rows, cols, strict=True)
    ]
    assert 0 < np.mean(expected) < 1
    np.testing.assert_allclose(scene.labelled_share(rows, cols, 16), expected)


def test_a_boundary_may_be_a_layer_of_several(make_scene: Callable[..., Path], cache: Path) -> None:
    path = make_scene(points=None, boundary="area.gpkg|layername=work")
    for layer, shape in (("roads", box(0, 0, 5, 5)), ("work", box(10, 20, 40, 50))):
        frame = gpd.GeoDataFrame(geometry=[shape], crs=CRS)
        frame.to_file(path.parent / "area.gpkg", layer=layer, mode="a" if layer == "work" else "w")
    grid = Scene.open(str(path), cache).grid
    assert (grid.height, grid.width) == (40, 50)
    path.write_text(path.read_text().replace("|layername=work", ""))
    with pytest.raises(LulcsegError, match="2 layers with geometries"):
        Scene.open(str(path), cache)
