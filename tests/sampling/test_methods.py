"""Methods by name, matched totals, and what a plan says of them."""

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy import stats

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.sampling import match_total
from lulcseg.sampling.methods import METHODS
from lulcseg.settings.sampling import SamplingSettings
from tests.support.plans import BERRY, GRID, WEST, FakeScene, grid, stratified

SCENE = FakeScene(features=[*WEST, BERRY])
AREAS = [60_000.0, 5_400.0, 150.0]


def by_class(plan):
    return np.bincount(plan.rows["class_index"], minlength=3).tolist()


class TestNumbers:
    def test_balanced(self):
        plan = stratified(SCENE, method="balanced", patches=61)
        assert by_class(plan) == [21, 20, 20]  # what does not divide goes to the largest
        # Cane: 20 patches over 5,000 and 400 m² are 18.5 and 1.5; the tie goes to the larger.
        assert plan.rows["feature"].value_counts().sort_index().tolist() == [21, 19, 1, 20]
        assert [c["wanted"] for c in plan.meta["classes"]] == [21, 20, 20]
        assert plan.meta["n_patches"] == 61
        assert plan.meta["totals"] is None

    def test_inverse_frequency(self):
        plan = stratified(SCENE, method="inverse_frequency", patches=1000)
        inverse = 1 / np.array(AREAS)
        assert np.abs(by_class(plan) - 1000 * inverse / inverse.sum()).max() < 1
        assert len(plan) == 1000
        assert by_class(stratified(SCENE, method="inverse_frequency", patches=20)) == [1, 1, 18]

    def test_uniform_follows_area(self):
        plan = stratified(SCENE, method="uniform", patches=20_000)
        assert len(plan) == 20_000
        areas = np.array([60_000.0, 5_000.0, 400.0, 150.0])
        counts = plan.rows["feature"].value_counts().sort_index().to_numpy()
        assert 0.001 < stats.chisquare(counts, 20_000 * areas / areas.sum()).pvalue < 0.999
        assert [c["wanted"] for c in plan.meta["classes"]] == [None, None, None]
        assert [c["drawn"] for c in plan.meta["classes"]] == by_class(plan)

    def test_uniform_leaves_features_out_and_says_so(self):
        plan = stratified(SCENE, method="uniform", patches=5)
        drawn, left_out = set(plan.rows["feature"]), {f for _, f in plan.meta["features_left_out"]}
        assert left_out
        assert not drawn & left_out
        assert drawn | left_out == {10, 11, 12, 13}

    def test_a_class_without_features_gets_nothing(self):
        plan = stratified(FakeScene(features=WEST), method="balanced", patches=10)
        assert by_class(plan) == [5, 5, 0]
        assert plan.meta["classes"][2]["wanted"] is None

    def test_the_order_of_scenes_changes_no_number(self):
        a, b = FakeScene("a", features=WEST), FakeScene("b", features=[*WEST, BERRY])
        for method in ("uniform", "balanced", "inverse_frequency"):
            ab, ba = (stratified(*order, method=method, patches=77) for order in ((a, b), (b, a)))
            for name in "ab":
                assert ab.of(name)["row"].tolist() == ba.of(name)["row"].tolist()

    @pytest.mark.parametrize("method", ["uniform", "balanced", "inverse_frequency"])
    def test_bad_numbers(self, method):
        for n in (0, -3):
            with pytest.raises(LulcsegError, match=r"sampling.patches"):
                stratified(SCENE, method=method, patches=n)

    def test_fewer_patches_than_classes(self):
        for method in ("balanced", "inverse_frequency"):
            with pytest.raises(LulcsegError, match="2 patches are fewer than one for each of 3 classes"):
                stratified(SCENE, method=method, patches=2)


class TestMatchTotal:
    @pytest.mark.parametrize(
        ("totals", "asked"), [("exact", 57), ("exact", 4), ("per_feature", 59), ("per_feature", 200)]
    )
    def test_nearest_of_all(self, totals, asked):
        plan = stratified(SCENE, totals=totals, match_total=asked)
        sizes = {n: len(stratified(SCENE, totals=totals, patches=n)) for n in range(1, asked + 5)}
        best = min(sizes, key=lambda n: (abs(sizes[n] - asked), n))
        assert plan.meta["match_total"] == {
            "asked": asked,
            "n_patches": best,
            "total": sizes[best],
        }
        assert len(plan.meta["notes"]) == (sizes[best] != asked)
        assert len(plan) == sizes[best]
        assert plan.digest() == stratified(SCENE, totals=totals, patches=best).digest()
        assert plan.meta["n_patches"] == best

    def test_what_cannot_be_reached_is_noted(self):
        small = [(1, Window(10 * i, 500, 5, 5)) for i in range(30)]
        plan = stratified(FakeScene(features=[*WEST, *small]), match_total=7)
        assert len(plan) == 33
        assert plan.meta["match_total"] == {"asked": 7, "n_patches": 1, "total": 33}
        assert plan.meta["notes"] == [
            "sampling.match_total=7: no N_p was found that gives as many patches; 33 come nearest."
        ]

    def test_it_goes_over_the_number_of_patches(self):
        plan = stratified(SCENE, totals="exact", match_total=57, patches=500)
        assert plan.digest() == stratified(SCENE, totals="exact", match_total=57).digest()

    def test_only_where_there_is_an_n_p(self):
        with pytest.raises(LulcsegError, match=r"sampling.match_total: method 'balanced' has no N_p.*sampling.patches"):
            stratified(SCENE, method="balanced", match_total=9)
        with pytest.raises(LulcsegError, match=r"sampling.match_total: method 'grid' has no N_p"):
            grid(SCENE, match_total=9)
        with pytest.raises(LulcsegError, match=r"sampling.match_total: a total of 0"):
            stratified(SCENE, match_total=0)

    @pytest.mark.parametrize("seed", range(20))
    def test_search_agrees_with_trying_all(self, seed):
        rng = np.random.default_rng(seed)
        totals = np.arange(1, 200) + np.sort(rng.integers(0, 30, 199)) // 3 * 3
        for asked in range(1, 150):
            best = min(range(1, 200), key=lambda n, asked=asked: (abs(totals[n - 1] - asked), n))
            assert match_total.nearest(lambda n: int(totals[n - 1]), asked) == best

    def test_search_around_agrees_with_trying_all(self):
        totals = np.arange(1, 101) + np.random.default_rng(0).integers(-4, 5, 100)
        for asked in range(1, 95):
            best = min(range(1, 101), key=lambda n, asked=asked: (abs(totals[n - 1] - asked), n))
            assert match_total.nearest_around(lambda n: int(totals[n - 1]), asked, 100, 20) == best


class TestGrid:
    def test_origin_and_edge_are_recorded(self):
        scene = FakeScene(features=[(1, Window(0, 0, 600, 800))])
        plan = grid(scene, origin=[GRID.left + 10.1, GRID.top], edge="shift")
        assert plan.meta["origins"] == {
            "here": {"easting": GRID.left + 10.0, "northing": GRID.top, "snapped": True},
        }
        assert plan.meta["origin"] == [GRID.left + 10.1, GRID.top]
        assert plan.meta["edge"] == "shift"
        assert plan.meta["shifted"] == plan.rows["shifted"].sum() > 0
        shifted = plan.rows[plan.rows["shifted"]]
        at_edge = (shifted["row"] >= 600 - 128) | (shifted["col"] < 128) | (shifted["col"] >= 800 - 128)
        assert at_edge.all()
        plain = grid(scene)
        assert plain.meta["origins"]["here"] == {"easting": GRID.left, "northing": GRID.top, "snapped": False}
        assert plain.meta["origin"] is None
        assert plain.meta["shifted"] == 0

    def test_the_shifted_cells_cover_the_whole_scene(self):
        plan = grid(FakeScene(features=[(1, Window(0, 0, 600, 800))]), edge="shift", origin=[GRID.left - 7.5, GRID.top])
        seen = np.zeros((600, 800), dtype=bool)
        for r, c in zip(plan.rows["row"], plan.rows["col"], strict=True):
            seen[r : r + 32, c : c + 32] = True
        assert seen.all()

    def test_a_least_share_of_labels(self):
        def told(rows, cols, patch):
            assert patch == 128
            return np.where(rows < 128, 0.4, 0.6)

        scene = FakeScene(features=WEST, labelled_share=told)
        plan = grid(scene, background="Other", min_labelled=0.5)
        assert plan.rows["row"].min() == 256
        assert plan.meta["cells"]["here"] == {"laid": 24, "meeting": 4, "labelled": 2, "kept": 2}
        assert plan.meta["min_labelled"] == 0.5
        with pytest.raises(
            LulcsegError, match=r"sampling.min_labelled: no patch is left: of 4 cells none has 70% or m"
        ):
            grid(scene, background="Other", min_labelled=0.7)

    def test_what_belongs_to_other_methods_has_no_effect_and_that_is_said(self):
        plain = stratified(SCENE)
        other = stratified(SCENE, cell=77, edge="shift", min_labelled=0.5, origin=[0.0, 0.0], background="Other")
        assert plain.meta["notes"] == []
        assert other.meta["notes"] == [
            "sampling.cell=77, sampling.origin=[0.0, 0.0], sampling.edge=shift, sampling.min_labelled=0.5 "
            "have no effect with sampling.method=stratified."
        ]
        assert other.meta | {"notes": []} == plain.meta
        assert other.digest() == plain.digest()
        cells = grid(SCENE, totals="exact", patches=3)
        assert cells.meta["notes"] == ["sampling.totals=exact has no effect with sampling.method=grid."]
        assert cells.meta | {"notes": []} == grid(SCENE, edge="drop").meta
        for method in ("uniform", "balanced", "inverse_frequency"):
            assert "sampling.totals=exact has" in stratified(SCENE, method=method, totals="exact").meta["notes"][0]

    def test_settings(self):
        with pytest.raises(LulcsegError, match=r"sampling.edge: 'shifted' is not known; did you mean 'shift'"):
            grid(SCENE, edge="shifted")
        with pytest.raises(LulcsegError, match=r"sampling.origin"):
            grid(SCENE, origin=[1.0])


def test_the_settings_choices_are_the_methods():
    (method,) = (f for f in fields(SamplingSettings) if f.name == "method")
    assert set(method.metadata["choices"]) == set(METHODS)
    known = {f.name for f in fields(SamplingSettings)}
    assert all(method.settings < known for method in METHODS.values())


@pytest.mark.parametrize("method", METHODS)
def test_validity_is_told_for_every_patch_where_it_counts(method):
    def told(rows, cols, patch):
        return 0.5 + (rows + cols) / 4000 + patch / 1e6

    plan = stratified(replace(SCENE, valid_share=told), method=method, cell=128, min_valid=0.1)
    assert np.array_equal(plan.rows["valid"], told(plan.rows["row"], plan.rows["col"], 32))


@pytest.mark.parametrize("method", METHODS)
def test_no_pixel_is_read_where_none_is_asked_for(method):
    assert stratified(SCENE, method=method, cell=128).rows["valid"].isna().all()
    with pytest.raises(AssertionError, match="pixels were read"):
        stratified(SCENE, method=method, cell=128, min_valid=0.1)


DIGESTS = {
    "stratified": "9440c3fd5083ebb1",
    "uniform": "8dc1ac727d9f9922",
    "balanced": "c825a1e0a0f2adbb",
    "inverse_frequency": "ed73c1c9b64b352b",
    "grid": "c423991c6b757903",
}


@pytest.mark.parametrize("method", METHODS)
def test_plans_of_earlier_versions_are_drawn_again(method):
    """The same settings and seed give the same plan, to the last bit, as when runs were recorded."""
    draw = grid if method == "grid" else stratified
    assert draw(SCENE, method=method).digest()[:16] == DIGESTS[method]


def test_a_method_of_another_package_counts_the_patches():
    plan = stratified(SCENE, target="tests.support.custom_parts.one_in_each", arguments={"extra": 2})
    counts = plan.rows.groupby(["scene", "feature"]).size()
    assert sorted(counts) == [1] * (len(counts) - 1) + [3]
    assert plan.meta["method"] == "tests.support.custom_parts.one_in_each"


@pytest.mark.parametrize(
    ("target", "arguments", "sentence"),
    [
        ("tests.support.custom_parts.halves", {}, "returned no numbers of patches; return a whole number"),
        ("tests.support.custom_parts.one_in_each", {"extr": 2}, "refuses its arguments"),
        ("tests.support.custom_parts.nothing", {}, "does not exist"),
        ("tests.support.custom_parts.failing_count", {}, r"fails \(KeyError: 'boom'\)"),
    ],
)
def test_a_method_that_cannot_count_is_a_sentence(target, arguments, sentence):
    with pytest.raises(LulcsegError, match=sentence):
        stratified(SCENE, target=target, arguments=arguments)
