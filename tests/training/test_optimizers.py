"""Optimisers by dotted path, and schedules."""

from __future__ import annotations

import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.models.unet import UNet
from lulcseg.settings.optim import OptimSettings
from lulcseg.training.optimizers import build_optimizer


def test_anybodys_optimiser_gets_the_settings_that_it_takes() -> None:
    network = UNet(3, 2, filters=4, depth=1)
    settings = OptimSettings(
        target="torch.optim.RMSprop", learning_rate=0.3, schedule="constant", warmup=0.0, arguments={"alpha": 0.5}
    )
    found = build_optimizer(network, settings, 10)["optimizer"]
    assert isinstance(found, torch.optim.RMSprop)
    (group,) = found.param_groups
    assert len(group["params"]) == len(list(network.parameters()))
    assert (group["initial_lr"], group["weight_decay"], group["alpha"]) == (0.3, 1e-2, 0.5)
    own = OptimSettings(target="torch.optim.RMSprop", arguments={"lr": 0.7})
    assert build_optimizer(network, own, 10)["optimizer"].param_groups[0]["initial_lr"] == 0.7


def test_a_target_that_is_not_an_optimiser_is_a_sentence() -> None:
    with pytest.raises(LulcsegError, match=r"optim\._target_: builtins\.list returns list; it must be"):
        build_optimizer(UNet(3, 2, filters=4, depth=1), OptimSettings(target="builtins.list"), 10)


def test_a_schedule_may_be_anybodys_function() -> None:
    settings = OptimSettings(schedule="tests.support.custom_parts.halving", warmup=0.0)
    built = build_optimizer(UNet(3, 2, filters=4, depth=1), settings, 10)
    rates = []
    for _ in range(3):
        rates.append(built["optimizer"].param_groups[0]["lr"])
        built["optimizer"].step()
        built["lr_scheduler"]["scheduler"].step()
    assert rates == pytest.approx([1e-3 * 0.5 ** (step / 10) for step in range(3)])


def test_weight_decay_spares_norms_and_biases() -> None:
    network = UNet(3, 2, filters=4, depth=1)
    first, second = build_optimizer(network, OptimSettings(), 10)["optimizer"].param_groups
    assert first["weight_decay"] == 1e-2
    assert second["weight_decay"] == 0
    assert all(p.ndim == 1 for p in second["params"])
    assert len(first["params"]) + len(second["params"]) == len(list(network.parameters()))
