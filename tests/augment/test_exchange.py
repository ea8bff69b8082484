"""Training patches that take on the look of unlabelled mosaics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lulcseg.augment.band_matching import BandMatching
from lulcseg.augment.exchange import Exchange
from lulcseg.augment.low_frequencies import low_amplitudes, with_amplitudes
from lulcseg.augment.stretch import Limits

RNG = np.random.default_rng(0)
TRAINED = [np.sort(RNG.uniform(0, 200, (3, 257))).tolist() for _ in range(2)]
OTHERS = [np.sort(RNG.uniform(50, 255, (3, 257))).tolist() for _ in range(2)]


def batch(patches: int = 6, side: int = 16, kind: str = "uint8") -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    image = torch.from_numpy(RNG.integers(0, 200, (patches, 3, side, side)).astype(kind))
    return image, torch.ones(patches, side, side, dtype=torch.bool), torch.arange(patches) % 2


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_values_are_matched_to_one_of_the_mosaics_and_blended(kind: str) -> None:
    image, valid, scene = batch(kind=kind)
    found, _ = Exchange(1.0, 0.0, TRAINED, OTHERS)(image, valid, scene, None, drawn())
    draws = torch.rand(6, 4, dtype=torch.float64, generator=drawn())
    for k in range(6):
        pair = BandMatching(TRAINED[k % 2], OTHERS[int(draws[k, 1] * 2)])
        expected = torch.lerp(image[k : k + 1].float(), pair(image[k : k + 1]), (1 - draws[k, 2]).float())
        torch.testing.assert_close(found[k : k + 1], expected)


def test_some_patches_are_changed_and_the_others_stay_as_they_are() -> None:
    image, valid, scene = batch(200, 4)
    found, _ = Exchange(0.3, 1.0, TRAINED, OTHERS)(image, valid, scene, None, drawn())
    same = (found == image).flatten(1).all(1)
    assert 0.6 < same.double().mean() < 0.8
    first, _ = Exchange(0.3, 1.0, TRAINED, OTHERS)(image[:7], valid[:7], scene[:7], None, drawn())
    torch.testing.assert_close(first, found[:7])  # a patch's draws don't depend on how many follow


def test_limits_move_with_the_values() -> None:
    image, valid, scene = batch()
    own = Limits(torch.zeros(6, 1, 1, 1), torch.ones(6, 1, 1, 1))
    theirs = [Limits(torch.full((1, 1, 1, 1), float(k + 1)), torch.full((1, 1, 1, 1), 5.0)) for k in range(2)]
    _, moved = Exchange(1.0, 0.5, TRAINED, OTHERS, limits=theirs)(image, valid, scene, own, drawn())
    draws = torch.rand(6, 4, dtype=torch.float64, generator=drawn())
    share, number = 1 - draws[:, 2] * 0.5, (draws[:, 1] * 2).long()
    assert moved is not None
    torch.testing.assert_close(moved.offset.flatten().double(), share * (number + 1))
    torch.testing.assert_close(moved.span.flatten().double(), 1 + share * 4, rtol=1e-6, atol=1e-6)


def of_yang_and_soatto(source: np.ndarray, target: np.ndarray, b: int) -> np.ndarray:
    """Full spectra with the zero frequency in the middle, and a square of 2 b + 1 exchanged, as in their Equation 3."""
    ours, theirs = (np.fft.fftshift(np.fft.fft2(each), axes=(-2, -1)) for each in (source, target))
    amplitude, middle = np.abs(ours), source.shape[-1] // 2
    square = (..., slice(middle - b, middle + b + 1), slice(middle - b, middle + b + 1))
    amplitude[square] = np.abs(theirs)[square]
    return np.real(np.fft.ifft2(np.fft.ifftshift(amplitude * np.exp(1j * np.angle(ours)), axes=(-2, -1))))


@pytest.mark.parametrize("highest", [0, 1, 4])
@pytest.mark.parametrize("side", [16, 17])
def test_amplitudes_are_exchanged_as_published(highest: int, side: int) -> None:
    source, target = RNG.normal(100, 20, (2, 2, 3, side, side)).astype(np.float32)
    valid, whole = torch.ones(2, side, side, dtype=torch.bool), torch.ones(2, 1, 1, 1)
    theirs = low_amplitudes(torch.from_numpy(target), valid, highest)
    found = with_amplitudes(torch.from_numpy(source), valid, theirs, whole)
    np.testing.assert_allclose(found.numpy(), of_yang_and_soatto(source, target, highest), atol=1e-3)
    untouched = with_amplitudes(torch.from_numpy(source), valid, theirs, whole * 0)
    np.testing.assert_allclose(untouched.numpy(), source, atol=1e-3)


def test_pixels_without_imagery_do_not_count_and_values_stay_within_the_mosaics() -> None:
    image, valid, scene = batch()
    valid[:, :4] = False
    other = torch.where(valid[:, None], image, torch.tensor(255, dtype=torch.uint8))
    pool = [low_amplitudes(250 * torch.ones(5, 3, 16, 16), torch.ones(5, 16, 16).bool(), 2) for _ in range(2)]
    exchange = Exchange(1.0, 1.0, TRAINED, OTHERS, amplitudes=pool)
    found, again = (exchange(each, valid, scene, None, drawn())[0] for each in (image, other))
    seen = valid[:, None].expand_as(found)
    torch.testing.assert_close(found[seen], again[seen])
    most = max(max(band) for mosaic in TRAINED + OTHERS for band in mosaic)
    assert 0 <= found.min() < found.max() <= most
    assert found[seen].mean() > image[seen].float().mean() + 10, "the patches of the pool are brighter"
