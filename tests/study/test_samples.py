"""Simulated reference samples: against scikit-learn, the library's own scores and estimators, and known variances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, precision_recall_fscore_support

from lulcseg.assessment.design_estimators import stratified_by_map
from lulcseg.assessment.scores import score
from lulcseg.errors import LulcsegError
from lulcseg.legend import PAPER_LEGEND
from lulcseg.study.sample_draws import (
    allocate_points,
    class_measures,
    divide,
    draw_simple,
    draw_stratified,
    drawn_scores,
    proportions,
    stratified_measures,
)
from lulcseg.study.samples import PAPER_HECTARES, WHOLE, compare_designs, simple_random_error, with_shares

NAMES = ("Cane", "Vines", "Other")
PIXELS = np.array([[52_000, 400, 9_000], [100, 2_300, 600], [8_000, 900, 426_700]])


def row(table, **key):
    found = table
    for column, value in key.items():
        found = found[found[column] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_true_values_are_those_of_scikit_learn_on_every_pixel():
    small = np.array([[30, 2, 5], [1, 12, 0], [4, 3, 43]])
    truth, shown = (
        np.repeat(np.repeat(np.arange(3), 3), small.ravel()),
        np.repeat(np.tile(np.arange(3), 3), small.ravel()),
    )
    table = simple_random_error(small, draws=5, names=NAMES)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, shown)
    for figure, expected in (("users", precision), ("producers", recall), ("f1", f1)):
        assert table[table.figure == figure]["true"].to_numpy() == pytest.approx(expected)
        assert table[table.figure == figure]["class"].tolist() == list(NAMES)
    assert row(table, figure="kappa")["true"] == pytest.approx(cohen_kappa_score(truth, shown))
    assert row(table, figure="mean_f1")["true"] == pytest.approx(f1.mean())
    assert row(table, figure="kappa")["class"] == WHOLE


@pytest.mark.parametrize("points", [1, 7, 60])
def test_many_samples_are_scored_as_one_is(points):
    """Small samples, in which classes lack points, or are never mapped, or both."""
    cells = proportions([[50, 1, 3, 0], [2, 2, 1, 0], [4, 1, 20, 0], [3, 0, 2, 0]])
    counts = draw_simple(cells, points, 200, np.random.default_rng(3))
    found = drawn_scores(counts)
    for d, sample in enumerate(counts):
        alone = score(sample)
        for name, values in found.items():
            assert values[d] == pytest.approx(getattr(alone, name), nan_ok=True), name
    assert (np.isnan(found["users"]) & ~np.isnan(found["f1"])).any()  # with points, never mapped
    assert np.isnan(found["producers"]).any()  # without points
    assert (found["f1"][:, 3][~np.isnan(found["f1"][:, 3])] == 0).all()


def test_simple_random_points_have_binomial_errors():
    points, draws = 2_000, 4_000
    table = simple_random_error(PIXELS, points=points, draws=draws, seed=1, names=NAMES)
    shares = PIXELS.sum(axis=1) / PIXELS.sum()
    for k, name in enumerate(NAMES):
        accuracy = row(table, figure="producers", **{"class": name})
        n = points * shares[k]
        assert accuracy.expected_points == pytest.approx(n)
        recall = PIXELS[k, k] / PIXELS[k].sum()
        # E(1/n) of a binomial n is a little above 1/E(n): 8 % with twelve points expected
        assert accuracy.rmse == pytest.approx(math.sqrt(recall * (1 - recall) / n), rel=0.1)
        assert accuracy["mean"] == pytest.approx(recall, abs=4 * accuracy.rmse / math.sqrt(draws))
        if n > 100:
            assert accuracy.high - accuracy.low == pytest.approx(2 * 1.96 * accuracy.rmse, rel=0.08)
    assert (table.low <= table["mean"]).all()
    assert (table.high >= table["mean"]).all()


def test_a_class_without_points_is_left_out_and_said_so():
    table = simple_random_error([[990, 0], [4, 6]], points=100, draws=4_000, names=("Other", "Vines"))
    rare = row(table, figure="f1", **{"class": "Vines"})
    assert rare.defined == pytest.approx(1 - 0.99**100, abs=0.03)
    assert rare.expected_points == pytest.approx(1)
    never = simple_random_error([[990, 0], [10, 0]], draws=50)
    assert row(never, figure="f1", **{"class": "1"})[["true", "mean", "rmse", "defined"]].tolist() == [0, 0, 0, 1]
    undefined = row(never, figure="users", **{"class": "1"})
    assert np.isnan([undefined["true"], undefined["mean"], undefined.low, undefined.rmse]).all()
    assert undefined.defined == 0
    assert row(never, figure="mean_f1")["true"] == pytest.approx(score([[990, 0], [10, 0]]).mean_f1)


def test_shares_change_users_accuracy_and_keep_producers():
    other = with_shares(PIXELS, [10, 1, 989])
    assert other.sum(axis=1) == pytest.approx([0.01, 0.001, 0.989])
    assert other / other.sum(axis=1, keepdims=True) == pytest.approx(PIXELS / PIXELS.sum(axis=1, keepdims=True))
    assert with_shares(PIXELS, PIXELS.sum(axis=1)) == pytest.approx(PIXELS / PIXELS.sum())
    table = simple_random_error(other, draws=5, names=NAMES)
    omitted, seen = 0.01 * 400 / 61_400 + 0.989 * 900 / 435_600, 0.001 * 2_300 / 3_000
    assert row(table, figure="users", **{"class": "Vines"})["true"] == pytest.approx(seen / (seen + omitted))


def test_the_papers_areas_are_its_legends():
    assert list(PAPER_HECTARES) == PAPER_LEGEND.names
    assert sum(PAPER_HECTARES.values()) == 299_471 - 2  # the total as printed; rounded areas miss it by 2
    cells = with_shares(np.eye(9) + 0.01, list(PAPER_HECTARES.values()))
    table = simple_random_error(cells, draws=2, names=PAPER_LEGEND.names)
    assert row(table, figure="f1", **{"class": "Berry Crops"}).expected_points == pytest.approx(3.07, abs=0.01)


@pytest.mark.parametrize(
    ("matrix", "shares"),
    [
        (PIXELS, [1, 2]),
        (PIXELS, [1, -1, 3]),
        (PIXELS, [0, 0, 0]),
        (PIXELS[:2], [1, 1, 1]),
        (-PIXELS, [1, 1, 1]),
        ([[1, 1], [0, 0]], [1, 1]),
    ],
)
def test_shares_that_cannot_be_given_are_refused(matrix, shares):
    with pytest.raises(ValueError, match=r"take as many|confusion matrix|can't be given area"):
        with_shares(matrix, shares)


def test_a_class_that_is_nowhere_may_stay_so():
    assert with_shares([[3, 1], [0, 0]], [1, 0]).tolist() == [[0.75, 0.25], [0, 0]]


def test_weighted_class_measures_many_samples_are_those_the_library_gives_one():
    cells, rng = proportions(PIXELS), np.random.default_rng(5)
    mapped = cells.sum(axis=0)
    counts = draw_stratified(cells, np.array([30, 12, 58]), 60, rng)
    assert (counts.sum(axis=1) == [30, 12, 58]).all()
    found = stratified_measures(counts, mapped)
    for d, sample in enumerate(counts):
        alone = stratified_by_map(sample, mapped * 1e9, NAMES, 1.0)
        for figure, values in found.items():
            expected = [getattr(c, figure).value for c in alone.classes]
            assert values[d] == pytest.approx(expected, nan_ok=True), figure


def test_stratified_points_have_the_errors_of_the_design():
    """User's accuracy is binomial in its own stratum; area is Σ W² p (1 − p) / n (Cochran 1977, eq. 5.7)."""
    table = compare_designs(PIXELS, (900,), 4_000, 2, ("equal",), names=NAMES, interval_draws=2)
    cells = PIXELS / PIXELS.sum()
    weights, n = cells.sum(axis=0), 900
    for k, name in enumerate(NAMES):
        p = cells[k] / weights
        key = {"class": name, "design": "equal"}
        users, area = row(table, figure="users", **key), row(table, figure="share", **key)
        assert users.rmse == pytest.approx(math.sqrt(p[k] * (1 - p[k]) / 300), rel=0.05)
        assert area.rmse == pytest.approx(math.sqrt((weights**2 * p * (1 - p) / 300).sum()), rel=0.05)
        assert area["true"] == pytest.approx(cells[k].sum())
        assert area.mapped_points == 300
        assert area.reference_points == pytest.approx(300 * p.sum())
        simple = row(table, figure="share", **{"class": name, "design": "simple random"})
        assert simple.rmse == pytest.approx(math.sqrt(cells[k].sum() * (1 - cells[k].sum()) / n), rel=0.05)
        assert simple.ratio == 1
        assert area.ratio == pytest.approx(area.rmse / simple.rmse)
    exact = table[table.figure.isin(["users", "share"])]
    assert (exact.bias.abs() < 4 * exact.rmse / math.sqrt(4_000)).all()


def test_intervals_hold_what_they_say_where_points_are_many():
    table = compare_designs(PIXELS, (6_000,), 400, 7, ("proportional", "equal"), names=NAMES, interval_draws=400)
    judged = table[table.figure != "f1"]
    assert judged.coverage.between(0.9, 0.99).all(), judged[["design", "class", "figure", "coverage"]]
    assert (judged.intervals == 1).all()
    assert table[table.figure == "f1"][["coverage", "intervals"]].isna().all(axis=None)


def test_intervals_of_a_share_fail_where_its_omissions_are_rarely_met():
    """A class half of which hides in a huge stratum with few points: either none of it is met, or far too much."""
    hidden = [[999_000, 0], [500, 500]]
    table = compare_designs(hidden, (200,), 300, 0, ("equal",), names=("Other", "Vines"))
    share = row(table, design="equal", figure="share", **{"class": "Vines"})
    assert share.bias == pytest.approx(0, abs=4 * share.rmse / math.sqrt(300))
    assert share.intervals < 0.15  # no interval is given where no error was met
    assert row(table, design="equal", figure="users", **{"class": "Vines"}).intervals == 1


def test_the_same_seed_gives_the_same_and_a_generator_goes_on():
    one, again = (compare_designs(PIXELS, (300,), 20, 4, interval_draws=3) for _ in range(2))
    assert one.equals(again)
    assert not one.equals(compare_designs(PIXELS, (300,), 20, 5, interval_draws=3))
    rng = np.random.default_rng(4)
    assert simple_random_error(PIXELS, 300, 20, rng).equals(simple_random_error(PIXELS, 300, 20, 4))
    assert not simple_random_error(PIXELS, 300, 20, rng).equals(simple_random_error(PIXELS, 300, 20, 4))


def test_counts_and_shares_are_one():
    counts, shares = (simple_random_error(m, 300, 20) for m in (PIXELS, PIXELS / PIXELS.sum()))
    assert counts.drop(columns=["figure", "class"]).to_numpy() == pytest.approx(
        shares.drop(columns=["figure", "class"]).to_numpy()
    )


def test_points_are_shared_as_the_library_shares_them():
    cells = proportions([[600, 0, 20], [10, 0, 5], [10, 0, 355]])  # the second class is never mapped
    assert allocate_points(cells, 100, "equal").tolist() == [50, 0, 50]
    assert allocate_points(cells, 100, "proportional").tolist() == [62, 0, 38]
    assert allocate_points(cells, 120, "olofsson").tolist() == [70, 0, 50]
    spread = [math.sqrt(600 * 20), math.sqrt(355 * 25)]  # W √(U (1 − U)) up to a factor
    assert allocate_points(cells, 1_000, "optimal")[0] == pytest.approx(1_000 * spread[0] / sum(spread), abs=1)
    table = compare_designs([[600, 0, 20], [10, 0, 5], [10, 0, 355]], (120,), 50, 0, ("optimal", "olofsson"))
    assert table[(table["class"] == "1") & (table.figure == "users")]["true"].isna().all()
    with pytest.raises(LulcsegError, match="too few"):
        compare_designs(PIXELS, (100,), 5, 0, ("olofsson",))
    with pytest.raises(LulcsegError, match="no allocation"):
        compare_designs(PIXELS, (100,), 5, 0, ("equl",))


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3 classes"):
        simple_random_error(PIXELS, 10, 2, names=("A", "B"))


def test_class_measures_shares_written_out():
    p = PIXELS / PIXELS.sum()
    found = class_measures(p[np.newaxis])
    assert found["f1"][0] == pytest.approx(2 / (1 / found["users"][0] + 1 / found["producers"][0]))
    assert found["share"][0].sum() == pytest.approx(1)
    assert np.isnan(divide([1.0], 0)).all()
