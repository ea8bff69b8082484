"""Every architecture of segmentation-models-pytorch at any size, with the names and results that it had before."""

from __future__ import annotations

import pytest
import segmentation_models_pytorch as official
import torch
from torch.nn import functional

from lulcseg.errors import LulcsegError
from lulcseg.models.any_size import pad_to
from lulcseg.models.networks import build_network
from tests.support.encoders import smp

ARCHITECTURES = [kind.__name__ for kind in official.MODEL_ARCHITECTURES_MAPPING.values()]
VIT = "tu-vit_tiny_patch16_224"
ENCODERS = {"DPT": VIT}


def built(architecture: str, seed: int = 0, **options: object) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return our network and smp's of the same seed."""
    encoder = ENCODERS.get(architecture, "resnet18")
    torch.manual_seed(seed)
    ours = build_network(smp(encoder, architecture=architecture), 3, 4).eval()
    torch.manual_seed(seed)
    return ours, official.create_model(architecture, encoder, None, in_channels=3, classes=4, **options).eval()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_an_architecture_takes_any_size_and_is_what_it_was(architecture: str) -> None:
    ours, theirs = built(architecture, **({"dynamic_img_size": True} if architecture == "DPT" else {}))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))
    for height, width in ((64, 64), (100, 64), (37, 100)):
        assert ours(torch.rand(1, 3, height, width)).shape == (1, 4, height, width)
    image = torch.rand(1, 3, 128, 128)
    assert torch.equal(ours(image), theirs(image))
    odd = image[..., :100, :97]
    if architecture == "Unet":  # takes odd sizes itself, as before
        assert torch.equal(ours(odd), theirs(odd))
    else:
        padded = functional.pad(odd, (0, 31, 0, 28), mode="reflect")
        multiple = ours.multiple
        right, down = -(-97 // multiple) * multiple, -(-100 // multiple) * multiple
        if architecture == "PAN":
            right = down = 128
        torch.testing.assert_close(ours(odd), theirs(padded[..., :down, :right])[..., :100, :97])


@pytest.mark.parametrize("architecture", ["PAN", "DeepLabV3", "DeepLabV3Plus", "UPerNet"])
def test_batch_norm_over_one_value_is_a_sentence(architecture: str) -> None:
    network = build_network(smp(architecture=architecture), 3, 2).train()
    network(torch.rand(2, 3, 64, 64))
    with pytest.raises(LulcsegError, match=r"can't be trained on 1 of them; train with two patches or more"):
        network(torch.rand(1, 3, 64, 64))


def test_an_encoder_of_one_size_is_padded_to_it_or_refused() -> None:
    network = build_network(smp("tu-swin_tiny_patch4_window7_224"), 3, 2).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, 40, 50)).shape == (1, 2, 40, 50)
    with pytest.raises(LulcsegError, match=r"takes images of 224², not of 256; set sampling\.patch_size"):
        network(torch.rand(1, 3, 256, 64))


def test_padding_reflects_where_it_can() -> None:
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert pad_to(image, 2, 3) is image
    assert pad_to(image, 3, 5)[0, 0].tolist() == [[0, 1, 2, 1, 0], [3, 4, 5, 4, 3], [0, 1, 2, 1, 0]]
    assert pad_to(image, 2, 6)[0, 0, 0].tolist() == [0, 1, 2, 2, 2, 2]


def test_a_dinov3_transformer_builds_offline() -> None:
    network = build_network(smp("tu-vit_small_patch16_dinov3", architecture="DPT"), 4, 3)
    network.train()(torch.rand(2, 4, 40, 40)).sum().backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize("architecture", ["PSPNet", "DPT"])
def test_what_an_architecture_leaves_unused_waits_for_no_gradient(architecture: str) -> None:
    network = build_network(smp(ENCODERS.get(architecture, "resnet18"), architecture=architecture), 3, 2).train()
    network(torch.rand(2, 3, 64, 64)).sum().backward()
    idle = [name for name, p in network.named_parameters() if not p.requires_grad]
    assert idle
    assert all(p.requires_grad == (p.grad is not None) for p in network.parameters())


@pytest.mark.parametrize(
    ("architecture", "encoder", "words"),
    [
        ("DPT", "resnet18", r"model\.encoder: DPT takes a vision transformer of timm, not 'resnet18'; use .*tu-vit_"),
        ("DPT", "tu-resnet18", r"DPT can't be built on .*patches of 16 pixels\); use model\.encoder=tu-vit"),
        ("Unet", "tu-resnet81", r"model\.encoder: timm has no encoder 'resnet81'; did you mean 'tu-resnet"),
        ("Unet", "tu-zzz", r"no encoder 'zzz'; timm\.list_models\(\) lists them"),
        ("Unet", VIT, r"Unet can't be built on encoder .*; use model\.architecture=DPT for vision transformers"),
        ("DeepLabV3", "vgg11", r"DeepLabV3 can't be built on encoder 'vgg11' .*; use a ResNet"),
        ("UnetPlusPlus", "mit_b0", r"model\.architecture: UnetPlusPlus can't be built on encoder 'mit_b0'"),
    ],
)
def test_pairs_that_do_not_go_together_are_a_sentence(architecture: str, encoder: str, words: str) -> None:
    with pytest.raises(LulcsegError, match=words):
        build_network(smp(encoder, architecture=architecture), 3, 2)
