"""The area of change of the synthetic landscape, counted and estimated: bias, and coverage over repeated samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from lulcseg.assessment.design import Stratum
from lulcseg.assessment.design_estimators import stratified_elsewhere
from lulcseg.assessment.reference_size import allocate
from lulcseg.change.joint_posterior import JointPosterior
from lulcseg.grid import Window
from lulcseg.legend import PAPER_LEGEND
from lulcseg.scene.synthetic.layout import lay_out
from lulcseg.scene.synthetic.render import Renderer
from lulcseg.scene.synthetic.sensor import SURVEY_2015, SURVEY_2018
from tests.support.change_maps import posterior_of

SIZE, DRAWS, PIXEL = 384, 300, 0.25 / 10_000


@pytest.fixture(scope="module")
def truth() -> tuple[np.ndarray, np.ndarray]:
    """The true classes of both dates."""
    layout, window = lay_out(SIZE, 3), Window(0, 0, SIZE, SIZE)
    earlier = Renderer(layout, 2015, SURVEY_2015, 3, 7).classes(window)
    return earlier.astype(int), Renderer(layout, 2018, SURVEY_2018, 3, 6).classes(window).astype(int)


@pytest.fixture(scope="module")
def shares(truth) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of both dates, of a calibrated classifier whose errors are patchy."""
    rng = np.random.default_rng(1)
    return tuple(posterior_of(each, len(PAPER_LEGEND), 3.5, rng, smooth=1.5).reshape(9, -1) for each in truth)


def test_subtraction_counts_the_errors_of_both_dates(truth, shares) -> None:
    true = (truth[0] != truth[1]).mean()
    assert 0.005 < true < 0.2
    subtracted = (shares[0].argmax(axis=0) != shares[1].argmax(axis=0)).mean()
    independent = JointPosterior(*shares).change().mean()
    persistent = JointPosterior(*shares, 1 - true).change().mean()
    assert subtracted > 1.5 * true
    assert independent > subtracted  # what both are unsure of adds to it
    assert abs(persistent - true) < 0.5 * abs(subtracted - true)


def test_the_estimate_is_unbiased_and_its_interval_covers(truth, shares) -> None:
    """Stratified by the subtraction and a buffer around it, by hand: 300 samples of 500 points."""
    earlier, later = truth
    true = (earlier != later).ravel()
    moved = (shares[0].argmax(axis=0) != shares[1].argmax(axis=0)).reshape(SIZE, SIZE)
    near = (distance_transform_edt(~moved) <= 2) & ~moved
    stratum = np.where(moved, 2, np.where(near, 1, 0)).ravel()
    sizes = np.bincount(stratum)
    points = allocate(500, sizes, [0.02, 0.1, 0.5], "optimal", least=50, pixels=sizes)
    members = [np.flatnonzero(stratum == h) for h in range(3)]
    strata = [Stratum(str(h), float(n), n * PIXEL) for h, n in enumerate(sizes)]
    mapped = moved.ravel()
    rng = np.random.default_rng(4)
    areas, covered = [], 0
    whole = true.sum() * PIXEL
    for _ in range(DRAWS):
        counts = np.zeros((3, 2, 2))
        for h in range(3):
            drawn = rng.choice(members[h], points[h], replace=False)
            np.add.at(counts, (h, (~true[drawn]).astype(int), (~mapped[drawn]).astype(int)), 1)
        found = stratified_elsewhere(counts, strata, ("change", "no change"), [np.nan, np.nan], np.zeros(3))
        area = found.classes[0].hectares
        areas.append((area.value, area.se))
        covered += area.low <= whole <= area.high
    value, error = np.array(areas).T
    assert abs(value.mean() - whole) < 3 * value.std() / np.sqrt(DRAWS)
    assert error.mean() == pytest.approx(value.std(), rel=0.15)
    assert 0.90 <= covered / DRAWS <= 0.985
    counted = mapped.sum() * PIXEL
    assert abs(counted - whole) > 5 * value.std()  # more points make no count on maps right
