import dataclasses
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.windows import Window as RioWindow
from torch.utils.data import DataLoader
from torchgeo.datasets import RasterDataset, stack_samples

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.sampling.plan import Plan, patch_rows, stack_rows
from lulcseg.sampling.torchgeo_samplers import PlanSampler, ScenesSampler

GRID = Grid("EPSG:28355", left=300_000.75, top=8_050_000.25, xres=0.5, yres=0.5, height=90, width=130)


def rows_of(n, scene="here", grid=GRID, size=16, seed=0):
    rng = np.random.default_rng(seed)
    return patch_rows(scene, grid, rng.integers(0, grid.height - size, n), rng.integers(0, grid.width - size, n), size)


def plan_of(rows, **grids):
    return Plan(rows, {"scenes": {name: dataclasses.asdict(grid) for name, grid in grids.items()}})


def ground(grid):
    """What a sampler looks at of a dataset."""
    index = gpd.GeoDataFrame(geometry=[shapely.box(*grid.bounds())], crs=grid.crs)
    return SimpleNamespace(index=index, res=(grid.xres, grid.yres))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 255, (3, GRID.height, GRID.width), dtype=np.uint8)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, image):
    path = tmp_path_factory.mktemp("raster") / "here.tif"
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": GRID.height, "width": GRID.width}
    transform = rasterio.Affine(*GRID.transform)
    with rasterio.open(path, "w", crs=GRID.crs, transform=transform, **profile) as target:
        target.write(image)
    return RasterDataset(path)


def test_walks_a_torchgeo_dataset(dataset, image):
    rows = rows_of(12)
    sampler = PlanSampler(dataset, rows, shuffle=False, seed=0)
    loader = DataLoader(dataset, sampler=sampler, batch_size=5, collate_fn=stack_samples)
    patches = np.concatenate([batch["image"].numpy() for batch in loader])
    assert len(sampler) == len(patches) == 12
    for patch, r, c in zip(patches, rows["row"], rows["col"], strict=True):
        assert np.array_equal(patch, image[:, r : r + 16, c : c + 16])


def test_reads_what_a_window_reads(dataset):
    rows = rows_of(3)
    with rasterio.open(dataset.files[0]) as source:
        for (x, y), r, c in zip(
            PlanSampler(dataset, rows, shuffle=False, seed=0), rows["row"], rows["col"], strict=True
        ):
            expected = source.read(window=RioWindow(c, r, 16, 16))
            assert np.array_equal(dataset[x, y]["image"].numpy(), expected)


def test_coordinates_are_exact_python_floats(dataset):
    rows = patch_rows("here", GRID, np.array([0]), np.array([0]), 16)
    ((x, y),) = PlanSampler(dataset, rows, shuffle=True, seed=0)
    assert (x.start, x.stop, y.start, y.stop) == (300_000.75, 300_008.75, 8_049_992.25, 8_050_000.25)
    assert {type(v) for v in (x.start, x.stop, y.start, y.stop)} == {float}
    ((name, (x, y)),) = ScenesSampler({"here": dataset}, plan_of(rows, here=GRID), "train", shuffle=True, seed=0)
    assert (name, type(name), y.stop, type(y.stop)) == ("here", str, 8_050_000.25, float)


def test_epochs_shuffle_and_come_back(dataset):
    sampler = PlanSampler(dataset, rows_of(40), shuffle=True, seed=3)
    assert sampler.strategy == "random"
    walks = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        walks.append([(x.start, y.start) for x, y in sampler])
    assert walks[0] == walks[2]
    assert walks[0] != walks[1]
    assert sorted(walks[0]) == sorted(walks[1])
    other = PlanSampler(dataset, rows_of(40), shuffle=True, seed=4)
    assert [(x.start, y.start) for x, y in other] != walks[0]


def test_unshuffled_keeps_the_plans_order(dataset):
    rows = rows_of(9)
    sampler = PlanSampler(dataset, rows, shuffle=False, seed=3)
    sampler.set_epoch(5)
    assert sampler.strategy == "sequential"
    assert [x.start for x, _ in sampler] == rows.geometry.bounds["minx"].tolist()


def test_a_plan_for_other_imagery_is_refused(dataset):
    elsewhere = Grid("EPSG:28355", GRID.left + 40, GRID.top, 0.5, 0.5, 90, 130)
    for rows, match in [
        (rows_of(30, grid=elsewhere), "of 30 patches lie outside the imagery"),
        (rows_of(4, grid=Grid("EPSG:28354", GRID.left, GRID.top, 0.5, 0.5, 90, 130)), "differ in CRS"),
        (rows_of(4, grid=Grid(GRID.crs, GRID.left, GRID.top, 0.25, 0.25, 90, 130)), "not 16 pixels"),
        (stack_rows([rows_of(2), rows_of(2, scene="there")]), "of several"),
    ]:
        with pytest.raises(LulcsegError, match=match):
            PlanSampler(dataset, rows, shuffle=False, seed=0)


def test_several_scenes_are_shuffled_into_one_another():
    there = Grid("EPSG:28354", 100.5, 7_000_000.25, 0.5, 0.5, 90, 130)
    rows = stack_rows([rows_of(30), rows_of(30, scene="there", grid=there, seed=1)])
    plan, datasets = plan_of(rows, here=GRID, there=there), {"here": ground(GRID), "there": ground(there)}
    sampler = ScenesSampler(datasets, plan, "train", shuffle=True, seed=0)
    sampler.set_epoch(2)
    walk = list(sampler)
    names = [name for name, _ in walk]
    assert names[:30].count("here") in range(5, 26)
    found = pd.DataFrame([(name, x.start, y.stop) for name, (x, y) in walk], columns=["scene", "left", "top"])
    expected = pd.DataFrame({"scene": rows["scene"], "left": rows.bounds["minx"], "top": rows.bounds["maxy"]})
    by = ["scene", "left", "top"]
    assert found.sort_values(by).to_numpy().tolist() == expected.sort_values(by).to_numpy().tolist()
    assert len(sampler) == 60
    with pytest.raises(LulcsegError, match=r"(differ in CRS|lie outside the imagery)"):
        ScenesSampler({"here": ground(there.crop(Window(0, 0, 20, 20))), "there": ground(there)}, plan, "train",
                      shuffle=True, seed=0)  # fmt: skip
    assert walk[0][1][0].stop - walk[0][1][0].start == 8.0


def test_a_scene_without_patches_of_a_split_is_passed_over():
    there = Grid("EPSG:28354", 100.5, 7_000_000.25, 0.5, 0.5, 90, 130)
    plan, datasets = plan_of(rows_of(5), here=GRID, there=there), {"here": ground(GRID), "there": ground(there)}
    assert {name for name, _ in ScenesSampler(datasets, plan, "train", shuffle=False, seed=0)} == {"here"}


def test_rows_know_their_bounds():
    rows = rows_of(5)
    for r, c, box in zip(rows["row"], rows["col"], rows.geometry, strict=True):
        assert box.bounds == GRID.bounds(Window(r, c, 16, 16))
