"""What must hold of a trial's statistics whatever the scores."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lulcseg.trials.contrasts import named_contrast, pairs
from lulcseg.trials.paired_tests import holm
from lulcseg.trials.paper_ranking_rule import paper_ranks
from lulcseg.trials.ranking import rank_trial
from lulcseg.trials.summary import bootstrap_interval, t_interval
from lulcseg.trials.trial_reader import Contrast
from tests.support.trials import VIEW, trial_of

unit = st.integers(0, 1000).map(lambda k: k / 1000)
score_lists = st.lists(unit, min_size=2, max_size=7)


def tables(n_values=3, n_seeds=4):
    return st.lists(st.lists(unit, min_size=n_seeds, max_size=n_seeds), min_size=n_values, max_size=n_values)


def figures(trial):
    c = named_contrast(trial, VIEW)
    return [c, *pairs(trial, VIEW)] if c else pairs(trial, VIEW)


@given(score_lists, st.randoms(use_true_random=False))
def test_the_order_of_replicates_changes_no_interval(scores, random):
    shuffled = random.sample(scores, len(scores))
    assert t_interval(shuffled) == pytest.approx(t_interval(scores))
    assert bootstrap_interval(shuffled) == pytest.approx(bootstrap_interval(scores), abs=1e-12)


@given(score_lists)
def test_intervals_hold_the_mean_and_the_bootstrap_is_the_narrower(scores):
    mean = np.mean(scores)
    low, high = t_interval(scores)
    narrow = bootstrap_interval(scores)
    assert low <= mean + 1e-12
    assert mean <= high + 1e-12
    assert min(scores) - 1e-12 <= narrow[0] <= narrow[1] <= max(scores) + 1e-12
    if np.ptp(scores) > 0 and len(scores) <= 5:
        assert narrow[1] - narrow[0] < high - low


@given(tables(), st.permutations(range(4)))
def test_the_order_of_seeds_changes_no_comparison(table, order):
    contrast = Contrast("slope")
    shuffled = trial_of([[row[i] for i in order] for row in table], contrast, order)
    for one, other in zip(figures(trial_of(table, contrast)), figures(shuffled), strict=True):
        assert one.p_adjusted == pytest.approx(other.p_adjusted, abs=1e-9, nan_ok=True)
        assert one.estimate == pytest.approx(other.estimate, abs=1e-12)


@given(tables(), st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=4))
def test_what_a_seed_adds_to_all_values_changes_no_comparison(table, shifts):
    """Paired over seeds, so neither a shift of all kappas nor one of each seed's matters."""
    moved = [[score + shift for score, shift in zip(row, shifts, strict=True)] for row in table]
    contrast = Contrast("slope")
    for one, other in zip(figures(trial_of(table, contrast)), figures(trial_of(moved, contrast)), strict=True):
        assert one.estimate == pytest.approx(other.estimate, abs=1e-9)
        assert one.p == pytest.approx(other.p, abs=1e-6)


@given(tables(2, 5))
def test_the_other_way_round_a_difference_is_its_opposite(table):
    forward = named_contrast(trial_of(table, Contrast("difference", ("v0", "v1"))), VIEW)
    backward = named_contrast(trial_of(table, Contrast("difference", ("v1", "v0"))), VIEW)
    assert forward.estimate == pytest.approx(-backward.estimate)
    assert (forward.p, forward.p_equivalence) == pytest.approx((backward.p, backward.p_equivalence), abs=1e-9)
    assert forward.verdict == backward.verdict


@given(tables())
def test_nothing_is_called_equal_for_want_of_evidence(table):
    for c in figures(trial_of(table)):
        if c.verdict == "no difference":
            assert c.p_equivalence < 0.05
            assert abs(c.estimate) < c.margin
        if c.verdict == "inconclusive":
            assert not c.p_adjusted < 0.05
            assert "inconclusive" in c.sentence


@given(st.lists(unit, min_size=1, max_size=12))
def test_holm_only_raises_and_keeps_the_order(p):
    adjusted = holm(p)
    assert all(a >= raw and a <= 1 for a, raw in zip(adjusted, p, strict=True))
    for (p1, a1), (p2, a2) in itertools.permutations(zip(p, adjusted, strict=True), 2):
        assert not (p1 < p2 and a1 > a2)


@given(st.lists(st.tuples(unit, unit, unit), min_size=1, max_size=8), st.sampled_from(["average", "min", "dense"]))
def test_being_better_in_everything_is_being_placed_no_lower(rows, ties):
    users, producers, hours = np.array(rows).T
    ranks = paper_ranks(users, producers, 8 * hours, ties)
    for i, j in itertools.permutations(range(len(rows)), 2):
        if users[i] >= users[j] and producers[i] >= producers[j] and hours[i] <= hours[j]:
            assert ranks.place[i] <= ranks.place[j]
    assert ranks.place.min() == 1
    if ties == "average":
        assert ranks.users.sum() == len(rows) * (len(rows) + 1) / 2


@given(tables())
def test_first_places_are_shared_out_wholly(table):
    ranking = rank_trial(trial_of(table), VIEW)
    assert sum(row.first for row in ranking.rows) == pytest.approx(1)
    assert len(ranking.neighbours) == 2
    assert [r.place for r in ranking.ranked] == sorted(r.place for r in ranking.rows)
