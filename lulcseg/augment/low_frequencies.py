"""Exchange of the amplitudes of low frequencies between images, phases kept.

Yang & Soatto (2020), "FDA: Fourier domain adaptation for semantic segmentation", CVPR, section 3.1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, fft


def highest_frequency(side: int, beta: float) -> int:
    """Return the highest frequency that is exchanged, in cycles a patch.

    Args:
        side: Of a patch, in pixels.
        beta: Share of the side, 0…0.5.

    Examples:
        >>> highest_frequency(512, 0.01), highest_frequency(64, 0.5)
        (5, 31)
    """
    return min(math.floor(side * beta), (side - 1) // 2)


def low_amplitudes(image: Tensor, valid: Tensor, highest: int) -> Tensor:
    """Return the amplitudes of low frequencies.

    Args:
        image: (B, C, S, S) float32. Pixels without imagery count as their band's mean.
        valid: (B, S, S) bool.
        highest: Highest frequency b along either side.

    Returns:
        (B, C, 2 b + 1, b + 1) float32: rows of frequencies 0…b and −b…−1, columns 0…b.
    """
    return _low(fft.rfft2(filled(image, valid)), highest).abs()


def with_amplitudes(image: Tensor, valid: Tensor, amplitudes: Tensor, share: Tensor) -> Tensor:
    """Give images other amplitudes of low frequencies.

    Args:
        image: (B, C, S, S) float32. Pixels without imagery count as their band's mean.
        valid: (B, S, S) bool.
        amplitudes: (B, C, 2 b + 1, b + 1), as :func:`low_amplitudes` returns them.
        share: (B, 1, 1, 1), by how much the amplitudes move towards these, 0…1.

    Returns:
        (B, C, S, S) float32.

    Examples:
        >>> image = torch.tensor([[[[1.0, 3.0], [1.0, 3.0]]]])
        >>> every, all_of_it = torch.ones(1, 2, 2).bool(), torch.ones(1, 1, 1, 1)
        >>> with_amplitudes(image, every, torch.tensor([[[[20.0]]]]), all_of_it).flatten().tolist()
        [4.0, 6.0, 4.0, 6.0]
    """
    highest = amplitudes.shape[-1] - 1
    spectrum = fft.rfft2(filled(image, valid))
    own = _low(spectrum, highest)
    changed = torch.polar(torch.lerp(own.abs(), amplitudes, share), own.angle())
    spectrum[..., : highest + 1, : highest + 1] = changed[..., : highest + 1, :]
    if highest:
        spectrum[..., -highest:, : highest + 1] = changed[..., highest + 1 :, :]
    changed_image: Tensor = fft.irfft2(spectrum, s=image.shape[-2:])
    return changed_image


def filled(image: Tensor, valid: Tensor) -> Tensor:
    """Return images with their bands' means where there is no imagery: (B, C, S, S) float32."""
    known = valid.unsqueeze(1)
    total = torch.where(known, image, 0.0).sum((2, 3), keepdim=True)
    return torch.where(known, image, total / known.sum((2, 3), keepdim=True).clamp(min=1))


def _low(spectrum: Tensor, highest: int) -> Tensor:
    """Return the rows 0…b and −b…−1 and the columns 0…b of a half spectrum."""
    columns = spectrum[..., : highest + 1]
    return torch.cat([columns[..., : highest + 1, :], columns[..., columns.shape[-2] - highest :, :]], dim=-2)
