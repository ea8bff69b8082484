"""Compiling a network."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lulcseg.models.unet import UNet
from lulcseg.training.compiling import compile_network, try_step


def test_a_network_that_cant_be_compiled_runs_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("backend='inductor' raised:\nno compiler found\nSet more")

    network = UNet(3, 9, filters=4, depth=2)
    monkeypatch.setattr(network, "compile", refuse)
    assert compile_network(network, lambda: None) == "no compiler found"
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 9, 32, 32)


def test_a_failed_attempt_leaves_the_network_as_it_was() -> None:
    network = UNet(3, 9, filters=4, depth=2)
    image = torch.zeros(1, 4, 32, 32)  # four bands for three
    why = compile_network(network, lambda: try_step(network, image))
    assert why
    assert network._compiled_call_impl is None
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 9, 32, 32)


def test_a_step_that_fails_backward_leaves_no_trace() -> None:
    network = UNet(3, 9, filters=4, depth=2).train()
    before = copy.deepcopy(network.state_dict())

    def fail(_: Tensor) -> None:
        raise RuntimeError("no room")

    network.head.register_forward_hook(lambda _module, _inputs, output: output.register_hook(fail) and None)
    assert compile_network(network, lambda: try_step(network, torch.rand(2, 3, 32, 32)))
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_weights_that_nothing_uses_are_no_reason_not_to_compile() -> None:
    network = UNet(3, 9, filters=4, depth=2).train()
    network.spare = nn.Linear(2, 2)
    try_step(network, torch.rand(2, 3, 32, 32))


def test_trying_a_step_leaves_no_trace() -> None:
    network = UNet(3, 9, filters=4, depth=2).train()
    image = torch.rand(2, 3, 32, 32)
    before, state = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    try_step(network, image)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
    assert torch.equal(torch.get_rng_state(), state)
