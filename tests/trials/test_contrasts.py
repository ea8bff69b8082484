"""What a comparison says, in its verdict and its sentence, and what neighbours in a ranking are told to be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from lulcseg.assessment.design import Estimate
from lulcseg.assessment.reliability import Reliability
from lulcseg.trials.collecting import collect
from lulcseg.trials.contrasts import by_pair, named_contrast, pairs
from lulcseg.trials.paired_tests import equivalence, paired_t
from lulcseg.trials.ranking import rank_trial
from lulcseg.trials.trial_reader import Contrast
from tests.support.trials import VIEW, trial_of

NOISE = np.array([0.004, -0.003, 0.001, -0.002, 0.0])
BASE = np.array([0.70, 0.72, 0.69, 0.71, 0.70])


def with_log_loss(trial, losses):
    """Return a trial whose maps' probabilities have these log losses, by value and seed."""
    none = Estimate(math.nan, math.nan, math.nan, math.nan)
    for value, of_seeds in zip(trial.values, losses, strict=True):
        for replicate, loss in zip(trial.of(value.name), of_seeds, strict=True):
            scores = dict.fromkeys(("brier", "ece", "ece_equal_mass", "classwise_ece", "overconfidence"), none)
            found = Reliability(9, "unknown", nll=replace(none, value=loss), ece_by_chance=math.nan, bins=(), **scores)
            replicate.assessments[:] = [replace(a, reliability=found) for a in replicate.assessments]
    return trial


def test_a_contrast_may_be_of_the_log_loss():
    contrast = Contrast("difference", ("v0", "v1"), "nll")
    trial = with_log_loss(trial_of([BASE, BASE], contrast), [BASE + 0.5, BASE + 0.3 + NOISE])
    c = named_contrast(trial, VIEW)
    assert c.metric == "nll"
    assert c.estimate == pytest.approx(-0.2)
    assert c.sentence.startswith("v1 against v0: −0.200 log loss (")
    ranking = rank_trial(trial, VIEW)
    assert ranking.contrast == c
    assert [p.values for p in ranking.pairs] == [("v0", "v1")], "kappa's own comparison is exploratory"
    table = collect([trial])
    assert table["score"][table["metric"] == "nll"].tolist() == pytest.approx([*(BASE + 0.5), *(BASE + 0.3 + NOISE)])


def difference(gain, noise=NOISE, **settings):
    return named_contrast(trial_of([BASE, BASE + gain + noise], Contrast("difference", ("v0", "v1"))), VIEW, **settings)


def test_a_clear_difference_differs():
    c = difference(0.1)
    assert (c.verdict, c.n, c.named) == ("differs", 5, True)
    expected = stats.ttest_1samp(0.1 + NOISE, 0)
    assert c.p == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval(0.95)
    assert c.sentence == (f"v1 against v0: +0.100 kappa (95 % interval +{low:.3f} to +{high:.3f}, p < 0.001, 5 seeds).")


def test_a_difference_may_be_told_and_yet_not_matter():
    c = difference(0.008)
    assert c.verdict == "differs"
    assert "v1 against v0: +0.008 kappa, yet less than 0.02 (" in c.sentence


def test_no_difference_needs_equivalence():
    c = difference(0.0)
    assert c.verdict == "no difference"
    assert "no difference beyond ± 0.02" in c.sentence
    narrower = difference(0.0, margin=0.001)
    assert narrower.verdict == "inconclusive"
    assert "no difference" not in narrower.sentence


def test_an_uncertain_difference_cannot_be_told():
    c = difference(0.02, noise=10 * NOISE)
    assert c.verdict == "inconclusive"
    assert c.sentence.startswith("v1 against v0: inconclusive (+0.020 kappa, 95 % interval −0.0")


def test_a_slope_is_a_doubling_and_its_margin_is_over_the_whole_range():
    table = [BASE + 0.05 * k + k * NOISE for k in range(4)]  # levels 1, 2, 4, 8
    c = named_contrast(trial_of(table, Contrast("slope")), VIEW)
    assert c.estimate == pytest.approx(0.05)
    assert c.sentence.startswith("kappa from v0 to v3: +0.050 per doubling (95 % interval +0.0")
    small = [BASE + 0.006 * k + 3 * k * NOISE for k in range(4)]  # +0.018 from first to last
    assert named_contrast(trial_of(small, Contrast("slope")), VIEW).p_equivalence > 0.05
    assert equivalence(0.006 + 3 * NOISE, 0.02) < 0.05  # of one doubling it would be


def test_a_slope_goes_through_the_values_it_names():
    table = [BASE, BASE + 0.1 + NOISE, BASE + 0.3 + NOISE]
    c = named_contrast(trial_of(table, Contrast("slope", ("v0", "v1"))), VIEW)
    assert c.values == ("v0", "v1")
    assert c.estimate == pytest.approx(0.1)


def test_other_pairs_leave_the_named_one_out_and_are_adjusted():
    table = [BASE, BASE + 0.011 + 3 * NOISE, BASE + 0.012 + 4 * NOISE]
    named = trial_of(table, Contrast("difference", ("v2", "v0")))
    others = pairs(named, VIEW, margin=0.001)
    assert [c.values for c in others] == [("v0", "v1"), ("v1", "v2")]
    assert all(c.p_adjusted >= c.p for c in others)
    assert others[0].p_adjusted == pytest.approx(2 * others[0].p)
    assert others[0].p < 0.05 < others[0].p_adjusted
    assert others[0].verdict == "inconclusive"
    assert "p by Holm's method" in others[0].sentence
    assert len(pairs(trial_of(table), VIEW)) == 3
    assert by_pair(others)[frozenset(("v2", "v1"))] is others[1]
    assert frozenset(("v2", "v0")) not in by_pair(others)


def test_the_same_at_every_seed():
    assert (paired_t(np.zeros(5)), equivalence(np.zeros(5), 0.02)) == (1, 0)
    assert (paired_t(np.full(5, 0.1)), equivalence(np.full(5, 0.1), 0.02)) == (0, 1)


def test_one_seed_tells_nothing():
    c = named_contrast(trial_of([[0.5], [0.9]], Contrast("difference", ("v0", "v1"))), VIEW)
    assert math.isnan(c.p)
    assert c.sentence == "v1 against v0: inconclusive, 1 seed in common."


def test_without_a_named_contrast_there_is_none():
    assert named_contrast(trial_of([BASE, BASE]), VIEW) is None


def test_neighbours_say_when_their_order_means_nothing():
    table = [BASE, BASE + 0.004 + 5 * NOISE, BASE + 0.2 + NOISE]
    ranking = rank_trial(trial_of(table), VIEW)
    assert [r.value for r in ranking.ranked] == ["v2", "v1", "v0"]
    first, second = ranking.neighbours
    assert first.sentence == (
        "v2 is placed above v1: its kappa is significantly higher; ahead in 100 % of the bootstrap draws of seeds."
    )
    assert second.sentence.startswith("v1 is placed above v0: the difference in kappa is inconclusive, so their order")
    assert 0.5 < second.ahead < 1
    assert ranking.rows[2].first == 1
    assert not ranking.time_counts


def test_a_faster_value_may_be_placed_above_a_better_one():
    trial = trial_of([BASE, BASE + 0.1 + NOISE, BASE + 0.2 + NOISE])
    slow = {"v0": 1.0, "v1": 9.0, "v2": 9.5}
    for r in trial.replicates:
        object.__setattr__(r, "training_seconds", 3600 * slow[r.value])
    ranking = rank_trial(trial, VIEW)
    assert ranking.time_counts
    assert [r.score for r in ranking.rows] == [1 + 1 + 6, 2 + 2 + 4, 3 + 3 + 2]
    assert [r.place for r in ranking.rows] == [1, 1, 1]
    assert "v0 ties with v1: but its kappa is significantly lower" in ranking.neighbours[0].sentence
    assert ranking.neighbours[0].ahead == 0.5


def test_a_steady_order_of_like_kappas_is_told_as_such():
    trial = trial_of([BASE, BASE - 0.02 + 8 * NOISE])
    for r in trial.replicates:
        object.__setattr__(r, "training_seconds", 3600 * {"v0": 1.0, "v1": 9.0}[r.value])
    (neighbours,) = rank_trial(trial, VIEW).neighbours
    assert neighbours.ahead >= 0.95
    assert neighbours.sentence.startswith(
        "v0 is placed above v1: the difference in kappa is inconclusive; by the rule's score"
    )
    assert neighbours.sentence.endswith("of the bootstrap draws of seeds, because its training is shorter.")
