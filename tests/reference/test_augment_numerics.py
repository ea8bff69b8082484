"""Contrast operations against scikit-image and OpenCV."""

import cv2
import numpy as np
import pytest
import torch
from skimage import exposure

from lulcseg.augment.histogram import clahe, equalise
from lulcseg.augment.noise import signed_poisson
from lulcseg.augment.tone import Gamma, Hue, Linear, Saturation, Sigmoid
from lulcseg.augment.weather import Blur


@pytest.fixture(scope="module")
def picture():
    """(2, 3, 128, 128) uint8 with texture, shadow and a bright corner."""
    rng = np.random.default_rng(4)
    coarse = rng.uniform(20, 200, (2 * 3, 9, 9)).astype(np.float32)
    planes = np.stack([cv2.resize(plane, (128, 128), interpolation=cv2.INTER_CUBIC) for plane in coarse])
    planes += rng.normal(0, 8, planes.shape)
    planes[:, :30, :40] += 60
    return np.clip(planes, 0, 255).astype(np.uint8).reshape(2, 3, 128, 128)


def unit(picture):
    return torch.from_numpy(picture).float() / 255


def everywhere(picture):
    return torch.ones(picture.shape[0], *picture.shape[2:], dtype=torch.bool)


def draws(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_gamma_is_scikit_images(picture):
    out = Gamma(widest=1.7).apply(unit(picture), everywhere(picture), draws([0.0], [0.75]), 1.0)
    for sample, gamma in enumerate((1 / 1.7, 1.7**0.5)):
        expected = exposure.adjust_gamma(picture[sample] / 255.0, gamma)
        np.testing.assert_allclose(out[sample].numpy(), expected, atol=1e-6)


def test_sigmoid_is_scikit_images(picture):
    operation = Sigmoid(gentlest=5.0, steepest=9.0, spread=0.1)
    out = operation.apply(unit(picture), everywhere(picture), draws([0.0, 0.5], [0.5, 1.0]), 1.0)
    for sample, (gain, cutoff) in enumerate(((5.0, 0.5), (7.0, 0.6))):
        expected = exposure.adjust_sigmoid(picture[sample] / 255.0, cutoff=cutoff, gain=gain)
        np.testing.assert_allclose(out[sample].numpy(), expected, atol=1e-6)


def test_linear_is_opencvs_scaling_about_mid_grey(picture):
    out = Linear(widest=1.5).apply(unit(picture), everywhere(picture), draws([0.0], [1.0]), 1.0).clamp(0, 1)
    for sample, factor in enumerate((1 / 1.5, 1.5)):
        expected = cv2.convertScaleAbs(picture[sample].astype(np.float64), alpha=factor, beta=127.5 * (1 - factor))
        inside = (out[sample] > 0).numpy()  # OpenCV takes the absolute value of what falls below 0
        assert np.abs(out[sample].numpy() * 255 - expected)[inside].max() <= 0.501  # it rounds to whole levels


def test_equalise_is_opencvs(picture):
    out = equalise(unit(picture), everywhere(picture)).numpy() * 255
    for sample, band in np.ndindex(2, 3):
        expected = cv2.equalizeHist(picture[sample, band])
        assert np.abs(out[sample, band] - expected).max() <= 0.501  # it rounds to whole levels


def test_equalise_is_scikit_images_with_a_mask(picture):
    valid = everywhere(picture)
    valid[:, 40:90, 10:70] = False
    out = equalise(unit(picture), valid).numpy()
    for sample, band in np.ndindex(2, 3):
        kept = valid[sample].numpy()
        plane = picture[sample, band]
        expected = exposure.equalize_hist(plane, mask=kept)  # scikit-image's cdf starts at n₀ / n, ours at 0
        lowest = (plane[kept] == plane[kept].min()).mean()
        expected = (expected - lowest) / (1 - lowest)
        np.testing.assert_allclose(out[sample, band][kept], expected[kept], atol=1e-4)


def test_a_flat_band_is_left_alone_by_equalising():
    flat = torch.full((1, 2, 16, 16), 0.3)
    assert torch.equal(equalise(flat, torch.ones(1, 16, 16).bool()), flat)
    assert torch.equal(equalise(flat, torch.zeros(1, 16, 16).bool()), flat)


@pytest.mark.parametrize(("limit", "most"), [(300.0, 2.5), (3.0, 6.0), (1.5, 6.0)])
def test_clahe_is_opencvs(picture, limit, most):
    """Without clipping OpenCV differs by its rounding of curve and result (half a level each) and by blending from the
    pixels' corners, ours from their centres (so that a flip commutes with it): half a pixel of 64 between curves.
    With clipping it shares the rest out in whole counts, what is left over one each to the lowest levels first: a curve
    is then up to 64 counts ahead, which is 4 levels of 255 in a tile of 4,096 pixels."""
    out = clahe(unit(picture), everywhere(picture), torch.full((2,), limit), 2).numpy() * 255
    reference = cv2.createCLAHE(clipLimit=limit, tileGridSize=(2, 2))
    for sample, band in np.ndindex(2, 3):
        assert np.abs(out[sample, band] - reference.apply(picture[sample, band])).max() <= most


def test_clahe_commutes_with_a_flip(picture):
    limit = torch.full((2,), 2.0)
    straight = clahe(unit(picture), everywhere(picture), limit, 4)
    flipped = clahe(unit(picture).flip(-1), everywhere(picture), limit, 4).flip(-1)
    torch.testing.assert_close(straight, flipped, atol=1e-5, rtol=0)


def test_clahe_takes_each_samples_own_limit(picture):
    both = clahe(unit(picture), everywhere(picture), torch.tensor([1.5, 3.0]), 4)
    for sample, limit in enumerate((1.5, 3.0)):
        one = slice(sample, sample + 1)
        alone = clahe(unit(picture)[one], everywhere(picture)[one], torch.tensor([limit]), 4)
        assert torch.equal(both[one], alone)


def test_clahe_counts_no_pixel_without_imagery(picture):
    valid = everywhere(picture)
    valid[:, :, 100:] = False
    image = unit(picture)
    other = torch.where(valid.unsqueeze(1), image, torch.rand(image.shape))
    limit = torch.full((2,), 3.0)
    one, two = clahe(image, valid, limit, 4), clahe(other, valid, limit, 4)
    assert torch.equal(one[..., :100], two[..., :100])


def test_clahe_of_sides_that_tiles_do_not_divide(picture):
    cut = picture[..., :101, :117]
    out = clahe(unit(cut), everywhere(cut), torch.full((2,), 2.0), 8)
    assert out.shape == cut.shape
    assert out.min() >= 0
    assert out.max() <= 1


def test_blur_is_opencvs_away_from_the_edge(picture):
    image = unit(picture)
    out = Blur(most=2.0).apply(image, everywhere(picture), draws([1.0], [0.5]), 1.0)
    for sample, sigma in enumerate((2.0, 1.0)):
        for band in range(3):
            expected = cv2.GaussianBlur(image[sample, band].numpy(), (13, 13), sigma)
            inner = (slice(8, -8), slice(8, -8))
            np.testing.assert_allclose(out[sample, band].numpy()[inner], expected[inner], atol=1e-5)


def test_blur_of_large_patches_is_that_of_small_ones(picture):
    """Kornia adds shifted copies up from 256 × 256 pixels on, and convolves smaller patches."""
    small = unit(picture)
    valid = everywhere(picture)
    valid[:, 50:60, 20:90] = False
    large, known = small.repeat(1, 1, 3, 3), valid.repeat(1, 3, 3)
    large = torch.where(known.unsqueeze(1), large, 1.0 - large)  # what lies where there is no imagery means nothing
    u = draws([1.0], [0.3])
    one, two = Blur(most=2.0).apply(small, valid, u, 1.0), Blur(most=2.0).apply(large, known, u, 1.0)
    inner = (..., slice(8, 120), slice(8, 120))
    weight = valid[:, None].float()
    two = two[..., 128:256, 128:256] * weight
    torch.testing.assert_close(two[inner], (one * weight)[inner], atol=1e-5, rtol=0)


def test_saturation_and_hue_are_those_of_hsv(picture):
    image = unit(picture).clamp(0.2, 0.8)
    hsv = [cv2.cvtColor(np.ascontiguousarray(s.permute(1, 2, 0).numpy()), cv2.COLOR_RGB2HSV) for s in image]
    out = Saturation(most=0.2).apply(image, everywhere(picture), draws([0.0], [0.25]), 1.0)
    for sample, share in enumerate((0.8, 0.9)):
        changed = hsv[sample] * np.array([1, share, 1], dtype=np.float32)
        expected = cv2.cvtColor(changed.astype(np.float32), cv2.COLOR_HSV2RGB)
        np.testing.assert_allclose(out[sample].permute(1, 2, 0).numpy(), expected, atol=1e-4)
    turned = Hue(most=120.0).apply(image, everywhere(picture), draws([1.0], [0.0]), 1.0)
    torch.testing.assert_close(turned[0], image[0].roll(1, dims=0))  # a third of the circle: red becomes green
    torch.testing.assert_close(turned[1], image[1].roll(-1, dims=0))


@pytest.mark.parametrize("mean", [0.0, 0.7, 12.0])
def test_poisson_tables_have_poissons_mean_and_variance(mean):
    table = signed_poisson(torch.tensor([mean]))[0].double()
    assert table.mean() == 0
    assert table.abs().mean() == pytest.approx(mean, rel=0.01)
    assert table.abs().var() == pytest.approx(mean, rel=0.01, abs=1e-9)
