"""From the statistics of weights to those of scaled values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lulcseg.augment.scaler import Scaler
from lulcseg.errors import LulcsegError
from lulcseg.models.pretrained import Normalisation, PretrainedWeights
from lulcseg.models.torchgeo_weights import torchgeo_weights
from lulcseg.models.weights_statistics import pretrained_weights
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.scaling import ScalingSettings
from tests.support.encoders import save_encoder, smp

NONE = ScalingSettings()
MOCO = "ResNet18_Weights.SENTINEL2_RGB_MOCO"


@pytest.fixture
def of_file(tmp_path: Path) -> ModelSettings:
    save_encoder(tmp_path / "rgb.pth")
    return smp(encoder_weights=str(tmp_path / "rgb.pth"))


def known(
    settings: ModelSettings, scaling: ScalingSettings = NONE, bands: int = 3, dtype: str = "uint8"
) -> PretrainedWeights:
    found = pretrained_weights(settings, scaling, bands, dtype)
    assert found is not None
    return found


def test_random_weights_have_none() -> None:
    assert pretrained_weights(smp(), NONE, 3, "uint8") is None
    assert pretrained_weights(ModelSettings(), NONE, 3, "uint8") is None


def test_further_bands_get_the_average_and_it_is_said(of_file: ModelSettings) -> None:
    four = known(of_file, bands=4)
    assert four.mean == pytest.approx([0.485, 0.456, 0.406, (0.485 + 0.456 + 0.406) / 3])
    assert "of 3 bands, the imagery has 4: those of the first convolution are repeated over the bands, times 3/4" in (
        four.describe()
    )
    one = known(of_file, bands=1)
    assert one.mean == pytest.approx([0.449])
    assert "summed; mean and deviation are averaged" in one.describe()


def test_stated_statistics_count(of_file: ModelSettings) -> None:
    stated = replace(of_file, encoder_mean=[0.5], encoder_deviation=[0.25])
    assert (known(stated).mean, known(stated, bands=4).deviation) == ([0.5] * 3, [0.25] * 4)
    with pytest.raises(LulcsegError, match="have 2 values, the imagery 3 bands"):
        known(replace(of_file, encoder_mean=[0.5, 0.5], encoder_deviation=[0.25, 0.25]))
    with pytest.raises(LulcsegError, match="belongs to pretrained weights"):
        pretrained_weights(replace(stated, encoder_weights=None), NONE, 3, "uint8")
    with pytest.raises(LulcsegError, match="go together"):
        ModelSettings(encoder_mean=[0.5])
    with pytest.raises(LulcsegError, match="must be above 0"):
        ModelSettings(encoder_mean=[0.5], encoder_deviation=[0.0])


@pytest.mark.parametrize(
    ("dtype", "value_range"), [("uint16", None), ("uint16", [0.0, 10000.0]), ("float32", [100.0, 9000.0])]
)
def test_raw_statistics_are_brought_to_the_scale_of_the_imagery(dtype: str, value_range: list[float] | None) -> None:
    """Scaled and normalised, raw values are what TorchGeo's own transforms make of them."""
    scaling = ScalingSettings(range=value_range)
    raw = torch.tensor([120.0, 1000.0, 4321.0, 8999.0]).reshape(1, 1, 2, 2).expand(1, 3, 2, 2)
    valid = torch.ones(1, 2, 2, dtype=torch.bool)
    weights = known(smp(encoder_weights=MOCO), scaling, dtype=dtype)
    unit = Scaler(scaling, dtype).to_unit(raw.to(getattr(torch, dtype)), valid)
    found = Normalisation(weights)(unit, valid)
    expected = raw.clone()
    for step in torchgeo_weights(MOCO).transforms:
        expected = step(expected) if hasattr(step, "mean") else expected
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_bytes_are_not_reflectance() -> None:
    with pytest.raises(
        LulcsegError, match=r"up to about 10,000.*0 to 255; set scaling\.range=\[0,10000\] .* else state"
    ):
        known(smp(encoder_weights=MOCO))
    stated = smp(encoder_weights=MOCO, encoder_mean=[0.0], encoder_deviation=[1.0])
    assert known(stated).mean == [0.0] * 3


def test_a_scaling_that_contradicts_the_weights_is_refused(of_file: ModelSettings) -> None:
    with pytest.raises(LulcsegError, match=r"standardise takes out mean and deviation.*; set scaling=none"):
        known(of_file, ScalingSettings(method="standardise"))
    assert (
        "stretched (scaling.method=min_max), then normalised" in known(of_file, ScalingSettings("min_max")).describe()
    )
    assert "stretched" not in known(of_file).describe()


def test_networks_without_encoder_get_no_weights() -> None:
    with pytest.raises(LulcsegError, match="unet has no encoder to give weights to; set model=smp"):
        pretrained_weights(ModelSettings(encoder_weights="imagenet"), NONE, 3, "uint8")
