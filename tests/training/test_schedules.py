"""Learning-rate schedules."""

from __future__ import annotations

import math

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

from lulcseg.settings.optim import OptimSettings
from lulcseg.training.optimizers import build_optimizer
from lulcseg.training.schedules import constant, cosine, linear, rate_factor

STEPS = 200
PEAK = 0.003


def test_schedule_rises_then_falls_to_nothing() -> None:
    factors = [rate_factor(s, 100, schedule=cosine, warmup=0.1) for s in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[10] == 1
    assert factors[55] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.5)))
    assert factors[100] == pytest.approx(0)
    assert rate_factor(50, 100, schedule=constant, warmup=0.0) == 1
    assert rate_factor(75, 100, schedule=linear, warmup=0.0) == pytest.approx(0.25)


def rates_of_torch(total: int, **arguments: float) -> list[float]:
    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=1.0)
    scheduler = OneCycleLR(optimizer, max_lr=PEAK, total_steps=total, cycle_momentum=False, **arguments)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step() if len(rates) < total else None
    return rates


def rates_of_ours(**settings: float) -> list[float]:
    optim = OptimSettings(schedule="one_cycle", learning_rate=PEAK, **settings)  # type: ignore[arg-type]
    built = build_optimizer(torch.nn.Linear(1, 1), optim, STEPS)
    rates = []
    for _ in range(STEPS + 1):
        rates.append(built["optimizer"].param_groups[0]["lr"])
        built["optimizer"].step()
        built["lr_scheduler"]["scheduler"].step()
    return rates


@pytest.mark.parametrize("rise", [0.1, 0.3])
def test_one_cycle_is_pytorchs(rise: float) -> None:
    # PyTorch's peak is at step pct_start · total - 1, its end at total - 1; here they are at rise · steps and steps
    expected = rates_of_torch(STEPS + 1, pct_start=(rise * STEPS + 1) / (STEPS + 1))
    assert rates_of_ours(rise=rise) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_one_cycle_is_pytorchs_by_default_but_for_part_of_a_step() -> None:
    assert rates_of_ours()[:STEPS] == pytest.approx(rates_of_torch(STEPS), abs=0.02 * PEAK)


def test_one_cycle_brings_its_own_warm_up() -> None:
    assert rates_of_ours(warmup=0.5) == rates_of_ours(warmup=0.0)
    assert OptimSettings(schedule="one_cycle", warmup=0.1).rising_share == 0.3
    assert OptimSettings(schedule="cosine", warmup=0.1).rising_share == 0.1


def test_one_cycle_starts_at_its_peak_without_a_rise() -> None:
    rates = rates_of_ours(rise=0.0)
    assert rates[0] == PEAK
    assert rates == sorted(rates, reverse=True)
