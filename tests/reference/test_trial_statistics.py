"""Statistics of trials against scipy and statsmodels, and the paper's rule on the paper's figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from benchmarks.trials import coverage
from lulcseg.trials.contrasts import NO_RANK_TESTS
from lulcseg.trials.paired_tests import equivalence, holm, paired_t, slopes
from lulcseg.trials.paper_figures import HUMAN, PAPER, paper_figures
from lulcseg.trials.paper_ranking_rule import paper_ranks, round_up
from lulcseg.trials.summary import AS_THE_PAPER, bootstrap_interval, t_interval


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_t_interval_agrees_with_scipy(n):
    scores = np.random.default_rng(n).normal(0.7, 0.05, n)
    expected = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert t_interval(scores) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("n", [5, 9])
def test_bootstrap_agrees_with_scipy(n):
    scores = np.random.default_rng(n).normal(0.7, 0.05, n)
    expected = stats.bootstrap(
        (scores,), np.mean, n_resamples=60_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert bootstrap_interval(scores, draws=60_000) == pytest.approx((expected.low, expected.high), abs=1e-3)


def test_at_five_replicates_the_bootstrap_covers_about_84_percent():
    t, bootstrap = coverage(5, 4000, np.random.default_rng(0))
    assert t == pytest.approx(0.95, abs=0.012)
    assert bootstrap == pytest.approx(0.84, abs=0.015)
    assert "84 %" in AS_THE_PAPER


@pytest.mark.parametrize("n", [2, 5, 11])
@pytest.mark.parametrize("shift", [0.0, 0.01, 0.2])
def test_paired_tests_agree_with_scipy_and_statsmodels(n, shift):
    rng = np.random.default_rng(n)
    first, second = rng.normal(0.6, 0.03, n), rng.normal(0.6 + shift, 0.03, n)
    assert paired_t(second - first) == pytest.approx(stats.ttest_rel(second, first).pvalue, rel=1e-9)
    expected = ttost_paired(second, first, -0.02, 0.02)[0]
    assert equivalence(second - first, 0.02) == pytest.approx(expected, rel=1e-9)


def test_slopes_agree_with_scipy():
    rng = np.random.default_rng(3)
    x = np.log2([10, 50, 100, 150, 200, 250, 280])
    scores = rng.normal(0.5, 0.1, (7, 5))
    expected = [stats.linregress(x, scores[:, seed]).slope for seed in range(5)]
    np.testing.assert_allclose(slopes(x, scores), expected)
    scores[2, 1] = np.nan  # a seed that lacks a value has no slope
    np.testing.assert_allclose(slopes(x, scores), np.delete(expected, 1))


@pytest.mark.parametrize("seed", range(5))
def test_holm_agrees_with_statsmodels(seed):
    p = np.random.default_rng(seed).beta(0.4, 2, 12)
    np.testing.assert_allclose(holm(p.tolist()), multipletests(p, method="holm")[1])
    with_gap = holm([*p[:4], math.nan, *p[4:]])  # what can't be tested isn't counted
    assert math.isnan(with_gap.pop(4))
    np.testing.assert_allclose(with_gap, multipletests(p, method="holm")[1])


def test_rank_tests_cannot_be_significant_at_five_seeds():
    gains = np.array([0.30, 0.31, 0.32, 0.33, 0.34])  # as clear as can be
    flipped = stats.permutation_test((gains,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert stats.wilcoxon(gains, method="exact").pvalue == flipped == 0.0625
    assert paired_t(gains) < 1e-5
    assert "0.0625" in NO_RANK_TESTS


TRIALS_OF_TABLE_6 = (
    "batch_size", "patch_size_grid", "patch_size_stratified", "augmentation", "scaling", "passes",
)  # fmt: skip
NOT_REPRODUCED = {"batch_size", "patch_size_grid"}


def places(group, ties):
    rows = [row for row in PAPER if row.group == group]
    figures = ([getattr(row, key) for row in rows] for key in ("mean_users", "mean_producers", "hours"))
    return paper_ranks(*figures, ties).place.tolist(), [row.rank for row in rows]


@pytest.mark.parametrize("ties", ["average", "min", "dense"])
def test_the_rule_gives_four_of_table_6s_six_rankings(ties):
    for group in TRIALS_OF_TABLE_6:
        ours, printed = places(group, ties)
        assert (ours == printed) is (group not in NOT_REPRODUCED), group


@pytest.mark.parametrize("ties", ["average", "min", "dense"])
def test_the_rule_ties_on_table_9(ties):
    assert places("augmentation_2015", ties) == ([1, 1], [2, 1])


def test_scores_of_stratified_patch_sizes_by_hand():
    """Hours 3.7, 1.2, 1.2, 1.3 round up to 3.75, 1.25, 1.25, 1.5: ranks 1, 3.5, 3.5, 2, twice."""
    ranks = paper_ranks([0.38, 0.43, 0.59, 0.50], [0.86, 0.86, 0.77, 0.71], [3.7, 1.2, 1.2, 1.3])
    assert ranks.users.tolist() == [1, 2, 4, 3]
    assert ranks.producers.tolist() == [3.5, 3.5, 2, 1]
    assert ranks.time.tolist() == [1, 3.5, 3.5, 2]
    assert ranks.score.tolist() == [6.5, 12.5, 13, 8]


def test_time_counts_only_beyond_a_quarter_of_an_hour():
    assert round_up([0.01, 0.25, 0.26, 0.1 + 0.15, 1.0]).tolist() == [0.25, 0.25, 0.5, 0.25, 1.0]
    assert paper_ranks([0.5, 0.6], [0.5, 0.6], [1.0, 1.25]).time is None
    assert paper_ranks([0.5, 0.6], [0.5, 0.6], [1.0, 1.26]).time is not None
    assert paper_ranks([0.5, 0.6], [0.5, 0.6], [1.0, math.nan]).time is None


def test_the_paper_as_data():
    assert len(PAPER) == 7 + 4 + 4 + 2 + 2 + 2 + 2 + 2
    row = paper_figures("augmentation", "augment_on", 2015)
    assert (row.kappa, row.mean_f1, row.mean_users, row.mean_producers, row.hours) == (0.36, 0.40, 0.37, 0.61, 8.9)
    assert paper_figures("batch_size", "batch20") is None
    assert HUMAN[2018].kappa == 0.96
    for row in PAPER:
        low, high = row.kappa_interval
        assert low <= row.kappa <= high
