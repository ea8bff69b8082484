"""What holds for every plan: patches inside the imagery, features reached, ground shared out once."""

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend
from lulcseg.sampling.allocation import class_patches, equal_classes, feature_patches, inverse_classes, share_exactly
from lulcseg.sampling.split import HoldOut
from lulcseg.sampling.systematic import all_cells, keep_meeting
from tests.support.plans import drawn, no_pixels

LEGEND = Legend((LandClass(0, "Other", "#aaaaaa"), LandClass(1, "Cane", "#00ff00"), LandClass(2, "Berry", "#ff0000")))
AREAS = st.lists(st.floats(1.5, 1e10), min_size=1, max_size=40)


@dataclass
class FakeScene:
    grid: Grid
    frame: gpd.GeoDataFrame
    name: str = "here"
    legend: Legend = LEGEND
    valid_share: Callable = no_pixels

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
    plan = drawn(scene, patches=n, patch_size=patch, seed=seed)
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


POINTWISE = [("stratified", totals) for totals in ("per_feature", "exact", "covered")]
POINTWISE += [(method, "per_feature") for method in ("uniform", "balanced", "inverse_frequency")]


@settings(max_examples=80, deadline=None)
@given(
    scene=scenes(),
    how=st.sampled_from(POINTWISE),
    patch=st.integers(1, 64),
    n=st.integers(3, 80),
    seed=st.integers(0, 2**40),
)
def test_every_patch_is_inside_whatever_the_method(scene, how, patch, n, seed):
    plan = drawn(scene, method=how[0], totals=how[1], patches=n, patch_size=patch, seed=seed)
    assert_inside(plan, scene)
    owner = scene.frame["class_index"].to_numpy()[plan.rows["feature"]]
    assert (owner == plan.rows["class_index"]).all()
    if how[0] != "stratified":
        assert len(plan) == n


def assert_inside(plan, scene):
    row, col, size = plan.rows["row"], plan.rows["col"], plan.rows["size"]
    assert row.min() >= 0
    assert col.min() >= 0
    assert (row + size).max() <= scene.grid.height
    assert (col + size).max() <= scene.grid.width


@settings(max_examples=80, deadline=None)
@given(
    scene=scenes(),
    size=st.sampled_from([4, 8, 16]),
    times=st.sampled_from([1, 2, 4]),
    edge=st.sampled_from(["drop", "shift"]),
    offset=st.none() | st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_grid_patches_are_inside_and_the_ground_is_the_same_at_every_size(scene, size, times, edge, offset):
    grid = scene.grid
    origin = None if offset is None else [grid.left + offset[0] * grid.xres, grid.top + offset[1] * grid.yres]
    seen = []
    for patch in (size * times, size):
        try:
            plan = drawn(
                scene,
                method="grid",
                cell=size * times,
                patch_size=patch,
                seed=0,
                origin=origin,
                edge=edge,
                background=None,
            )
        except LulcsegError:  # no whole cell fits, or all polygons lie in the strips that drop leaves out
            assert edge == "drop"
            return
        assert_inside(plan, scene)
        ground = np.zeros((grid.height, grid.width), dtype=int)
        for r, c in zip(plan.rows["row"], plan.rows["col"], strict=True):
            ground[r : r + patch, c : c + patch] += 1
        seen.append(ground)
        laid = plan.meta["origins"]["here"]
        steps = (laid["easting"] - grid.left) / grid.xres, (grid.top - laid["northing"]) / grid.yres
        assert np.allclose(steps, np.round(steps), atol=1e-6)
        if offset is not None:
            assert np.abs(steps - np.array([offset[0], -offset[1]])).max() <= 0.5 + 1e-6
        still = plan.rows[~plan.rows["shifted"]]
        assert ((still["col"] - round(steps[0])) % patch == 0).all()
        assert ((still["row"] - round(steps[1])) % patch == 0).all()
    assert np.array_equal(*seen)
    if edge == "shift":  # every polygon's ground is in some patch
        geometry = scene.frame.geometry.to_numpy()
        row, col = np.nonzero(seen[0] == 0)
        x, y = grid.xy(row, col)
        assert not any(shapely.contains_xy(g.buffer(-grid.xres), x, y).any() for g in geometry)
    else:
        assert seen[0].max() <= 1


@settings(max_examples=60, deadline=None)
@given(scene=scenes(), patch=st.integers(8, 64), n=st.integers(1, 60), seed=st.integers(0, 2**40))
def test_covered_agrees_with_a_walk_over_the_features(scene, patch, n, seed):
    shrink = 0.15  # small features, so that some lie inside patches
    frame = scene.frame.assign(geometry=scene.frame.geometry.scale(shrink, shrink))
    frame["area_m2"] = frame.geometry.area + 2.0
    scene = FakeScene(scene.grid, frame)
    asked = {"patches": n, "patch_size": patch, "seed": seed}
    printed, plan = drawn(scene, **asked), drawn(scene, totals="covered", **asked)
    kept, passed_over = [], []
    for index in np.argsort(-frame["area_m2"].to_numpy(), kind="stable").tolist():
        own = printed.rows[printed.rows["feature"] == index]
        lies_in = shapely.covered_by(frame.geometry[index], [g for f in kept for g in f.geometry])
        if len(own) == 1 and np.any(lies_in):
            passed_over.append(index)
        else:
            kept.append(own)
    assert {f for _, f in plan.meta["features_covered"]} == set(passed_over)
    assert len(plan) == sum(len(own) for own in kept)
    places = ["row", "col", "feature"]
    expected = printed.rows[~printed.rows["feature"].isin(passed_over)][places].to_numpy()
    assert np.array_equal(plan.rows[places].to_numpy(), expected)


@settings(max_examples=15, deadline=None)
@given(
    scene=scenes(),
    totals=st.sampled_from(["per_feature", "exact"]),
    asked=st.integers(1, 60),
    seed=st.integers(0, 2**40),
)
def test_a_matched_total_is_the_nearest_there_is(scene, totals, asked, seed):
    settings_ = {"totals": totals, "patch_size": 16, "seed": seed}
    found = drawn(scene, match_total=asked, **settings_)
    sizes = [len(drawn(scene, patches=n, **settings_)) for n in range(1, asked + 2)]
    best = int(np.argmin(np.abs(np.array(sizes) - asked)))
    assert found.meta["n_patches"] == best + 1
    assert len(found) == sizes[best] == found.meta["match_total"]["total"]
    assert any("sampling.match_total" in note for note in found.meta["notes"]) == (sizes[best] != asked)


@given(areas=st.lists(st.floats(1.5, 1e10), min_size=1, max_size=40, unique=True), extra=st.integers(0, 10**5))
def test_classes_are_shared_equally_or_inversely(areas, extra):
    n, areas = len(areas) + extra, np.array(areas)
    equal, inverse = equal_classes(areas, n), inverse_classes(areas, n)
    assert equal.sum() == inverse.sum() == n
    assert equal.max() - equal.min() <= 1
    assert (np.diff(equal[np.argsort(areas)]) >= 0).all()
    assert inverse.min() >= 1
    # The level at which classes of level / area, or 1 where that is less, make n in all.
    level = brentq(lambda x: np.maximum(1, x / areas).sum() - n, 0.0, n * areas.max() + 1, xtol=1e-12, rtol=1e-14)
    assert np.abs(inverse - np.maximum(1, level / areas)).max() < 1 + 1e-6


@settings(max_examples=30, deadline=None)
@given(scene=scenes(), n=st.integers(1, 80), seed=st.integers(0, 2**40))
def test_exact_totals_are_equation_1s(scene, n, seed):
    plan = drawn(scene, patches=n, patch_size=32, seed=seed, totals="exact")
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
