"""Shifts between mosaics: known ones are found again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.sensor_shifts import resample_factor, sharpness_curves, tone_shift
from lulcseg.augment.other_sensor import Resample


def test_a_gain_and_a_gamma_are_found_again() -> None:
    band = np.quantile(np.random.default_rng(0).beta(2, 4, 1000), np.linspace(0.05, 0.95, 40))
    gain, gamma, left = tone_shift(band, np.clip(1.3 * band, 0, 1) ** 1.25)
    assert (gain, gamma) == pytest.approx((1.3, 1.25), rel=1e-3)
    assert left < 1e-3
    assert tone_shift(band, 0.4 + 0.2 * band)[2] > 0.05, "haze is no gain and gamma"


@pytest.mark.parametrize("factor", [1.5, 2.0, 3.0])
def test_a_coarser_pixel_is_found_again_whatever_the_gain(factor: float) -> None:
    image = np.random.default_rng(1).random((3, 256, 256))
    draw = torch.full((1, 1), factor - 1, dtype=torch.float64) / 4
    given = torch.from_numpy(image).float()[None]
    coarser = Resample(most=5).apply(given, torch.ones(1, 256, 256, dtype=torch.bool), draw, 1.0)[0].double().numpy()
    curves = sharpness_curves(image), sharpness_curves(0.5 * coarser)
    assert resample_factor(*curves) == pytest.approx(factor, abs=0.15)
    assert resample_factor(*curves) == resample_factor(*reversed(curves))
