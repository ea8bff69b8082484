"""Counts of a plan: by class and feature, overlap, class shares; against a look at every pixel."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lulcseg.grid import Grid, Window
from lulcseg.sampling import class_shares
from lulcseg.sampling.class_shares import cover, ground_shares, prior_shift
from lulcseg.sampling.plan import Plan, patch_rows, stack_rows
from lulcseg.sampling.plan_summary import summarise_plan
from tests.support.plans import BERRY, GRID, LEGEND, WEST, FakeLabels, FakeScene, grid, stratified

BIG = replace(GRID, height=2300, width=2100)


def plan_of(sizes, rng, n=40, side=BIG, split="train"):
    """A plan of random patches of the given sizes, many of them over one another."""
    frames = []
    for size in sizes:
        row, col = rng.integers(0, side.height - size + 1, n), rng.integers(0, side.width - size + 1, n)
        row[:5], col[:5] = row[0], col[0]
        frames.append(patch_rows("here", side, row, col, size, split=split))
    classes = [{"name": name, "features": 1, "area_m2": 10.0 * (i + 1)} for i, name in enumerate(LEGEND.names)]
    grids = {"here": {f: getattr(side, f) for f in Grid.__slots__}}
    return Plan(stack_rows(frames), {"legend": LEGEND.names, "classes": classes, "scenes": grids, "patch_size": 32})


def labelled(rng, side=BIG):
    """Labels of every class in patches, with some ground of none."""
    return np.kron(rng.integers(0, 4, (side.height // 50, side.width // 50)), np.ones((50, 50))).astype(np.uint8)


def counted(plan, label, split="train"):
    """Count as slowly and plainly as can be."""
    times, pixels = np.zeros(label.shape, dtype=int), np.zeros(256, dtype=int)
    rows = plan.rows if split is None else plan.rows[plan.rows["split"] == split]
    for r, c, s in rows[["row", "col", "size"]].itertuples(index=False):
        times[r : r + s, c : c + s] += 1
        pixels += np.bincount(label[r : r + s, c : c + s].ravel(), minlength=256)
    return times, pixels[:3]


@pytest.mark.parametrize("sizes", [(32,), (1, 700), (1024,), (1500,)])
def test_pixels_are_counted_once_for_each_patch_over_them(sizes):
    rng = np.random.default_rng(3)
    plan, label = plan_of(sizes, rng), labelled(rng)
    label[label == 3] = 255
    times, pixels = counted(plan, label)
    found = cover(plan, {"here": FakeLabels(label)})
    assert found.class_pixels.tolist() == pixels.tolist()
    assert found.covered == (times > 0).sum()
    assert found.shared == (times > 1).sum()
    assert found.patch_pixels == times.sum() == (plan.rows["size"] ** 2).sum()
    assert found.most == times.max() >= 5
    np.testing.assert_allclose(cover(plan, {"here": FakeLabels(label)}).class_shares, pixels / pixels.sum())
    overlap = summarise_plan(plan, cover=found)["overlap"]
    assert overlap["shared"] == pytest.approx((times > 1).sum() / (times > 0).sum())
    assert overlap["mean"] == pytest.approx(times[times > 0].mean())


def test_of_much_ground_a_sample_is_counted_and_scaled_up(monkeypatch):
    rng = np.random.default_rng(5)
    plan, label = plan_of((300, 90), rng, n=300), labelled(rng)
    label[label == 3] = 255
    whole = cover(plan, {"here": FakeLabels(label)})
    assert whole.sampled == 1
    monkeypatch.setattr(class_shares, "_MOST_PIXELS", 20 * 512**2)
    blocks = -(-BIG.height // 512) * -(-BIG.width // 512)
    part = cover(plan, {"here": FakeLabels(label)})
    assert part.sampled == 20 / blocks < 1
    assert part.covered == cover(plan).covered
    for name in ("covered", "shared", "patch_pixels"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name), rel=0.15)
        assert getattr(part, name) != getattr(whole, name)
    np.testing.assert_allclose(part.class_pixels, whole.class_pixels, rtol=0.2)
    assert part.class_pixels.sum() > 0.8 * whole.class_pixels.sum()


def test_a_patch_that_reaches_a_single_pixel_into_the_next_block_counts_there():
    start = np.array([512 - 31, 1024 - 31, 512 - 32])
    meta = plan_of((8,), np.random.default_rng(0)).meta
    plan = Plan(patch_rows("here", BIG, start, start[::-1].copy(), 32), meta)
    label = np.zeros((BIG.height, BIG.width), dtype=np.uint8)
    found = cover(plan, {"here": FakeLabels(label)})
    assert found.class_pixels.tolist() == [3 * 32 * 32, 0, 0]
    assert found.covered == counted(plan, label)[0].astype(bool).sum()


def test_only_the_split_asked_for_is_counted():
    rng = np.random.default_rng(4)
    plan, label = plan_of((64,), rng), labelled(rng)
    label[label == 3] = 255
    half = Plan(plan.rows.assign(split=np.where(np.arange(len(plan)) % 2, "train", "validation")), plan.meta)
    for split in ("train", "validation", None):
        assert cover(half, {"here": FakeLabels(label)}, split).class_pixels.tolist() == (
            counted(half, label, split)[1].tolist()
        )
    none = Plan(plan.rows.assign(split="validation"), plan.meta)
    assert cover(none, {"here": FakeLabels(label)}).class_shares.tolist() == [0, 0, 0]
    assert summarise_plan(none, cover=cover(none))["overlap"] == {"ground": 0, "shared": 0, "mean": 0, "most": 0}


def test_scenes_are_added_up_each_with_its_own_labels():
    scenes = [FakeScene(name, features=[*WEST, BERRY]) for name in ("here", "there")]
    plan = stratified(*scenes)
    labels = {
        name: FakeLabels(np.full((GRID.height, GRID.width), i, dtype=np.uint8)) for i, name in enumerate(plan.scenes)
    }
    pixels = cover(plan, labels).class_pixels
    assert pixels.tolist() == [32 * 32 * int((plan.rows["scene"] == n).sum()) for n in ("here", "there")] + [0]
    assert cover(plan).class_pixels is None
    assert "prior" not in summarise_plan(plan, cover=cover(plan))


def test_prior_shift_is_the_log_ratio_and_zero_where_there_is_none():
    ground, pixels = np.array([0.9, 0.1, 0.0, 0.0]), np.array([0.45, 0.0, 0.3, 0.25])
    np.testing.assert_allclose(prior_shift(ground, pixels), [np.log(0.5), 0, 0, 0])


def test_the_prior_is_written_by_class():
    scene = FakeScene(features=[*WEST, BERRY])
    plan = stratified(scene)
    label = np.full((GRID.height, GRID.width), 255, dtype=np.uint8)
    for index, w in scene.features:
        label[w.row : w.row_end, w.col : w.col_end] = index
    found = cover(plan, {"here": FakeLabels(label)})
    prior = summarise_plan(plan, cover=found)["prior"]
    areas = np.array([60_000, 5_400, 150.0])
    np.testing.assert_allclose(ground_shares(plan), areas / areas.sum())
    pixels = counted(plan, label)[1]
    assert list(prior) == LEGEND.names
    assert prior["Berry"]["ground"] == pytest.approx(150 / areas.sum())
    assert prior["Berry"]["pixels"] == pytest.approx(pixels[2] / pixels.sum())
    assert prior["Berry"]["shift"] == pytest.approx(np.log(prior["Berry"]["pixels"] / prior["Berry"]["ground"]))
    assert prior["Berry"]["shift"] > 0 > prior["Other"]["shift"]
    json.dumps(summarise_plan(plan, {"here": scene.polygons()}, found))


def test_touches_count_a_patch_in_every_class_it_meets(tmp_path):
    # A berry field in the middle of cane: its patches meet both, and never Other.
    scene = FakeScene(features=[(0, Window(0, 0, 100, 100)), (1, Window(200, 200, 300, 300)), BERRY])
    scene.features[2] = (2, Window(340, 340, 20, 20))
    plan = stratified(scene)
    summary = summarise_plan(plan, {"here": scene.polygons()})
    drawn, touches = summary["drawn_for"], summary["touches"]
    assert touches["Cane"] == drawn["Cane"] + drawn["Berry"]
    assert touches["Other"] == drawn["Other"]
    row, col = (plan.rows.loc[plan.rows["class_index"] > 0, c] for c in ("row", "col"))
    assert touches["Berry"] == ((row > 340 - 32) & (row < 360) & (col > 340 - 32) & (col < 360)).sum()
    plan.save(tmp_path / "p.gpkg", summary)
    assert json.loads((tmp_path / "p.json").read_text())["summary"] == summary


def test_features_without_patches_count_as_none():
    small = [(1, Window(10 * i, 500, 5, 5)) for i in range(30)]
    scene = FakeScene(features=[*WEST, *small])
    plan = stratified(scene, totals="exact", patches=10)
    of_cane = plan.rows[plan.rows["class_index"] == 1]["feature"].value_counts()
    found = summarise_plan(plan, {"here": scene.polygons()})["per_feature"]
    assert found["Cane"]["without"] == 32 - len(of_cane) > 0
    every = np.append(of_cane.to_numpy(), np.zeros(32 - len(of_cane)))
    assert (found["Cane"]["least"], found["Cane"]["median"], found["Cane"]["most"]) == (
        0,
        np.median(every),
        every.max(),
    )
    assert found["Other"] == {"least": found["Other"]["most"], "median": found["Other"]["most"],
                              "most": int((plan.rows["class_index"] == 0).sum()), "without": 0}  # fmt: skip
    assert "Berry" not in found
    cells = grid(FakeScene(features=WEST), background="Other")
    assert summarise_plan(cells, {"here": scene.polygons()})["per_feature"] is None


def test_a_feature_counts_with_its_own_class_in_its_own_scene():
    scenes = [FakeScene(name, features=[*WEST, BERRY]) for name in ("here", "there")]
    plan, polygons = stratified(*scenes), {s.name: s.polygons() for s in scenes}
    edited = Plan(plan.rows.assign(class_index=plan.rows["class_index"].where(plan.rows.index > 5, 2)), plan.meta)
    assert summarise_plan(edited)["drawn_for"] != summarise_plan(plan)["drawn_for"]
    assert summarise_plan(edited, polygons)["per_feature"] == summarise_plan(plan, polygons)["per_feature"]
    counts = plan.rows[plan.rows["class_index"] == 1].groupby(["scene", "feature"]).size()
    assert len(counts) == 4
    assert summarise_plan(plan, polygons)["per_feature"]["Cane"]["median"] == counts.median()


def test_nodata_share_counts_what_was_asked():
    plan = stratified(FakeScene(features=WEST))
    assert summarise_plan(plan)["valid"] is None or summarise_plan(plan)["valid"]["least"] == 1
    shares = np.ones(len(plan))
    shares[:3], shares[-1] = [0.5, 0.75, 0.9], np.nan
    found = summarise_plan(Plan(plan.rows.assign(valid=shares), plan.meta))["valid"]
    assert found == {"mean": pytest.approx(shares[:-1].mean()), "least": 0.5, "partly": 3}


def test_redrawn_dropped_and_shifted_are_told():
    plan = stratified(FakeScene(features=[*WEST, BERRY]), validation=(0.2, 100))
    counts = summarise_plan(Plan(plan.rows, plan.meta | {"redrawn": 7}))
    assert counts["redrawn"] == 7
    assert counts["dropped"] == plan.meta["dropped"] > 0
    assert counts["shifted"] == plan.rows["shifted"].sum() > 0
    assert sum(counts["splits"].values()) == counts["patches"] == len(plan)
