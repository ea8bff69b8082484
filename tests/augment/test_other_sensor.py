"""Operations that imitate another sensor, against independent implementations."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image

from lulcseg.augment.augmentation import table_of_draws
from lulcseg.augment.other_sensor import Jpeg, Resample, Response

SIDE = 64
VALID = torch.ones(1, SIDE, SIDE, dtype=torch.bool)


def smooth(seed: int = 0) -> torch.Tensor:
    """Return a patch of smooth colours, (1, 3, 64, 64)."""
    coarse = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic").clamp(0, 1)


def test_jpeg_is_about_that_of_pillow() -> None:
    image = smooth()
    pixels = (image[0].permute(1, 2, 0) * 255).round().byte().numpy()
    for draw, quality in ((0.0, 95), (0.5, 62), (0.999, 30)):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        expected = np.asarray(Image.open(buffer)).astype(float)
        found = Jpeg().apply(image, VALID, torch.tensor([[draw]], dtype=torch.float64), 1.0)
        ours = found[0].permute(1, 2, 0).numpy() * 255
        lost, differs = np.abs(expected - pixels).mean(), np.abs(ours - expected).mean()
        assert differs < max(1.0, 0.7 * lost)


def test_resampling_is_about_that_of_pillow() -> None:
    image = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    found = Resample(most=2.0).apply(image, VALID, torch.ones(1, 1, dtype=torch.float64), 1.0)[0].numpy()
    half = SIDE // 2
    for band, ours in zip(image[0].numpy(), found, strict=True):
        small = Image.fromarray(band).resize((half, half), Image.Resampling.BILINEAR)
        expected = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        assert np.abs(ours - expected).max() < 0.01
    assert found.std() < 0.6 * float(image.std())


def test_response_changes_bands_each_by_itself_within_its_strengths() -> None:
    ramp = torch.linspace(0, 0.6, SIDE).expand(1, 3, SIDE, SIDE)  # grey: mixing bands leaves it as it is
    draws = torch.linspace(0.01, 0.99, 40, dtype=torch.float64)[:, None]
    changed = Response(widest_gamma=1.0).apply(ramp.expand(40, -1, -1, -1), VALID, draws, 1.0)
    gain = changed[:, :, 0, 40] / ramp[0, 0, 0, 40]
    assert gain.min() > 1 / 1.51
    assert gain.max() < 1.51
    assert gain.std() > 0.15
    assert (gain[:, 0] - gain[:, 1]).abs().max() > 0.3
    assert ((changed.diff(dim=3) >= 0) | (changed[..., 1:] == 1)).all()


def test_bands_are_mixed_by_shares_that_add_up_to_one() -> None:
    only = Response(widest_gain=1.0, widest_gamma=1.0)
    for draw in (0.1, 0.3, 0.9):
        u = torch.tensor([[draw]], dtype=torch.float64)
        grey = torch.full((1, 3, SIDE, SIDE), 0.5)
        torch.testing.assert_close(only.apply(grey, VALID, u, 1.0), grey)
        assert not torch.allclose(only.apply(smooth(), VALID, u, 1.0), smooth(), atol=0.01)


def test_draws_of_earlier_operations_stay_when_operations_are_added() -> None:
    table = table_of_draws(5, torch.Generator().manual_seed(3))
    earlier = torch.rand(5, 71, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    assert torch.equal(table[:, :71], earlier)
    assert torch.equal(table_of_draws(3, torch.Generator().manual_seed(3)), table[:3])
    assert table[:, 71:].unique().numel() == table[:, 71:].numel()
