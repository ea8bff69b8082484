"""Drawing plans over scenes: pooling, errors, the split, counts, files."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import shapely

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import Legend
from lulcseg.sampling.plan import COLUMNS
from lulcseg.sampling.plan_summary import summarise_plan
from lulcseg.sampling.split import HoldOut
from tests.support.plans import BERRY, GRID, LEGEND, WEST, FakeScene, grid, stratified


class TestStratified:
    def test_rows_and_counts(self):
        scene = FakeScene(features=[*WEST, BERRY])
        plan = stratified(scene)
        assert list(plan.rows.columns) == list(COLUMNS)
        assert [str(plan.rows[c].dtype) for c in COLUMNS[1:7]] == ["int64"] * 5 + ["bool"]
        logs = np.log([60_000, 5_000 + 400, 150])
        wanted = np.ceil(60 * logs / logs.sum()).astype(int)
        assert [c["wanted"] for c in plan.meta["classes"]] == wanted.tolist()
        assert plan.meta["area_unit"] == "m2"
        assert set(plan.rows["feature"]) == {10, 11, 12, 13}
        assert summarise_plan(plan)["drawn_for"] == {c["name"]: c["drawn"] for c in plan.meta["classes"]}
        row, col, size = (plan.rows[c].iloc[5].item() for c in ("row", "col", "size"))
        assert plan.rows.geometry.iloc[5].bounds == GRID.bounds(Window(row, col, size, size))
        assert (plan.rows["split"] == "train").all()

    def test_exact_totals_leave_features_out_and_say_so(self):
        small = [(1, Window(10 * i, 500, 5, 5)) for i in range(30)]
        plan = stratified(FakeScene(features=[*WEST, *small]), totals="exact", patches=10)
        assert len(plan) == sum(c["wanted"] for c in plan.meta["classes"] if c["wanted"])
        drawn = set(plan.rows["feature"])
        left_out = {f for _, f in plan.meta["features_left_out"]}
        assert left_out
        assert drawn | left_out == set(range(10, 43))
        assert not drawn & left_out

    def test_class_without_features_is_listed(self):
        plan = stratified(FakeScene(features=WEST))
        assert plan.meta["classes_without_features"] == ["Berry"]
        assert plan.meta["classes"][2] == {"name": "Berry", "features": 0, "area_m2": 0, "wanted": None, "drawn": None}

    def test_scenes_are_one_pool(self):
        a, b = FakeScene("a", features=WEST), FakeScene("b", features=[(1, Window(0, 0, 500, 500)), BERRY])
        plan = stratified(a, b, totals="exact", patches=300)
        cane = [5_000 + 400, 62_500]
        logs = np.log([60_000, sum(cane), 150])
        n_cane = int(np.ceil(300 * logs[1] / logs.sum()))
        of_cane = plan.rows[plan.rows["class_index"] == 1]["scene"].value_counts()
        assert of_cane.sum() == n_cane
        assert of_cane["b"] == pytest.approx(n_cane * cane[1] / sum(cane), abs=1)
        assert plan.scenes == ["a", "b"]

    def test_order_of_scenes_is_the_order_of_rows_and_nothing_else(self):
        # Equal features in both scenes: under 'exact' only a tie decides which of them gets a patch.
        a, b = FakeScene("a", features=[WEST[0], BERRY]), FakeScene("b", features=[WEST[0], BERRY])
        ab, ba = (stratified(*order, totals="exact", patches=7) for order in ((a, b), (b, a)))
        for name in ("a", "b"):
            left, right = (p.of(name).reset_index(drop=True) for p in (ab, ba))
            assert left.equals(right)
        assert ab.rows["scene"].iloc[0] == "a"
        assert ba.rows["scene"].iloc[0] == "b"

    def test_a_scene_without_polygons_adds_nothing(self):
        scene = FakeScene(features=WEST)
        plan = stratified(scene, FakeScene("bare"))
        assert plan.scenes == ["here", "bare"]
        assert plan.of("bare").empty
        assert plan.of("here")["row"].tolist() == stratified(scene).rows["row"].tolist()

    def test_same_seed_same_plan(self):
        scene = FakeScene(features=[*WEST, BERRY])
        first = stratified(scene)
        np.random.default_rng().random(5)
        assert stratified(scene).digest() == first.digest()
        assert stratified(scene, seed=2).digest() != first.digest()

    def test_min_valid_is_asked_of_each_scene(self):
        scene = FakeScene(features=[(0, Window(0, 0, 600, 800)), BERRY])
        below = replace(scene, valid_share=lambda rows, cols, patch: (rows > 100).astype(float))
        plan = stratified(below, min_valid=0.5)
        assert plan.rows["row"].min() > 100
        assert plan.meta["redrawn"] > 0

        def low(rows, cols, patch):
            return np.where(cols > 600, 1.0, 0.3)

        with pytest.raises(
            LulcsegError,
            match=r"sampling.min_valid: scene 'here' has too little imagery for \d+ patches: in 51 draws each, none "
            r"had 50% or more valid pixels, in feature 10 \(Cane\), 11 \(Cane\); lower it",
        ):
            stratified(FakeScene(features=[*WEST[1:], BERRY], valid_share=low), min_valid=0.5)
        many = FakeScene(features=[(1, Window(10 * i, 100, 9, 9)) for i in range(20)], valid_share=low)
        with pytest.raises(LulcsegError, match=r"in feature 10 \(Cane\), .*14 \(Cane\), 15 more; lower it"):
            stratified(many, min_valid=0.5)


class TestGrid:
    def test_background_alone_keeps_no_cell(self):
        plan = grid(FakeScene(features=WEST), background="Other")
        # Cane lies in rows 20…120, columns 420…620, and in rows 300…340, columns 500…540.
        cells = {(r // 128, c // 128) for r, c in zip(plan.rows["row"], plan.rows["col"], strict=True)}
        assert cells == {(0, 3), (0, 4), (2, 3), (2, 4)}
        assert len(plan) == 4 * 16
        assert (plan.rows["class_index"] == -1).all()
        assert (plan.rows["feature"] == -1).all()
        assert plan.meta["cells"]["here"] == {"laid": 24, "meeting": 4, "labelled": 4, "kept": 4}
        assert len(grid(FakeScene(features=WEST))) > len(plan)

    def test_a_cell_of_nodata_is_left_out_at_every_size(self):
        # Only columns before 400 are valid: of the cells that meet, two end at 512 and two start there.
        def west(rows, cols, patch):
            return np.clip((400 - cols) / patch, 0, 1)

        scene = FakeScene(features=WEST, valid_share=west)
        plan = grid(scene, background="Other", min_valid=0.05)
        # Whole cells count: most of their patches have no valid pixel, and stay.
        assert plan.rows["valid"].value_counts().to_dict() == {0.0: 24, 0.5: 8}
        assert plan.meta["cells"]["here"]["kept"] == 2
        with pytest.raises(LulcsegError, match=r"sampling.min_valid: no patch is left: of 4 cells none has 20%"):
            grid(scene, background="Other", min_valid=0.2)

    def test_only_background_leaves_nothing(self):
        with pytest.raises(LulcsegError, match="no patch is left"):
            grid(FakeScene(features=WEST[:1]), background="Other")


class TestErrors:
    scene = FakeScene(features=WEST)

    def test_settings(self):
        for settings, match in [
            ({"method": "stratifed"}, "sampling.method: 'stratifed'.*did you mean 'stratified'"),
            ({"totals": "exakt"}, "sampling.totals.*did you mean 'exact'"),
            ({"method": "grid", "background": "other"}, "sampling.background.*did you mean 'Other'"),
            ({"patches": 0}, "sampling.patches"),
            ({"seed": -1}, "seed"),
            ({"patch_size": 601}, "601 × 601 pixels is larger than scene 'here' of 600 × 800"),
            ({"validation": (1.0, 2048)}, "validation.fraction"),
            ({"validation": (-0.1, 2048)}, "validation.fraction"),
            ({"validation": (0.5, 16)}, "validation.block.*at least 64"),
            ({"validation": (0.5, 800)}, "single block.*at most 400"),
        ]:
            with pytest.raises(LulcsegError, match=match):
                stratified(self.scene, **settings)

    def test_scenes(self):
        other = replace(self.scene, name="b", legend=Legend(LEGEND.classes[:2]))
        with pytest.raises(LulcsegError, match="no scene"):
            stratified()
        with pytest.raises(LulcsegError, match="'here' is listed twice"):
            stratified(self.scene, self.scene)
        with pytest.raises(LulcsegError, match="'here' and 'b' have different legends"):
            stratified(self.scene, other)

    def test_polygons(self, monkeypatch):
        with pytest.raises(LulcsegError, match="no polygon over the imagery"):
            stratified(FakeScene())
        with pytest.raises(LulcsegError, match=r"'Berry' covers 0\.25 m²"):
            stratified(FakeScene(features=[*WEST, (2, Window(5, 5, 1, 1))]))
        bow = self.scene.polygons()
        bow.loc[2, "geometry"] = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
        monkeypatch.setattr(FakeScene, "polygons", lambda self: bow)
        with pytest.raises(LulcsegError, match=r"scene here: 1 polygons are not valid .*feature 12"):
            stratified(self.scene)
        monkeypatch.setattr(FakeScene, "polygons", lambda self: None)
        with pytest.raises(LulcsegError, match="scene here: the scene has no polygons"):
            stratified(self.scene)


class TestSplit:
    scene = FakeScene(features=[(0, Window(0, 0, 600, 800)), *WEST[1:], BERRY])

    def test_no_training_patch_touches_validation_ground(self):
        plan = stratified(self.scene, patches=400, validation=(0.3, 100))
        ground = shapely.union_all([shapely.box(*b) for b in plan.meta["validation"]["held_out"]["here"]])
        assert ground.area / (GRID.height * GRID.width * GRID.pixel_area) == pytest.approx(0.3, abs=0.03)
        shares = shapely.area(shapely.intersection(plan.rows.geometry.to_numpy(), ground)) / (16.0 * 16.0)
        assert shares[plan.rows["split"] == "train"].max() < 1e-9
        assert shares[plan.rows["split"] == "validation"].min() > 1 - 1e-9
        assert plan.meta["dropped"] > 0
        whole = stratified(self.scene, patches=400)
        assert len(plan) + plan.meta["dropped"] == len(whole)
        assert [c["wanted"] for c in plan.meta["classes"]] == [c["wanted"] for c in whole.meta["classes"]]
        assert set(summarise_plan(plan)["splits"]) == {"train", "validation"}

    def test_counts_are_those_of_the_patches_that_are_left(self):
        plan = stratified(self.scene, patches=400, validation=(0.3, 100))
        assert plan.meta["dropped"] > 100
        assert summarise_plan(plan)["drawn_for"] == {c["name"]: c["drawn"] for c in plan.meta["classes"]}
        assert plan.meta["shifted"] == plan.rows["shifted"].sum() > 0
        few = stratified(self.scene, patches=8, validation=(0.3, 100))
        left_out = {f for _, f in few.meta["features_left_out"]}
        assert left_out
        assert left_out == {10, 11, 12, 13} - set(few.rows["feature"])

    def test_a_feature_is_covered_by_the_patches_that_are_left(self):
        small = [(2, Window(12 * i, 12 * j, 6, 6)) for i in range(48) for j in range(64)]
        scene = FakeScene(features=[*WEST, *small])
        settings = {"totals": "covered", "patch_size": 64, "patches": 60}
        whole = stratified(scene, **settings)
        plan = stratified(scene, **settings, validation=(0.3, 150))
        covered, left_out = ({f for _, f in plan.meta[f"features_{how}"]} for how in ("covered", "left_out"))
        assert whole.meta["features_left_out"] == []
        assert len(left_out) > 100
        assert covered | left_out == set(scene.polygons()["feature"]) - set(plan.rows["feature"])
        assert not covered & left_out
        before = {f for _, f in whole.meta["features_covered"]}
        frame, ground = scene.polygons().set_index("feature").geometry, plan.rows.geometry.to_numpy()
        inside = {f for f in before if shapely.covered_by(frame[f], ground).any()}
        assert covered == inside
        assert len(before - inside) > 50

    def test_a_class_left_without_a_training_patch_is_told(self):
        settings = {"patches": 60, "validation": (0.3, 150)}
        plans = [stratified(self.scene, seed=seed, **settings) for seed in range(6)]
        told = 0
        for plan in plans:
            trained = set(plan.rows.loc[plan.rows["split"] == "train", "class_index"])
            without = [name for i, name in enumerate(LEGEND.names) if i not in trained]
            on_training = [note for note in plan.meta["notes"] if "validation patch" not in note]
            assert on_training == ([f"There is no training patch for {', '.join(without)}."] if without else [])
            told += bool(without)
        assert 0 < told < 6
        whole = FakeScene(features=[(0, Window(0, 0, 600, 800)), BERRY])
        assert stratified(whole, **settings | {"validation": (0.0, 2048)}).meta["notes"] == []

    def test_ground_does_not_depend_on_the_patches(self):
        small, large = (grid(self.scene, patch_size=p, validation=(0.3, 200)) for p in (32, 64))
        assert small.meta["validation"] == large.meta["validation"]
        other = grid(self.scene, seed=2, validation=(0.3, 200))
        assert other.meta["validation"] != small.meta["validation"]

    def test_two_dates_on_one_grid_hold_out_the_same_ground(self):
        other = replace(self.scene, name="earlier")
        held = stratified(self.scene, other, validation=(0.3, 100)).meta["validation"]["held_out"]
        assert held["here"] == held["earlier"]

    def test_ground_held_out_in_one_scene_is_not_trained_on_in_another(self):
        moved = replace(GRID, left=GRID.left + 30.0, top=GRID.top - 17.5)
        plan = stratified(
            self.scene,
            replace(self.scene, name="moved", grid=moved),
            patches=600,
            validation=(0.2, 100),
        )
        held = plan.meta["validation"]["held_out"]
        assert held["here"] != held["moved"]
        train = plan.rows[plan.rows["split"] == "train"].geometry.to_numpy()
        for extents in held.values():
            ground = shapely.union_all([shapely.box(*b) for b in extents])
            assert shapely.area(shapely.intersection(train, ground)).max() < 1e-6

    def test_an_empty_side_is_an_error(self):
        far = FakeScene(features=[(1, Window(0, 0, 40, 40)), (2, Window(0, 40, 40, 40))])
        with pytest.raises(LulcsegError, match=r"leaves no patch for '(train|validation)'"):
            stratified(far, validation=(0.5, 400))

    def test_fraction_is_met_as_nearly_as_blocks_allow(self):
        held = HoldOut(GRID, 300, 0.01, np.random.default_rng(0))
        assert held.held.sum() == 1
        almost_all = HoldOut(GRID, 300, 0.99, np.random.default_rng(0))
        assert (~almost_all.held).sum() == 1
        assert almost_all.fraction == pytest.approx(1 - (~almost_all.held * [300, 300, 200]).sum() * 300 / 480_000)


def test_sizes_cover_the_same_ground():
    scene = FakeScene(features=WEST)
    plans = [grid(scene, cell=256, patch_size=p, background="Other") for p in (256, 128, 64, 32)]
    grounds = [shapely.union_all(p.rows.geometry.to_numpy()) for p in plans]
    assert all(g.equals(grounds[0]) for g in grounds)
    assert all(len(b) == 4 * len(a) for a, b in pairwise(plans))
