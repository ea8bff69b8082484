"""Activation checkpointing."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lulcseg.errors import LulcsegError
from lulcseg.models.networks import build_network
from lulcseg.settings.model import ModelSettings
from lulcseg.training.recompute import blocks, recompute


@pytest.mark.parametrize("kind", ["unet", "smp"])
def test_recomputed_activations_change_memory_alone(kind: str) -> None:
    settings = ModelSettings(name=kind, filters=8, depth=2, encoder="resnet18")
    torch.manual_seed(0)
    plain = build_network(settings, 3, 9)
    lean = copy.deepcopy(plain)
    assert recompute(lean) == len(list(blocks(plain))) > 4
    assert lean.state_dict().keys() == plain.state_dict().keys()
    image = torch.rand(2, 3, 64, 64)
    kept = []
    for network in (plain, lean):
        seen: dict[int, int] = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, seen=seen: (seen.__setitem__(t.data_ptr(), t.nbytes), t)[1], lambda t: t
        ):
            logits = network(image)
        logits.square().mean().backward()
        kept.append(sum(seen.values()))
    assert kept[1] < 0.6 * kept[0]
    for a, b in zip(plain.parameters(), lean.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)
    for a, b in zip(plain.buffers(), lean.buffers(), strict=True):  # batch norm's statistics see each batch once
        assert torch.equal(a, b)


def test_a_network_without_blocks_is_refused() -> None:
    with pytest.raises(LulcsegError, match=r"trainer\.activation_checkpointing"):
        recompute(nn.Conv2d(3, 9, 1))
