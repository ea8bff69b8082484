"""Frozen parts: no gradient, and batch norm that keeps its statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lulcseg.errors import LulcsegError
from lulcseg.models.freezing import encoder_of, freeze, stage_parameters
from lulcseg.models.networks import build_network
from lulcseg.models.unet import UNet
from lulcseg.settings.model import ModelSettings
from tests.support.encoders import encoder, smp


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("resnet18", [("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",)]),
        ("tu-resnet18", [("model.conv1", "model.bn1"), *((f"model.layer{n}",) for n in (1, 2, 3, 4))]),
        ("mit_b0", [tuple(f"{part}{n}." for part in ("patch_embed", "block", "norm")) for n in (1, 2, 3, 4)]),
    ],
)
def test_stages_are_what_each_feature_map_depends_on(name: str, stages: list[tuple[str, ...]]) -> None:
    part = encoder(name)
    names = {id(parameter): key for key, parameter in part.named_parameters()}
    found = [{names[id(p)] for p in stage} for stage in stage_parameters(part)]
    begins: tuple[str, ...] = ()
    assert len(found) == len(stages)
    for parameters, added in zip(found, stages, strict=True):
        begins += added
        assert parameters == {key for key in names.values() if key.startswith(begins)}


def test_a_frozen_encoder_stays_as_it_is() -> None:
    network = build_network(smp(), 3, 2).train()
    frozen = freeze(network, "encoder")
    before = {key: value.clone() for key, value in network.encoder.state_dict().items()}
    network.train()
    frozen.rest()
    network(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(p.grad is None for p in network.encoder.parameters())
    assert all(p.grad is not None for p in network.decoder.parameters())
    assert all(torch.equal(value, before[key]) for key, value in network.encoder.state_dict().items())
    assert len(frozen.parameters) == len(list(network.encoder.parameters()))


def test_the_first_stages_freeze_with_their_norms() -> None:
    network = build_network(smp(), 3, 2).train()
    frozen = freeze(network, "first_2")
    still = {key for key, p in network.encoder.named_parameters() if not p.requires_grad}
    assert still == {key for key, _ in network.encoder.named_parameters() if key.startswith(("conv1", "bn1", "layer1"))}
    norms = {key: m.training for key, m in network.encoder.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert all(training == (not key.startswith(("bn1", "layer1"))) for key, training in norms.items())
    assert len(frozen.parameters) == len(still)


def test_vision_transformers_have_stages_too() -> None:
    network = build_network(smp("tu-vit_tiny_patch16_224", architecture="DPT"), 3, 2)
    freeze(network, "first_1")
    still = {key for key, p in network.encoder.named_parameters() if not p.requires_grad}
    assert "model.blocks.2.attn.qkv.weight" in still
    assert "model.pos_embed" in still
    assert "model.blocks.3.attn.qkv.weight" not in still


def test_trying_the_encoder_leaves_no_trace() -> None:
    part = encoder().train()
    before = {key: value.clone() for key, value in part.state_dict().items()}
    state = torch.get_rng_state()
    stage_parameters(part)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in part.state_dict().items())
    assert all(module.training for module in part.modules())
    assert all(p.grad is None for p in part.parameters())


def test_what_can_not_be_frozen_is_a_sentence() -> None:
    with pytest.raises(LulcsegError, match=r"model\.freeze=first_9: the encoder has 5 stages; use first_1 to first_5"):
        freeze(build_network(smp(), 3, 2), "first_9")
    with pytest.raises(LulcsegError, match=r"model\.freeze=encoder: UNet has no encoder; use model=smp, or leave"):
        freeze(UNet(3, 2, filters=4, depth=1), "encoder")
    with pytest.raises(LulcsegError, match="freeze=half is not a part to freeze; use none, encoder, or first_2"):
        ModelSettings(freeze="half")
    assert encoder_of(build_network(smp(), 3, 2), "x") is not None
