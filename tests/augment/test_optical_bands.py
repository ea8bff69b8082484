"""Bands of several sources: each scaled by its own range, and brightness changed of optical ones alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lulcseg.augment.band_units import BandUnits, check_scaling
from lulcseg.augment.build_augmentation import build
from lulcseg.augment.catalogue import operations
from lulcseg.augment.exchange import Exchange
from lulcseg.augment.operation import Photometric
from lulcseg.augment.optical_bands import OpticalBands
from lulcseg.augment.scaler import Scaler
from lulcseg.errors import LulcsegError
from lulcseg.scene.band_table import Band
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.training.augmenting import build_augmentation
from tests.support.models import augmenting, record

DSM = Band("dsm.1", "float32", range=(600.0, 800.0))
SOIL = Band("soil=2", "uint8", range=(0.0, 1.0))
NIR = Band("nir.1", "uint8", optical=True)
RED, GREEN, BLUE = (Band(f"rgb.{number}", "uint8", optical=True) for number in (1, 2, 3))
MIXED = (DSM, RED, GREEN, SOIL, BLUE)
"""Optical bands among others."""


def raw(bands: tuple[Band, ...] = MIXED, patches: int = 2, side: int = 16) -> tuple[Tensor, Tensor]:
    """Return raw values (B, C, S, S) float32, and validity."""
    rng = np.random.default_rng(3)
    columns = []
    for band in bands:
        low, high = (20, 230) if band.range is None else band.range
        values = rng.uniform(low - (50 if band is DSM else 0), high, (patches, side, side))
        columns.append(values if band is DSM else values.round())
    valid = torch.ones(patches, side, side, dtype=torch.bool)
    valid[0, :3] = False
    return torch.tensor(np.stack(columns, axis=1), dtype=torch.float32), valid


def test_each_band_becomes_0_to_1_by_its_own_range() -> None:
    image, valid = raw()
    unit = Scaler(ScalingSettings(), "float32", bands=MIXED).to_unit(image, valid)
    expected = np.stack(
        [
            np.clip((image[:, 0] - 600) / 200, 0, 1),
            image[:, 1] / 255,
            image[:, 2] / 255,
            image[:, 3],
            image[:, 4] / 255,
        ],
        axis=1,
    )
    np.testing.assert_allclose(unit.numpy(), np.where(valid[:, None], expected, 0), atol=1e-6)
    assert (image[:, 0] < 600).any(), "values beyond the range are clipped"
    chosen = BandUnits([replace(NIR, dtype="uint16"), DSM], [0, 4000])
    assert chosen(torch.tensor([5000.0, 700.0]).view(1, 2, 1, 1)).flatten().tolist() == [1.0, 0.5]


@pytest.mark.parametrize("over", ["batch", "patch", "mosaic", "training"])
@pytest.mark.parametrize("method", ["min_max", "percentile", "standardise"])
@pytest.mark.parametrize("per_band", [False, True])
def test_statistics_stretch_optical_bands_alone(over: str, method: str, per_band: bool) -> None:
    """As a scaler of imagery of three bytes does the same bands, and by the range alone the others."""
    settings = ScalingSettings(method=method, over=over, per_band=per_band)
    image, valid = raw()
    optical = image[:, [1, 2, 4]]
    values = optical.transpose(0, 1).flatten(1).double()

    def summary(rows: Tensor) -> dict[str, list[float]]:
        ends = rows.quantile(torch.tensor([0.02, 0.98], dtype=torch.float64), dim=1).tolist()
        found = {"min": rows.amin(1), "max": rows.amax(1), "mean": rows.mean(1), "std": rows.std(1, correction=0)}
        return {name: part.tolist() for name, part in found.items()} | {"low": ends[0], "high": ends[1]}

    of_three = {"bands": summary(values), "joint": summary(values.view(1, -1))}
    padded = {k: [9e9, v[0], v[1], -9e9, v[2]] for k, v in of_three["bands"].items()}
    of_five = {"bands": padded, "joint": of_three["joint"]}
    plain = Scaler(settings, "uint8", of_three)
    mixed = Scaler(settings, "float32", of_five, bands=MIXED)
    unit = mixed.to_unit(image, valid)
    limits = [scaler.limits_of(each) for scaler, each in ((plain, of_three), (mixed, of_five))]
    expected = plain(plain.to_unit(optical, valid), valid, over, limits[0])
    found = mixed(unit, valid, over, limits[1])
    torch.testing.assert_close(found[:, [1, 2, 4]], expected)
    assert not torch.equal(expected, unit[:, [1, 2, 4]])
    assert torch.equal(found[:, [0, 3]], unit[:, [0, 3]])
    assert not found[:, :, ~valid[0]][0].any()


@pytest.mark.parametrize("name", [n for n, kind in operations().items() if issubclass(kind, Photometric)])
def test_operations_on_values_leave_other_bands_as_they_are(name: str) -> None:
    """And change optical ones as they would alone: hue and JPEG, of three bands, too."""
    image, valid = raw(side=32)
    image, mask = BandUnits(MIXED)(image), torch.zeros(2, 32, 32, dtype=torch.uint8)
    mixed, alone = build("none", 5, p={name: 1.0}, optical=[1, 2, 4]), build("none", 3, p={name: 1.0})
    found, _, _ = mixed(image, mask, valid, generator=torch.Generator().manual_seed(4))
    expected, _, _ = alone(image[:, [1, 2, 4]].clone(), mask, valid, generator=torch.Generator().manual_seed(4))
    assert torch.equal(found[:, [1, 2, 4]], expected)
    assert not torch.equal(expected, image[:, [1, 2, 4]])
    assert torch.equal(found[:, [0, 3]], image[:, [0, 3]])


@pytest.mark.parametrize("name", [n for n, kind in operations().items() if kind.group == "geometry"])
def test_geometry_moves_all_bands_alike(name: str) -> None:
    plane = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    image, mask = plane.repeat(1, 5, 1, 1), torch.zeros(2, 32, 32, dtype=torch.uint8)
    moved, _, _ = build("none", 5, p={name: 1.0}, optical=[1, 2, 4])(image, mask, torch.ones(2, 32, 32).bool())
    assert not torch.equal(moved, image)
    for band in range(1, 5):
        assert torch.equal(moved[:, band], moved[:, 0])


def test_the_record_says_which_bands_are_optical() -> None:
    table = [band.to_plain() for band in MIXED]
    own = record(bands=5, dtype="float32", band_table=table)
    augmentation = build_augmentation(augmenting(name="light"), own)
    assert "hue" in {operation.name for operation in augmentation.operations}, "three of the five are optical"  # type: ignore[union-attr]
    assert augmentation.optical.optical.tolist() == [1, 2, 4]  # type: ignore[union-attr]
    deep = [replace(RED, dtype="uint16").to_plain(), *table[:1]]
    with pytest.raises(LulcsegError, match="the uint16 values that 0 and 1 stand for are not known"):
        build_augmentation(augmenting({"gamma": 1.0}), record(bands=2, dtype="float32", band_table=deep))
    assert own.of_optical("abcde") == ["b", "c", "e"]


@pytest.mark.parametrize("kind", ["histogram", "fourier"])
def test_exchange_changes_optical_bands_alone(kind: str) -> None:
    image, valid = raw()
    ends = [[0.0, 100.0, 255.0]] * 3, [[90.0, 120.0, 140.0]] * 3
    pool = [torch.ones(4, 3, 3, 2)] if kind == "fourier" else None
    exchange = Exchange(1.0, 1.0, [ends[0]], [ends[1]], amplitudes=pool, optical=OpticalBands([1, 2, 4], 5))
    scene = torch.zeros(2, dtype=torch.int64)
    found, _ = exchange(image, valid, scene, None, torch.Generator().manual_seed(1))
    alone = Exchange(1.0, 1.0, [ends[0]], [ends[1]], amplitudes=pool)
    expected, _ = alone(image[:, [1, 2, 4]], valid, scene, None, torch.Generator().manual_seed(1))
    assert torch.equal(found[:, [1, 2, 4]], expected)
    assert torch.equal(found[:, [0, 3]], image[:, [0, 3]])
    assert not torch.equal(found, image)


@pytest.mark.parametrize(
    ("bands", "scaling", "part"),
    [
        ((RED, replace(DSM, range=None)), {}, "which of the float32 values of dsm.1 become 0 and 1"),
        ((RED, replace(NIR, range=(0.0, 99.0))), {"method": "min_max"}, "scaling.per_band=true"),
        (
            (replace(RED, range=(0.0, 99.0)), DSM),
            {"method": "standardise", "over": "mosaic"},
            "the range of an optical source doesn't go with mean and deviation",
        ),
    ],
)
def test_what_is_not_known_is_asked_for(bands: tuple[Band, ...], scaling: dict[str, object], part: str) -> None:
    with pytest.raises(LulcsegError, match=part):
        check_scaling(bands, ScalingSettings(**scaling))  # type: ignore[arg-type]
    check_scaling((RED, NIR, DSM, SOIL, replace(DSM, dtype="uint8", range=None)), ScalingSettings(method="min_max"))
    check_scaling((RED, replace(NIR, range=(0.0, 99.0))), ScalingSettings(method="min_max", per_band=True))
