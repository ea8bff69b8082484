"""Learning-rate schedules."""

from __future__ import annotations

import math

import pytest

from lulcseg.training.schedules import constant, cosine, linear, rate_factor


def test_schedule_rises_then_falls_to_nothing() -> None:
    factors = [rate_factor(s, 100, schedule=cosine, warmup=0.1) for s in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[10] == 1
    assert factors[55] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.5)))
    assert factors[100] == pytest.approx(0)
    assert rate_factor(50, 100, schedule=constant, warmup=0.0) == 1
    assert rate_factor(75, 100, schedule=linear, warmup=0.0) == pytest.approx(0.25)
