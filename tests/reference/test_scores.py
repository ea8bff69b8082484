"""Scores against scikit-learn and scipy, and against the published figures of the paper's Table 8."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, cohen_kappa_score, precision_recall_fscore_support
from sklearn.metrics import confusion_matrix as sklearn_confusion

from lulcseg.assessment.confusion import confusion_matrix
from lulcseg.assessment.intervals import wilson_interval
from lulcseg.assessment.scores import score


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_sklearn(seed):
    rng = np.random.default_rng(seed)
    n_classes = int(rng.integers(2, 12))
    share = rng.dirichlet(np.full(n_classes, 0.7))
    reference = rng.choice(n_classes, size=400, p=share)
    mapped = np.where(rng.random(400) < 0.6, reference, rng.choice(n_classes, size=400))
    labels = np.arange(n_classes)

    matrix = confusion_matrix(reference, mapped, n_classes)
    s = score(matrix)

    np.testing.assert_array_equal(matrix, sklearn_confusion(reference, mapped, labels=labels))
    assert s.overall_accuracy == pytest.approx(accuracy_score(reference, mapped))
    assert s.kappa == pytest.approx(cohen_kappa_score(reference, mapped))
    users, producers, f1, support = precision_recall_fscore_support(
        reference, mapped, labels=labels, zero_division=np.nan
    )
    judged = support > 0
    users[~judged], f1[~judged] = np.nan, np.nan  # sklearn scores a class without reference points 0
    np.testing.assert_allclose(s.users, users)
    np.testing.assert_allclose(s.producers, producers)
    np.testing.assert_allclose(s.f1, f1)
    assert s.classes_averaged == judged.sum()
    # Over the classes with reference points, the means are sklearn's macro averages with zero_division=0.
    macro = precision_recall_fscore_support(reference, mapped, labels=labels[judged], average="macro", zero_division=0)
    assert (s.mean_users, s.mean_producers, s.mean_f1) == pytest.approx(macro[:3])


@pytest.mark.parametrize("trials", [1, 2, 5, 6, 25, 400, 9394])
def test_wilson_agrees_with_scipy(trials):
    for successes in sorted({0, 1, trials // 3, trials - 1, trials}):
        expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        assert wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_without_trials_is_nan():
    assert all(math.isnan(bound) for bound in wilson_interval(0, 0))


TABLE_8 = {  # class: F1, user's, producer's, 2018
    "Banana": (1.0, 1.0, 1.0),
    "Berry": (1.0, 1.0, 1.0),
    "Forestry": (0.8400, 0.9545, 0.7500),
    "Other": (0.9981, 0.9973, 0.9989),
    "Sugarcane": (0.9839, 1.0, 0.9683),
    "Tea Tree": (1.0, 1.0, 1.0),
    "Mature": (0.9602, 0.9361, 0.9856),
    "Young": (0.7297, 0.8710, 0.6279),
    "Vineyards": (1.0, 1.0, 1.0),
}


def test_reproduces_table_8():
    """Counts of 10,000 points that the printed fractions imply give all of Table 8's 2018 figures."""
    names = list(TABLE_8)
    points = {"Banana": 59, "Berry": 4, "Tea Tree": 6, "Vineyards": 5}
    matrix = np.diag([points.get(name, 0) for name in names])
    rows = {
        "Forestry": {"Forestry": 21, "Other": 7},
        "Sugarcane": {"Sugarcane": 244, "Other": 8},
        "Mature": {"Mature": 205, "Young": 3},
        "Young": {"Young": 27, "Mature": 6, "Other": 10},
        "Other": {"Other": 9385, "Forestry": 1, "Mature": 8, "Young": 1},
    }
    for reference, row in rows.items():
        for mapped, count in row.items():
            matrix[names.index(reference), names.index(mapped)] = count
    assert matrix.sum() == 10_000

    s = score(matrix)

    for i, (f1, users, producers) in enumerate(TABLE_8.values()):
        assert (round(s.f1[i], 4), round(s.users[i], 4), round(s.producers[i], 4)) == (f1, users, producers)
    assert (round(s.mean_f1, 4), round(s.mean_users, 4), round(s.mean_producers, 4)) == (0.9458, 0.9732, 0.9256)
    assert round(s.kappa, 4) == 0.9617
    assert s.classes_averaged == 9
