"""Class totals 'covered': who lies inside whose patch, and in which order that is asked."""

import numpy as np
import pytest
import shapely

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.sampling.centred_patches import DrawnPatches
from lulcseg.sampling.covered_features import candidates
from lulcseg.sampling.feature_pool import pooled
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.plan_recount import recounted
from tests.support.plans import GRID, FakeScene, stratified

SIDE = 100


def drawn_at(*places, valid=None):
    """Patches ``(row, col, feature)`` of 100 pixels."""
    row, col, feature = np.array(places).T
    n = row.size
    share = np.full(n, np.nan) if valid is None else np.asarray(valid, dtype=float)
    return DrawnPatches(row, col, feature, np.zeros(n, dtype=bool), share, np.arange(n))


def windows(*found):
    return np.array([shapely.box(*GRID.bounds(Window(*w))) for w in found])


def choice(drawn, polygons, areas=None):
    return candidates(drawn, polygons, shapely.area(polygons) if areas is None else np.array(areas), GRID, SIDE)


def test_only_what_lies_wholly_inside_is_covered():
    polygons = windows((0, 0, 60, 60), (70, 70, 30, 30), (70, 20, 30, 31), (90, 50, 20, 5), (200, 200, 9, 9))
    drawn = drawn_at((0, 0, 0), (60, 60, 1), (60, 200, 2), (60, 200, 3), (200, 200, 4))
    assert choice(drawn, polygons).covered(np.ones(5, dtype=int)).tolist() == [False, True, True, False, False]


def test_a_larger_feature_is_never_covered_by_a_smaller_ones_patch():
    polygons = windows((0, 0, 60, 60), (70, 70, 30, 30))
    drawn = drawn_at((300, 300, 0), (0, 0, 1))  # the small one's patch holds both
    assert not choice(drawn, polygons).covered(np.ones(2, dtype=int)).any()
    assert choice(drawn, polygons, areas=[1, 2]).covered(np.ones(2, dtype=int)).tolist() == [True, False]
    # of two equal ones the first goes first
    assert not choice(drawn, polygons, areas=[1, 1]).covered(np.ones(2, dtype=int)).any()


def test_who_is_passed_over_covers_nobody():
    polygons = windows((0, 0, 50, 50), (60, 60, 30, 30), (110, 110, 9, 9))
    drawn = drawn_at((0, 0, 0), (50, 50, 1), (100, 100, 2))
    assert choice(drawn, polygons).covered(np.ones(3, dtype=int)).tolist() == [False, True, False]
    # Without the first patch there, the second feature has its own, and that one holds the third.
    moved = drawn_at((300, 300, 0), (50, 50, 1), (100, 100, 2))
    assert choice(moved, polygons).covered(np.ones(3, dtype=int)).tolist() == [False, False, True]


def test_who_is_to_have_several_patches_is_not_passed_over():
    polygons = windows((0, 0, 50, 50), (60, 60, 30, 30), (110, 110, 9, 9))
    drawn = drawn_at((0, 0, 0), (50, 50, 1), (60, 60, 1), (100, 100, 2))
    found = choice(drawn, polygons)
    assert found.covered(np.array([1, 2, 1])).tolist() == [False, False, True]
    kept = found.kept(np.array([1, 2, 1]), found.covered(np.array([1, 2, 1])))
    assert kept.feature.tolist() == [0, 1, 1]
    assert kept.redrawn == 0 + 1 + 2
    # With one patch fewer, it is; and its second patch no longer counts.
    assert found.covered(np.array([1, 1, 1])).tolist() == [False, True, False]
    assert found.kept(np.array([1, 1, 1]), np.zeros(3, dtype=bool)).feature.tolist() == [0, 1, 2]


def test_the_order_of_the_table_does_not_matter():
    # The largest comes last: it holds the second, which would hold the first.
    polygons = windows((110, 110, 9, 9), (60, 60, 30, 30), (0, 0, 50, 50))
    drawn = drawn_at((100, 100, 0), (50, 50, 1), (0, 0, 2))
    assert choice(drawn, polygons).covered(np.ones(3, dtype=int)).tolist() == [False, True, False]


def test_a_patch_beyond_the_counts_covers_nothing():
    polygons = windows((0, 0, 50, 50), (60, 60, 30, 30))
    found = choice(drawn_at((300, 300, 0), (0, 0, 0), (50, 50, 1)), polygons)
    assert found.covered(np.array([2, 1])).tolist() == [False, True]
    assert found.covered(np.array([1, 1])).tolist() == [False, False]


@pytest.mark.parametrize(("share", "covers"), [(0.99, False), (1.0, True), (np.nan, True)])
def test_a_patch_with_nodata_covers_nothing(share, covers):
    # The feature may lie just where there is none.
    polygons = windows((0, 0, 50, 50), (60, 60, 30, 30))
    drawn = drawn_at((0, 0, 0), (50, 50, 1), valid=[share, 1.0])
    assert choice(drawn, polygons).covered(np.ones(2, dtype=int)).tolist() == [False, covers]


SMALL = [(2, Window(200 + 12 * i, 300 + 12 * j, 6 + i, 6 + j)) for i in range(6) for j in range(6)]
SCENE = FakeScene(features=[(0, Window(0, 0, 600, 250)), (1, Window(20, 420, 100, 200)), *SMALL])


def covered(*scenes, **settings):
    return stratified(*scenes, **{"totals": "covered", "patch_size": 128, "patches": 20} | settings)


def test_every_feature_has_a_patch_or_lies_in_one():
    plan, printed = covered(SCENE), stratified(SCENE, patch_size=128, patches=20)
    passed_over = {f for _, f in plan.meta["features_covered"]}
    assert len(passed_over) > 10
    assert plan.meta["features_left_out"] == []
    assert len(plan) == len(printed) - len(passed_over)
    assert set(plan.rows["feature"]) == set(printed.rows["feature"]) - passed_over
    frame = SCENE.polygons().set_index("feature")
    for feature in passed_over:
        within = shapely.covered_by(frame.geometry[feature], plan.rows.geometry.to_numpy())
        assert within.any()
        assert (frame["area_m2"][plan.rows["feature"][within]] >= frame["area_m2"][feature]).any()
    assert [c["drawn"] for c in plan.meta["classes"]] == np.bincount(plan.rows["class_index"], minlength=3).tolist()
    assert [c["wanted"] for c in plan.meta["classes"]] == [c["wanted"] for c in printed.meta["classes"]]


def test_counted_anew_a_patch_with_nodata_covers_nothing_either():
    plan, pool = covered(SCENE), pooled([SCENE])
    assert recounted(plan, pool).meta == plan.meta
    partly = recounted(Plan(plan.rows.assign(valid=0.9), plan.meta), pool).meta
    assert partly["features_covered"] == []
    assert partly["features_left_out"] == plan.meta["features_covered"]


def test_it_is_asked_within_a_scene():
    # The same ground in another scene: a patch in one covers nothing in the other.
    a, b = (FakeScene(name, features=SMALL[k::2] + SCENE.features[:1]) for k, name in enumerate("ab"))
    plan = covered(a, b)
    frames = {"a": a.polygons(), "b": b.polygons()}
    assert plan.meta["features_covered"]
    for name, feature in plan.meta["features_covered"]:
        geometry = frames[name].set_index("feature").geometry[feature]
        assert shapely.covered_by(geometry, plan.of(name).geometry.to_numpy()).any()


def test_a_feature_that_is_covered_needs_no_valid_patch():
    def told(rows, cols, patch):
        # The patch centred on the speck is refused, whatever its place in it; the large feature's are not.
        return (np.abs(rows + patch / 2 - 150) + np.abs(cols + patch / 2 - 150) > 12).astype(float)

    features = [(1, Window(100, 100, 100, 40)), (1, Window(148, 148, 4, 4))]
    scene = FakeScene(features=features, valid_share=told)
    settings = {"patch_size": 200, "patches": 5, "min_valid": 0.5}
    plan = covered(scene, **settings)
    assert plan.meta["features_covered"] == [["here", 11]]
    assert plan.meta["redrawn"] == 0
    with pytest.raises(LulcsegError, match=r"scene 'here' has too little imagery for 1 patches: in 51 draws"):
        stratified(scene, **settings)
    alone = FakeScene(features=[(1, Window(400, 500, 100, 200)), features[1]], valid_share=told)
    with pytest.raises(LulcsegError, match=r"none had 50% or more valid pixels, in feature 11 \(Cane\); lower it"):
        covered(alone, **settings)


@pytest.mark.parametrize("asked", [12, 25, 60])
def test_a_matched_total_is_met(asked):
    plan = covered(SCENE, match_total=asked)
    found = plan.meta["match_total"]
    assert found["asked"] == asked
    assert found["total"] == len(plan)
    assert found["n_patches"] == plan.meta["n_patches"]
    assert abs(len(plan) - asked) <= 1
    assert covered(SCENE, match_total=asked).digest() == plan.digest()


def test_a_total_out_of_reach_is_noted():
    plan = covered(SCENE, match_total=1)
    assert len(plan) > 1
    assert plan.meta["match_total"]["total"] == len(plan)
    assert plan.meta["notes"][0].startswith("sampling.match_total=1: no N_p was found")
