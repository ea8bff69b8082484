"""The distribution of a band's values: the smoothed density against a closed form, and the curves that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lulcseg.pictures.values_figure import AFTER, BEFORE, smoothed_density, values_figure


@pytest.mark.parametrize("width", [0.05, 0.5])
def test_a_smoothed_gaussian_is_a_wider_gaussian(width: float) -> None:
    ranks = (np.arange(257) / 256).clip(1e-4, 1 - 1e-4)
    at = np.linspace(-2, 2, 33)

    found = smoothed_density(10 + norm.ppf(ranks), 10 + at, width)

    np.testing.assert_allclose(found, norm.pdf(at, scale=np.hypot(1, width)), atol=0.01)


def test_few_quantiles_in_a_tail_are_no_bumps() -> None:
    quantiles = [*np.linspace(0, 1, 250), 20, 40, 60, 80, 100]

    tail = smoothed_density(quantiles, np.linspace(30, 90, 61), 3.0)

    assert tail.max() / tail.min() < 1.2


def test_a_density_integrates_to_one_whatever_the_ties() -> None:
    at = np.linspace(-50, 300, 3501)

    density = smoothed_density([0, 0, 0, 40, 40, 41, 255, 255], at, 3.0)

    assert density.sum() * (at[1] - at[0]) == pytest.approx(1)


def test_curves_are_drawn_for_what_is_known() -> None:
    mosaic, training = np.linspace(0, 100, 257), np.linspace(50, 150, 257)

    def drawn(*parts: object) -> list[object]:
        return [line.get_color() for line in values_figure("Band 1", *parts).axes[0].lines]  # type: ignore[arg-type]

    assert drawn(training, mosaic, training)[1:] == [BEFORE, AFTER]
    assert len(drawn(training, mosaic)) == 2
    assert drawn((), mosaic) == [BEFORE]


def test_the_axis_leaves_outliers_out_and_a_single_value_is_drawn() -> None:
    quantiles = np.linspace(0, 100, 257)
    quantiles[-1] = 60_000

    low, high = values_figure("Band 1", [], quantiles).axes[0].get_xlim()

    assert (low, high) == pytest.approx((-2.6, 102.6), abs=0.5)
    assert np.isfinite(values_figure("Band 1", [], np.full(257, 7.0)).axes[0].lines[0].get_ydata()).all()
