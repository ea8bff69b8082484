"""What holds for every plan: patches inside the imagery, features reached, ground shared out once."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend
from lulcseg.sampling.allocation import class_patches, feature_patches, share_exactly
from lulcseg.sampling.draw import draw_plan
from lulcseg.sampling.samplers import EpochOrder
from lulcseg.sampling.split import HoldOut
from lulcseg.sampling.systematic import all_cells, keep_meeting

LEGEND = Legend((LandClass(0, "Other", "#aaaaaa"), LandClass(1, "Cane", "#00ff00"), LandClass(2, "Berry", "#ff0000")))
AREAS = st.lists(st.floats(1.5, 1e10), min_size=1, max_size=40)


@dataclass
class FakeScene:
    grid: Grid
    frame: gpd.GeoDataFrame
    name: str = "here"
    legend: Legend = LEGEND

    def polygons(self):
        return self.frame


@st.composite
def scenes(draw):
    res = draw(st.sampled_from([0.1, 0.5, 0.7, 10.0]))
    grid = Grid(
        "EPSG:28355",
        left=draw(st.floats(0, 9e5)),
        top=draw(st.floats(1e6, 9e6)),
        xres=res,
        yres=res * draw(st.sampled_from([1.0, 0.9])),
        height=draw(st.integers(64, 300)),
        width=draw(st.integers(64, 300)),
    )
    b = grid.bounds()
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 12))
    triangles = rng.random((n, 3, 2)) * [b.right - b.left, b.top - b.bottom] + [b.left, b.bottom]
    geometry = [shapely.Polygon(t) for t in triangles]
    data = {"class_index": rng.integers(0, 3, n), "feature": np.arange(n), "area_m2": shapely.area(geometry) + 2.0}
    return FakeScene(grid, gpd.GeoDataFrame(data, geometry=geometry, crs=grid.crs))


@settings(max_examples=60, deadline=None)
@given(scene=scenes(), patch=st.integers(1, 64), n=st.integers(1, 80), seed=st.integers(0, 2**40))
def test_every_patch_is_inside_and_every_feature_sampled(scene, patch, n, seed):
    plan = draw_plan([scene], method="stratified", n_patches=n, patch_size=patch, seed=seed)
    row, col = plan.rows["row"], plan.rows["col"]
    assert row.min() >= 0
    assert col.min() >= 0
    assert (row + patch).max() <= scene.grid.height
    assert (col + patch).max() <= scene.grid.width
    assert set(plan.rows["feature"]) == set(scene.frame["feature"])
    centred = plan.rows[~plan.rows["shifted"]]
    x = scene.grid.left + (centred["col"] + patch / 2) * scene.grid.xres
    y = scene.grid.top - (centred["row"] + patch / 2) * scene.grid.yres
    features = scene.frame.geometry.to_numpy()[centred["feature"]]
    distance = shapely.distance(shapely.points(x, y), features)
    assert (distance <= 0.75 * scene.grid.xres).all()


@settings(max_examples=30, deadline=None)
@given(scene=scenes(), n=st.integers(1, 80), seed=st.integers(0, 2**40))
def test_exact_totals_are_equation_1s(scene, n, seed):
    plan = draw_plan([scene], method="stratified", n_patches=n, patch_size=32, seed=seed, totals="exact")
    areas = scene.frame.groupby("class_index")["area_m2"].sum()
    assert len(plan) == class_patches(areas, n).sum()


@settings(max_examples=40, deadline=None)
@given(scene=scenes(), size=st.sampled_from([4, 5, 8]))
def test_grid_splits_cover_the_same_ground_in_four_times_the_patches(scene, size):
    cell = 8 * size
    kept = keep_meeting(all_cells(scene.grid, cell, size, "here"), scene.grid, scene.frame.geometry.to_numpy())
    seen = []
    for times in (8, 4, 2, 1):
        patches = kept.split(size * times)
        assert len(patches) == len(kept) * (8 // times) ** 2
        ground = np.zeros((scene.grid.height, scene.grid.width), dtype=int)
        for r, c in zip(patches.row, patches.col, strict=True):
            ground[r : r + patches.size, c : c + patches.size] += 1
        assert ground.sum() == len(kept) * cell * cell
        assert ground.max(initial=0) <= 1
        seen.append(ground)
    assert all(np.array_equal(g, seen[0]) for g in seen)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(40, 200),
    width=st.integers(40, 200),
    block=st.integers(10, 60),
    fraction=st.floats(0.05, 0.95),
    size=st.integers(1, 40),
    seed=st.integers(0, 1000),
)
def test_split_agrees_with_a_look_at_every_pixel(height, width, block, fraction, size, seed):
    grid = Grid("EPSG:28355", 0.0, 1000.0, 1.0, 1.0, height, width)
    if -(-height // block) * -(-width // block) < 2:
        return
    rng = np.random.default_rng(seed)
    held = HoldOut(grid, block, fraction, rng)
    ground = np.kron(held.held, np.ones((block, block), dtype=bool))[:height, :width]
    assert 0 < ground.mean() < 1
    assert abs(ground.mean() - held.fraction) < 1e-12
    row, col = rng.integers(0, height - size + 1, 50), rng.integers(0, width - size + 1, 50)
    for r, c, side in zip(row, col, held.assign(row, col, size), strict=True):
        pixels = ground[r : r + size, c : c + size]
        expected = "validation" if pixels.all() else "dropped" if pixels.any() else "train"
        assert side == expected


@given(areas=AREAS, n=st.integers(1, 10**6))
def test_equation_1_exceeds_what_is_wanted_by_less_than_a_patch_a_class(areas, n):
    counts = class_patches(areas, n)
    assert counts.min() >= 1
    assert n <= counts.sum() < n + len(areas) or len(areas) == 1
    assert (np.diff(counts[np.argsort(areas)]) >= 0).all()


@given(areas=st.lists(st.floats(1e-3, 1e10), min_size=1, max_size=40), n=st.integers(1, 10**5))
def test_features_share_their_classs_patches(areas, n):
    exact, rounded_up = share_exactly(n, areas), feature_patches(n, areas)
    quotas = n * np.array(areas) / np.sum(areas)
    assert exact.sum() == n
    assert (np.abs(exact - quotas) < 1 + 1e-6).all()
    assert (exact <= rounded_up).all()
    assert rounded_up.min() >= 1
    assert (rounded_up - quotas < 1 + 1e-6).all()


@given(n=st.integers(1, 200), world=st.integers(1, 8), shuffle=st.booleans(), epoch=st.integers(0, 50))
def test_ranks_are_disjoint_and_together_the_plan(n, world, shuffle, epoch):
    if n < world:
        return
    orders = [EpochOrder(n, shuffle=shuffle, seed=9, rank=r, world_size=world) for r in range(world)]
    for order in orders:
        order.epoch = epoch
    shares = [order.indices() for order in orders]
    assert [len(s) for s in shares] == [len(o) for o in orders]
    together = np.concatenate(shares)
    assert len(set(together.tolist())) == len(together) == n - orders[0].dropped
    assert orders[0].dropped == (n % world if shuffle else 0)
    if shuffle:
        assert len({len(s) for s in shares}) == 1
