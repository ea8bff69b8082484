"""Normalisation layers and dropout of the U-Net."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lulcseg.errors import LulcsegError
from lulcseg.models.networks import build_network
from lulcseg.models.norms import InstanceBatchNorm, groups_of
from lulcseg.settings.model import NORMS, ModelSettings


def settings(**more: object) -> ModelSettings:
    return ModelSettings(filters=4, depth=2, **more)  # type: ignore[arg-type]


def kinds(module: nn.Module) -> list[str]:
    return [type(part).__name__ for part in module.modules() if "Norm" in type(part).__name__]


def image(seed: int = 0, side: int = 16) -> Tensor:
    return torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_half_of_the_channels_are_normalised_by_themselves_and_half_over_the_batch() -> None:
    layer, x = InstanceBatchNorm(5), image().repeat(1, 2, 1, 1)[:, :5]
    with torch.no_grad():
        found = layer(x)
    by_itself = (x[:, :2] - x[:, :2].mean((2, 3), keepdim=True)) / (
        x[:, :2].var((2, 3), keepdim=True, unbiased=False) + 1e-5
    ).sqrt()
    over_batch = (x[:, 2:] - x[:, 2:].mean((0, 2, 3), keepdim=True)) / (
        x[:, 2:].var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5
    ).sqrt()
    torch.testing.assert_close(found, torch.cat([by_itself, over_batch], dim=1), rtol=1e-4, atol=1e-5)


def test_instance_batch_mixes_on_the_way_down_alone() -> None:
    network = build_network(settings(norm="instance_batch"), 3, 5)
    mixed, plain = ["InstanceBatchNorm", "InstanceNorm2d", "BatchNorm2d", "BatchNorm2d"], ["BatchNorm2d"] * 2
    assert [kinds(level) for level in network.down] == [mixed, mixed]
    assert [kinds(level) for level in (network.bottom, *network.merge)] == [plain] * 3


def test_group_and_instance_replace_every_norm() -> None:
    assert set(kinds(build_network(settings(norm="group"), 3, 5))) == {"GroupNorm"}
    assert set(kinds(build_network(settings(norm="instance"), 3, 5))) == {"InstanceNorm2d"}
    assert all(channels % groups_of(channels) == 0 for channels in range(1, 600))


@pytest.mark.parametrize("norm", NORMS)
def test_a_patch_is_classified_alike_whatever_shares_its_batch(norm: str) -> None:
    network = build_network(settings(norm=norm, dropout=0.5), 3, 5)
    network(image(1))  # moves the running statistics
    network.eval()
    with torch.no_grad():
        torch.testing.assert_close(network(image())[:1], network(image()[:1]))


def test_the_default_has_the_weights_and_names_of_before() -> None:
    torch.manual_seed(3)
    network = build_network(settings(), 3, 5)
    keys = list(network.state_dict())
    assert keys[:7] == [f"down.0.0.{name}" for name in ("weight",)] + [
        f"down.0.1.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    ] + ["down.0.3.weight"]
    with_dropout = build_network(settings(dropout=0.5), 3, 5)
    assert list(with_dropout.state_dict()) == keys
    torch.manual_seed(3)
    again = build_network(settings(dropout=0.5), 3, 5)
    torch.testing.assert_close(network.state_dict(), again.state_dict(), rtol=0, atol=0)


def test_dropout_drops_channels_of_the_bottom_level_in_training() -> None:
    network = build_network(settings(dropout=0.5), 3, 5)
    seen: list[Tensor] = []
    network.dropout.register_forward_hook(lambda _, given, done: seen.extend([given[0], done]))
    network(image())
    before, after = (each.flatten(2).abs().sum(2) for each in seen)
    dropped = (after == 0) & (before > 0)
    assert 0 < dropped.sum() < dropped.numel()
    torch.testing.assert_close(after[~dropped], 2 * before[~dropped])
    assert not dropped.all(dim=0).any() or not dropped.all(dim=1).any()
    network.eval()(image())
    assert torch.equal(seen[2], seen[3])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"name": "smp", "norm": "group"}, r"model\.norm=group is of the U-Net, and model=smp has layers of its own"),
        ({"name": "smp", "dropout": 0.1}, r"model\.dropout=0\.1 is of the U-Net, and model=smp"),
        ({"target": "my.Net", "norm": "instance"}, r"model\.norm=instance is of the U-Net, and my\.Net"),
        ({"norm": "instance_batch", "filters": 1}, r"halves the channels"),
    ],
)
def test_what_a_network_does_not_take_is_refused(more: dict[str, object], words: str) -> None:
    with pytest.raises(LulcsegError, match=words):
        ModelSettings(**more)  # type: ignore[arg-type]
