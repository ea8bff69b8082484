"""Networks, by name and by dotted path."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from lulcseg.errors import LulcsegError
from lulcseg.models.networks import build_network, check_logits
from lulcseg.models.unet import UNet
from lulcseg.settings.model import ModelSettings
from tests.support.custom_parts import TinyNetwork

CUSTOM = "tests.support.custom_parts."


def test_the_papers_unet_has_its_size() -> None:
    network = UNet(3, 9)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(7.76e6, rel=1e-3)
    assert [level[0].out_channels for level in network.down] == [32, 64, 128, 256]
    assert network.bottom[0].out_channels == 512


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (5, 70)])
def test_unet_keeps_any_size(size: tuple[int, int]) -> None:
    assert UNet(4, 5, filters=4, depth=3)(torch.zeros(2, 4, *size)).shape == (2, 5, *size)


def test_smp_models_build_and_wrong_names_are_explained() -> None:
    settings = ModelSettings(name="smp", encoder="resnet18")
    assert build_network(settings, 4, 6)(torch.zeros(1, 4, 64, 64)).shape == (1, 6, 64, 64)
    with pytest.raises(LulcsegError, match="did you mean 'resnet18'"):
        build_network(replace(settings, encoder="resnet81"), 3, 2)
    with pytest.raises(LulcsegError, match="did you mean 'Unet'"):
        build_network(replace(settings, architecture="Uneet"), 3, 2)


def test_anybodys_network_gets_bands_and_classes_if_it_takes_them() -> None:
    network = build_network(ModelSettings(target=CUSTOM + "TinyNetwork", arguments={"width": 7}), 4, 6)
    assert isinstance(network, TinyNetwork)
    assert network.layers[0].weight.shape == (7, 4, 3, 3)
    assert network(torch.zeros(1, 4, 8, 8)).shape == (1, 6, 8, 8)
    assert isinstance(build_network(ModelSettings(target=CUSTOM + "FixedClasses"), 3, 9), nn.Conv2d)


def test_a_target_that_is_not_a_network_is_a_sentence() -> None:
    with pytest.raises(LulcsegError, match=r"not_a_network returns int; it must be a torch\.nn\.Module"):
        build_network(ModelSettings(target=CUSTOM + "not_a_network"), 3, 9)


@pytest.mark.parametrize(
    ("logits", "words"), [(torch.zeros(2, 5, 8, 8), r"returns \(2, 5, 8, 8\) for"), ({"out": 1}, "returns dict for")]
)
def test_another_shape_of_logits_is_a_sentence(logits: object, words: str) -> None:
    image = torch.zeros(2, 3, 8, 8)
    with pytest.raises(LulcsegError, match=words + r".*; logits of shape \(2, 9, 8, 8\) are needed"):
        check_logits(logits, image, 9)
    good = torch.zeros(2, 9, 8, 8)
    assert check_logits(good, image, 9) is good
