"""The worked examples of Olofsson et al. 2014 and Stehman 2014, to their printed digits.

The papers themselves were not at hand. Their figures are as other implementations quote them, which give the pages: the
R packages mapaccuracy, mapac and drift (Tables 5, 8, 9 and section 5 of Olofsson et al.) and lulc-validation in Python.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from lulcseg.assessment.design import Stratum
from lulcseg.assessment.design_estimators import stratified_by_map, stratified_elsewhere
from lulcseg.assessment.reference_size import allocate, needed_points

# Olofsson et al. 2014, Table 8 (p. 55): rows = map; deforestation, forest gain, stable forest, stable non-forest.
CHANGE = ("deforestation", "forest gain", "stable forest", "stable non-forest")
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])


@pytest.fixture(scope="module")
def olofsson():
    return stratified_by_map(COUNTS.T, PIXELS, CHANGE, 0.09)


def half_widths(estimates):
    return [1.96 * e.se for e in estimates]


def test_olofsson_error_matrix_of_table_9(olofsson):
    printed = [
        [0.0176, 0, 0.0013, 0.0011],
        [0, 0.0110, 0.0016, 0.0024],
        [0.0019, 0, 0.2967, 0.0213],
        [0.0040, 0.0020, 0.0179, 0.6212],
    ]
    assert np.round(np.array(olofsson.shares).T, 4).tolist() == printed


def test_olofsson_accuracies_of_section_5_2_1(olofsson):
    assert round(olofsson.overall.value, 2) == 0.95
    assert round(1.96 * olofsson.overall.se, 2) == 0.02
    assert [round(c.users.value, 2) for c in olofsson.classes] == [0.88, 0.73, 0.93, 0.96]
    assert np.round(half_widths(c.users for c in olofsson.classes), 2).tolist() == [0.07, 0.10, 0.04, 0.02]
    assert [round(c.producers.value, 2) for c in olofsson.classes] == [0.75, 0.85, 0.93, 0.96]


def test_olofsson_half_widths_of_producers_accuracy(olofsson):
    """Printed are .21, .23, .03, .01; the paper's own eq. 7 gives .254 and .018 for the second and fourth."""
    assert np.round(half_widths(c.producers for c in olofsson.classes), 3).tolist() == [0.213, 0.254, 0.034, 0.018]


def test_olofsson_areas_of_section_5_2_2(olofsson):
    assert [round(c.hectares.value) for c in olofsson.classes] == [21_158, 11_686, 285_770, 581_386]
    assert np.round(half_widths(c.hectares for c in olofsson.classes)).tolist() == [6_158, 3_756, 15_510, 16_282]


def test_olofsson_sample_of_section_5_1_1_and_table_5():
    weights, users = [0.020, 0.015, 0.320, 0.645], [0.70, 0.60, 0.90, 0.95]

    assert needed_points(weights, users, standard_error=0.01) == 641
    assert allocate(641, weights, users, "equal", least=2).tolist() == [161, 160, 160, 160]  # printed 160, 640 in all
    assert allocate(641, weights, users, "proportional", least=2).tolist() == [13, 10, 205, 413]


# Stehman 2014, Table 2: ten points in each of four strata.
STRATA = np.repeat([0, 1, 2, 3], 10)
MAP = ["A"] * 7 + ["B"] * 3 + ["A"] + ["B"] * 11 + ["C"] * 6 + ["B"] * 2 + ["D"] * 10
REFERENCE = (
    ["A"] * 5 + ["C", "B", "A", "B", "C", "A"] + ["B"] * 5 + ["A", "A", "B", "B"]
    + ["C"] * 5 + ["D", "D", "B", "B", "A"] + ["D"] * 7 + ["C", "C", "B"]
)  # fmt: skip
SIZES = [40_000, 30_000, 20_000, 10_000]


@pytest.fixture(scope="module")
def stehman():
    counts = np.zeros((4, 4, 4))
    np.add.at(counts, (STRATA, ["ABCD".index(c) for c in REFERENCE], ["ABCD".index(c) for c in MAP]), 1)
    strata = [Stratum(name, size, size * 1.0) for name, size in zip("1234", SIZES, strict=True)]
    return stratified_elsewhere(counts, strata, "ABCD", np.full(4, math.nan), np.zeros(4))


def test_stehman_estimates_of_section_4(stehman):
    a, b, c, _ = stehman.classes

    assert round(a.share.value, 3) == 0.35  # p. 4932
    assert round(c.share.value, 3) == 0.20  # p. 4932
    assert round(stehman.overall.value, 3) == 0.63  # p. 4932
    assert round(b.users.value, 3) == 0.574  # p. 4934
    assert round(b.producers.value, 3) == 0.794  # p. 4934
    assert round(stehman.shares[2][1], 3) == 0.08  # p. 4935: map class B, reference class C


def test_stehman_standard_errors(stehman):
    """The paper prints .085 (overall) and .125 (user's, B), p. 4936; the areas' are held to our own results."""
    a, b, c, _ = stehman.classes

    assert round(stehman.overall.se, 3) == 0.085
    assert round(b.users.se, 3) == 0.125
    assert (round(a.share.se, 3), round(c.share.se, 3)) == (0.082, 0.064)


def test_stehman_producers_error_with_the_variance_that_table_3_holds(stehman):
    """Printed is .114, reached with s²_x = 0 in stratum 4; the data of Tables 2 and 3 have 0.10, which gives .117."""
    assert round(stehman.classes[1].producers.se, 3) == 0.117


def test_other_implementations_of_the_same_example(stehman):
    """Figures of mapac 0.31 (R), which leaves the finite-population correction out: 0.1 % at most here."""
    users = [0.1645627, 0.1248023, 0.2151657, 0.1527525]
    producers = [0.1477318, 0.1165671, 0.1504438, 0.1623242]
    f1 = [0.6969697, 0.6666667, 0.3750000, 0.6666667]

    assert [c.users.se for c in stehman.classes] == pytest.approx(users, rel=6e-4)
    assert [c.producers.se for c in stehman.classes] == pytest.approx(producers, rel=6e-4)
    assert [c.f1.value for c in stehman.classes] == pytest.approx(f1, abs=1e-7)
