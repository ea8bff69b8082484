"""Stretching by limits: what counts, what comes out as 0, and what doesn't depend on what."""

from __future__ import annotations

import pytest
import torch

from lulcseg.augment.stretch import batch_limits, limits_from, patch_limits, stretch, to_unit, unit_range

METHODS = ["min_max", "percentile", "standardise"]


def images(bands: int = 3, size: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and where they are valid; elsewhere lie values far beyond the others."""
    draw = torch.Generator().manual_seed(seed)
    image = torch.rand(size, bands, 24, 20, generator=draw)
    valid = torch.rand(size, 24, 20, generator=draw) > 0.2
    return torch.where(valid.unsqueeze(1), image, 50.0), valid


@pytest.mark.parametrize("bands", [1, 3, 4, 7])
@pytest.mark.parametrize("per_band", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_shapes_and_invalid_pixels(method, per_band, bands):
    image, valid = images(bands)
    count = bands if per_band else 1
    own, whole = (take(image, valid, method, per_band=per_band) for take in (patch_limits, batch_limits))
    assert own.offset.shape == own.span.shape == (4, count, 1, 1)
    assert whole.offset.shape == whole.span.shape == (1, count, 1, 1)
    changed = torch.where(valid.unsqueeze(1), image, -80.0)
    for limits, again in ((own, patch_limits), (whole, batch_limits)):
        out = stretch(image, valid, limits, clip=False)
        assert out.dtype == torch.float32
        assert not out[~valid.unsqueeze(1).expand_as(out)].any()
        other = again(changed, valid, method, per_band=per_band)
        assert torch.equal(out, stretch(changed, valid, other, clip=False))


@pytest.mark.parametrize("per_band", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_a_patch_does_not_depend_on_its_neighbours(method, per_band):
    image, valid = images(size=5)
    together = patch_limits(image, valid, method, per_band=per_band)
    for i in range(5):
        alone = patch_limits(image[i : i + 1], valid[i : i + 1], method, per_band=per_band)
        assert torch.equal(alone.offset, together.offset[i : i + 1])
        assert torch.equal(alone.span, together.span[i : i + 1])


@pytest.mark.parametrize("take", [patch_limits, batch_limits])
@pytest.mark.parametrize("method", METHODS)
def test_constant_one_pixel_and_empty_patches_come_out_as_zero(method, take):
    image, valid = images(size=3)
    image[0], valid[1] = 0.1, False
    valid[1, 3, 4] = True
    valid[2] = False
    for i in range(3):
        one, where = image[i : i + 1], valid[i : i + 1]
        limits = take(one, where, method, per_band=True)
        assert torch.isfinite(limits.offset).all()
        assert torch.equal(limits.span, torch.zeros_like(limits.span))
        assert not stretch(one, where, limits, clip=False).any()


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_band_leaves_the_others(method):
    image, valid = images()
    image[:, 1] = 0.3
    out = stretch(image, valid, patch_limits(image, valid, method, per_band=True), clip=False)
    assert not out[:, 1].any()
    assert out[:, 0].std() > 0
    assert out[:, 2].std() > 0


def test_min_max_fills_zero_to_one_and_clipping_keeps_to_it():
    image, valid = images()
    out = stretch(image, valid, patch_limits(image, valid, "min_max", per_band=True), clip=False)
    assert torch.equal(out.amin(dim=(2, 3)), torch.zeros(4, 3))
    assert torch.equal(out.amax(dim=(2, 3)), torch.ones(4, 3))
    ends = patch_limits(image, valid, "percentile", per_band=True)
    beyond, kept = (stretch(image, valid, ends, clip=clip) for clip in (False, True))
    assert beyond.min() < 0
    assert beyond.max() > 1
    assert torch.equal(kept, beyond.clamp(0, 1))


@pytest.mark.parametrize("stray", [1e3, -1e3])
def test_a_stray_extreme_costs_percentiles_little(stray):
    image, valid = images(bands=1, size=1)
    before = patch_limits(image, valid, "percentile", per_band=True)
    row, col = valid[0].nonzero()[0].tolist()
    image[0, 0, row, col] = stray
    after = patch_limits(image, valid, "percentile", per_band=True)
    assert after.offset.item() == pytest.approx(before.offset.item(), abs=0.012)
    assert after.span.item() == pytest.approx(before.span.item(), abs=0.015)


@pytest.mark.parametrize(
    ("dtype", "chosen", "expected"),
    [
        ("uint8", None, (0.0, 255.0)),
        ("uint16", None, (0.0, 65535.0)),
        ("int16", None, (0.0, 32767.0)),
        ("float32", None, (0.0, 1.0)),
        ("uint16", [100, 4100], (100.0, 4100.0)),
    ],
)
def test_unit_range(dtype, chosen, expected):
    unit = unit_range(dtype, chosen)
    assert unit == expected
    ends = to_unit(torch.tensor([unit[0], unit[1], sum(unit) / 2]), unit)
    assert torch.allclose(ends, torch.tensor([0.0, 1.0, 0.5]))


@pytest.mark.parametrize("unit", [(0.0, 255.0), (20.0, 220.0)])
@pytest.mark.parametrize("per_band", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_limits_of_statistics_are_in_the_images_units(method, per_band, unit):
    numbers = {"min": [10.0, 30.0], "max": [210.0, 30.0], "mean": [90.0, 30.0], "std": [25.0, 0.0]}
    bands = numbers | {"low": [20.0, 30.0], "high": [190.0, 30.0]}
    statistics = {"bands": bands, "joint": {name: value[:1] for name, value in bands.items()}}
    raw = torch.tensor([10.0, 60.0, 210.0]).expand(1, 2, 1, 3)
    out = stretch(
        to_unit(raw, unit),
        torch.ones(1, 1, 3, dtype=torch.bool),
        limits_from(statistics, method, per_band=per_band, unit=unit),
        clip=False,
    )
    offset, span = {"min_max": (10, 200), "percentile": (20, 170), "standardise": (90, 25)}[method]
    assert torch.allclose(out[0, 0, 0], (raw[0, 0, 0] - offset) / span, atol=1e-5)
    assert out[0, 1].any() != per_band
