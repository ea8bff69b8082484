from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.exposure import match_histograms

from lulcseg.augment.band_matching import QUANTILES, BandMatching
from lulcseg.errors import LulcsegError


def quantiles(image: np.ndarray) -> list[list[float]]:
    """Quantiles of each band of (C, H, W)."""
    return [np.quantile(band, np.linspace(0, 1, QUANTILES)).tolist() for band in image]


def bands(seed: int, dtype: str = "uint8", size: int = 200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = rng.gamma(4, 12, (3, size, size)) + rng.uniform(0, 20, (3, 1, 1))
    return np.clip(shape * (1 if dtype == "uint8" else 200), 0, np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_matched_values_are_scikit_images(dtype: str) -> None:
    mosaic, training = bands(0, dtype), bands(1, dtype)
    matched = BandMatching(quantiles(mosaic), quantiles(training))(torch.from_numpy(mosaic[None].astype("float32")))[
        0
    ].numpy()
    expected = match_histograms(mosaic.astype("float64"), training.astype("float64"), channel_axis=0)
    step = 1.0 if dtype == "uint8" else 200.0
    middle = np.abs(matched - expected)[:, 5:-5]
    assert np.quantile(middle, 0.99) < 1.5 * step
    assert matched.mean() == pytest.approx(training.mean(), rel=0.01)


def test_a_bend_that_keeps_the_order_is_undone() -> None:
    training = bands(3).astype("float64")
    bent = 1.4 * training**0.8 + 7
    matched = BandMatching(quantiles(bent), quantiles(training))(torch.from_numpy(bent[None]).float())[0].numpy()
    assert np.abs(matched - training).max() < 1.0


def test_a_mosaic_matched_to_itself_stays_as_it_is() -> None:
    image = bands(2)
    own = BandMatching(quantiles(image), quantiles(image))
    torch.testing.assert_close(
        own(torch.from_numpy(image[None])), torch.from_numpy(image[None]).float(), atol=1e-3, rtol=0
    )


def test_a_pixel_does_not_depend_on_its_batch() -> None:
    image = torch.from_numpy(np.stack([bands(s, size=16) for s in (4, 5)]))
    match = BandMatching(quantiles(bands(4)), quantiles(bands(6)))
    assert torch.equal(match(image)[1:], match(image[1:]))


def test_a_byte_is_matched_as_a_number_is() -> None:
    image = torch.from_numpy(np.stack([bands(s, size=16) for s in (4, 5)]))
    match = BandMatching(quantiles(bands(4)), quantiles(bands(6)))
    assert torch.equal(match(image), match(image.float()))


def test_order_is_kept_and_values_beyond_the_mosaics_become_its_ends() -> None:
    match = BandMatching(quantiles(bands(4)), quantiles(bands(6)))
    ramp = match(torch.arange(256, dtype=torch.uint8).view(1, 1, 1, 256).expand(1, 3, 1, 256))[0, :, 0]
    assert (ramp.diff(dim=1) >= 0).all()
    torch.testing.assert_close(ramp[:, -1], torch.tensor([float(b.max()) for b in bands(6)]))


def test_a_band_of_one_value_is_refused() -> None:
    flat = bands(0)
    flat[1] = 9
    with pytest.raises(LulcsegError, match="band 2 of the mosaic has the single value 9"):
        BandMatching(quantiles(flat), quantiles(bands(1)))
