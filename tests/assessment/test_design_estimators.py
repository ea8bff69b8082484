"""Design-based estimators: against repeated sampling, resampling, plain formulae, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lulcseg.assessment import design_variance as variance
from lulcseg.assessment.design import POST_STRATIFIED, DesignBased, Stratum
from lulcseg.assessment.design_estimators import simple_random, stratified_by_map, stratified_elsewhere
from lulcseg.assessment.design_variance import StratumSample
from lulcseg.assessment.intervals import wilson_interval
from lulcseg.assessment.scores import score
from lulcseg.errors import LulcsegError

NAMES = ("Cane", "Road", "Other")
COUNTS = np.array([[30, 2, 5], [1, 12, 0], [4, 3, 43]])
PIXELS = np.array([2_000, 500, 7_500])


def figures(p):
    """Kappa, F1 and accuracies of shares by reference (rows) and map (columns), written out anew."""
    total, agree = p.sum(), np.trace(p)
    chance = (p.sum(axis=0) * p.sum(axis=1)).sum() / total**2
    f1 = 2 * np.diag(p) / (p.sum(axis=0) + p.sum(axis=1))
    users, producers = np.diag(p) / p.sum(axis=0), np.diag(p) / p.sum(axis=1)
    return np.array([agree / total, (agree / total - chance) / (1 - chance), f1.mean(), *users, *producers, *f1])


def of(found: DesignBased):
    classes = [[getattr(c, kind) for c in found.classes] for kind in ("users", "producers", "f1")]
    return [found.overall, found.kappa, found.mean_f1, *(e for group in classes for e in group)]


def population(seed=3):
    """Strata, map and reference class of 10,000 pixels; strata and map classes are related but not the same."""
    rng = np.random.default_rng(seed)
    stratum = rng.choice(4, 10_000, p=[0.5, 0.25, 0.15, 0.1])
    mapped = np.where(rng.random(10_000) < 0.8, np.minimum(stratum, 2), rng.integers(0, 3, 10_000))
    reference = np.where(rng.random(10_000) < 0.85, mapped, rng.integers(0, 3, 10_000))
    return stratum, mapped, reference


def tallied(stratum, mapped, reference, at, n_strata):
    counts = np.zeros((n_strata, 3, 3))
    np.add.at(counts, (stratum[at], reference[at], mapped[at]), 1)
    return counts


@pytest.mark.parametrize("by_map", [False, True])
def test_estimates_and_errors_are_those_of_repeated_sampling(by_map):
    """1,500 samples of one population: the mean is the truth, the standard error the spread (within 8 %)."""
    stratum, mapped, reference = population()
    stratum = mapped if by_map else stratum
    size = np.bincount(stratum)
    members = [np.flatnonzero(stratum == h) for h in range(len(size))]
    rng = np.random.default_rng(0)
    truth = tallied(stratum, mapped, reference, np.arange(10_000), len(size)).sum(axis=0)
    values, errors = [], []
    for _ in range(1_500):
        at = np.concatenate([rng.choice(part, 80, replace=False) for part in members])
        counts = tallied(stratum, mapped, reference, at, len(size))
        if by_map:
            found = stratified_by_map(counts.sum(axis=0), size, NAMES, 0.01)
        else:
            strata = [Stratum(str(h), float(n), n * 0.01) for h, n in enumerate(size)]
            found = stratified_elsewhere(counts, strata, NAMES, np.zeros(3), np.zeros(len(size)))
        estimates = [*of(found), *(c.share for c in found.classes)]
        values.append([e.value for e in estimates])
        errors.append([e.se for e in estimates])
    expected = [*figures(truth), *(truth.sum(axis=1) / 10_000)]
    spread = np.std(values, axis=0)

    assert np.mean(values, axis=0) == pytest.approx(np.array(expected), abs=0.006)
    real = spread > 1e-9  # nothing else is certain here
    assert np.mean(errors, axis=0)[real] == pytest.approx(spread[real], rel=0.08)


def test_delta_method_against_a_bootstrap_within_strata():
    """4,000 resamples; a bootstrap's spread is by √((n − 1) / n) too small, 1.4 % at most here."""
    found = stratified_by_map(COUNTS, PIXELS, NAMES, 0.01)
    rng, weight = np.random.default_rng(1), PIXELS / PIXELS.sum()
    n = COUNTS.sum(axis=0)
    drawn = np.stack([rng.multinomial(n[k], COUNTS[:, k] / n[k], 4_000) for k in range(3)], axis=2)
    resampled = np.array([figures(sample / n * weight) for sample in drawn])

    errors = np.array([e.se for e in of(found)])
    assert errors == pytest.approx(resampled.std(axis=0), rel=0.08, abs=2e-3)
    assert [e.value for e in of(found)] == pytest.approx(list(figures(COUNTS / n * weight)))


def test_plain_counts_of_a_simple_random_sample():
    found, plain = simple_random(COUNTS, NAMES, 100.0, [20.0, 5.0, 75.0]), score(COUNTS)

    n, agree = COUNTS.sum(), np.trace(COUNTS)
    assert found.overall.value == pytest.approx(plain.overall_accuracy)
    assert found.overall.se == pytest.approx(math.sqrt(agree / n * (1 - agree / n) / (n - 1)))
    assert (found.overall.low, found.overall.high) == wilson_interval(agree, n)
    assert (found.kappa.value, found.mean_f1.value) == pytest.approx((plain.kappa, plain.mean_f1))
    assert found.classes[1].hectares.value == pytest.approx(13.0)
    assert "not adjusted" in found.estimator


def test_kappas_error_is_that_of_fleiss_cohen_and_everitt():
    """The large-sample variance of kappa (1969), as statsmodels has it, which divides by n and not n − 1."""
    from statsmodels.stats.inter_rater import cohens_kappa

    found, known = simple_random(COUNTS, NAMES, 1.0, np.ones(3)), cohens_kappa(COUNTS)

    assert found.kappa.se * math.sqrt(99 / 100) == pytest.approx(known.std_kappa)


def test_strata_called_otherwise_give_what_the_maps_own_give():
    counts = np.zeros((3, 3, 3))
    for k in range(3):
        counts[k, :, k] = COUNTS[:, k]
    strata = [Stratum(name, math.nan, float(n)) for name, n in zip("abc", PIXELS, strict=True)]

    own = stratified_by_map(COUNTS, PIXELS, NAMES, 1.0)
    other = stratified_elsewhere(counts, strata, NAMES, np.zeros(3), np.zeros(3))

    assert [e.se for e in of(own)] == pytest.approx([e.se for e in of(other)])
    assert [c.hectares.value for c in own.classes] == pytest.approx([c.hectares.value for c in other.classes])


@given(
    st.lists(st.integers(0, 20), min_size=9, max_size=9).filter(
        lambda v: min(sum(v[0::3]), sum(v[1::3]), sum(v[2::3])) >= 2
    )
)
def test_shares_sum_to_one_and_columns_to_the_maps_areas(values):
    found = stratified_by_map(np.array(values).reshape(3, 3), PIXELS, NAMES, 0.01)

    assert np.sum(found.shares) == pytest.approx(1)
    assert np.sum(found.shares, axis=0) == pytest.approx(PIXELS / PIXELS.sum())
    assert sum(c.hectares.value for c in found.classes) == pytest.approx(100)
    assert all(math.isnan(e.low) or 0 <= e.low <= e.value <= e.high <= 1 for e in (found.overall, found.mean_users))


def test_gradients_are_the_derivatives():
    p = COUNTS / COUNTS.sum()
    step = 1e-6
    for at, gradient in (
        (1, variance.kappa_gradient(p)),
        (5, variance.users_gradient(p, 2)),
        (10, variance.f1_gradient(p, 1)),
    ):
        there = np.array([[0.0] * 3] * 3)
        for i, j in np.ndindex(3, 3):
            moved = p.copy()
            moved[i, j] += step
            moved[0, 0] -= step  # shares sum to 1
            there[i, j] = (figures(moved)[at] - figures(p)[at]) / step
        assert gradient - gradient[0, 0] == pytest.approx(there, abs=1e-4)


def test_ground_that_the_map_does_not_cover_is_left_out_of_accuracy_but_not_of_the_error():
    counts = np.zeros((1, 2, 2))
    counts[0] = [[30, 10], [5, 35]]
    half = stratified_elsewhere(counts, [Stratum("a", 1e6, 100.0)], "XY", np.zeros(2), [80])
    whole = stratified_elsewhere(counts, [Stratum("a", 1e6, 100.0)], "XY", np.zeros(2), [0])

    assert half.overall.value == pytest.approx(whole.overall.value)
    assert half.overall.se == pytest.approx(whole.overall.se, rel=0.02)  # 80 points on the map either way
    assert half.classes[0].hectares.value == pytest.approx(25)
    assert half.classes[0].hectares.se == pytest.approx(100 * math.sqrt(0.25 * 0.75 / 159), rel=1e-3)
    assert any("80 points" in text for text in half.warnings)


def test_a_stratum_with_one_point_is_refused_and_with_few_warned_of():
    few = COUNTS.copy()
    few[:, 1] = [0, 1, 0]
    with pytest.raises(LulcsegError, match=r"every class of the map needs two points.*'Road' \(1 for 5\.00 ha\)"):
        stratified_by_map(few, PIXELS, NAMES, 0.01)
    few[:, 1] = [1, 1, 0]
    assert stratified_by_map(few, PIXELS, NAMES, 0.01).warnings == (
        "Fewer than 10 points, so standard errors that are hardly known: Road (2).",
    )


def test_all_pixels_of_a_stratum_are_no_sample_of_it():
    whole = COUNTS.copy()
    whole[:, 1] = [0, 1, 0]
    found = stratified_by_map(whole, [2_000, 1, 7_999], NAMES, 0.01)

    assert np.isfinite(found.overall.se)


def test_half_of_all_pixels_tell_more_than_as_many_of_endless_ones():
    counts = np.array([[[30.0, 10], [5, 35]]])
    endless = stratified_elsewhere(counts, [Stratum("a", math.nan, 1.0)], "XY", np.zeros(2), [0])
    half = stratified_elsewhere(counts, [Stratum("a", 160.0, 1.0)], "XY", np.zeros(2), [0])

    assert half.overall.se == pytest.approx(endless.overall.se * math.sqrt(1 / 2))
    assert half.kappa.se == pytest.approx(endless.kappa.se * math.sqrt(1 / 2))


def test_points_where_the_map_has_no_such_class():
    with pytest.raises(LulcsegError, match=r"points lie in a class of the map that has no area: 'Road' \(17\)"):
        stratified_by_map(COUNTS, [2_000, 0, 8_000], NAMES, 0.01)


def test_agreement_throughout_is_no_certainty():
    found = stratified_by_map(np.diag([20, 20, 20]), PIXELS, NAMES, 0.01)

    assert (found.overall.value, found.overall.se) == (1, 0)
    assert math.isnan(found.overall.low)
    assert [(c.hectares.se, math.isnan(c.hectares.low)) for c in found.classes] == [(0, True)] * 3
    assert found.classes[0].users.low == pytest.approx(wilson_interval(20, 20)[0])


def test_a_class_never_mapped_counts_nought_and_one_without_reference_is_left_out():
    counts = np.array([[20, 0, 0, 1], [3, 0, 0, 2], [0, 0, 0, 0], [1, 0, 0, 30]])
    found = stratified_by_map(counts, [100, 0, 0, 900], "ABCD", 1.0)
    a, b, c, d = found.classes

    assert (b.f1.value, b.producers.value) == (0, 0)
    assert math.isnan(b.users.value)
    assert math.isnan(c.producers.value)
    assert found.mean_users.value == pytest.approx((a.users.value + d.users.value) / 3)


def test_what_is_written_is_read_back():
    found = stratified_by_map(COUNTS, PIXELS, NAMES, 0.01, design=POST_STRATIFIED)

    assert DesignBased.from_plain(found.to_plain()) == found


def test_counts_that_make_no_sample():
    with pytest.raises(ValueError, match="no point"):
        StratumSample(np.zeros((1, 2, 2)), [1.0])
    with pytest.raises(ValueError, match="above 0"):
        StratumSample(np.ones((1, 2, 2)), [0.0])
