"""Optimisers by dotted path, and schedules."""

from __future__ import annotations

import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.models.freezing import freeze
from lulcseg.models.networks import build_network
from lulcseg.models.unet import UNet
from lulcseg.settings.optim import OptimSettings
from lulcseg.training.optimizers import build_optimizer
from tests.support.encoders import smp


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
    settings = OptimSettings(schedule="tests.support.custom_parts.halving", warmup=0.0, learning_rate=0.001)
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


@pytest.mark.parametrize("target", [None, "torch.optim.RMSprop"])
def test_an_encoder_may_have_a_rate_of_its_own(target: str | None) -> None:
    network = build_network(smp(), 3, 2)
    settings = OptimSettings(target=target, learning_rate=0.2, encoder_rate=0.1, schedule="constant", warmup=0.0)
    groups = build_optimizer(network, settings, 10)["optimizer"].param_groups
    of_encoder = {id(p) for p in network.encoder.parameters()}
    for group in groups:
        rate = 0.02 if id(group["params"][0]) in of_encoder else 0.2
        assert group["lr"] == pytest.approx(rate)
        assert len({id(p) in of_encoder for p in group["params"]}) == 1
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))


def test_frozen_parameters_are_in_no_group() -> None:
    network = build_network(smp(), 3, 2)
    frozen = freeze(network, "encoder")
    for settings in (OptimSettings(), OptimSettings(encoder_rate=0.5), OptimSettings(target="torch.optim.RMSprop")):
        groups = build_optimizer(network, settings, 10, frozen=frozen.parameters)["optimizer"].param_groups
        trained = {id(p) for group in groups for p in group["params"]}
        assert trained == {id(p) for p in network.parameters() if p.requires_grad}


def test_no_rate_for_an_encoder_is_a_sentence() -> None:
    with pytest.raises(LulcsegError, match=r"encoder_rate=0 trains no encoder; set model\.freeze=encoder"):
        OptimSettings(encoder_rate=0.0)
    with pytest.raises(LulcsegError, match=r"optim\.encoder_rate=0\.5: UNet has no encoder"):
        build_optimizer(UNet(3, 2, filters=4, depth=1), OptimSettings(encoder_rate=0.5), 10)
