"""Contrast from the histogram: equalisation of the whole patch, and of its neighbourhoods (CLAHE).

Both treat each band separately, on 256 grey levels, and count only pixels with imagery. Kornia's ``equalize`` and
``equalize_clahe`` count pixels without imagery too, round to 8 bits, and CLAHE's clip limit is one for the whole batch;
its differentiable histograms compare every pixel with every level. So both are implemented here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from lulcseg.augment.operation import Photometric, amount, on

LEVELS = 256


def levels(image: Tensor) -> Tensor:
    """Return each value's nearest of 256 grey levels: float 0…1 → int64 0…255, same shape."""
    return image.clamp(0.0, 1.0).mul(LEVELS - 1).add_(0.5).long()


def counts(bins: Tensor, weight: Tensor, n_bins: int) -> Tensor:
    """Sum weights by bin: any shape, the same shape → (n_bins,) float32 (exact below 2²⁴ a bin)."""
    total = torch.zeros(n_bins, device=bins.device)
    return total.scatter_add_(0, bins.reshape(-1), weight.reshape(-1))


def equalise(image: Tensor, valid: Tensor) -> Tensor:
    """Spread each band's grey levels so that every level is about equally frequent.

    The level v goes to (n(v) − n₀) / (n − n₀), where n(v) counts valid pixels up to v and n₀ those at the lowest
    level that occurs (the convention of OpenCV's ``equalizeHist``, without its rounding to 8 bits).

    Args:
        image: (B, C, P, P) float, 0…1.
        valid: (B, P, P) bool; pixels without imagery are not counted.

    Returns:
        (B, C, P, P); a band with one level only (or no valid pixel) unchanged.
    """
    planes = image.shape[0] * image.shape[1]
    plane = torch.arange(planes, device=image.device).view(*image.shape[:2], 1, 1) * LEVELS
    bins = levels(image) + plane
    histogram = counts(bins, valid.unsqueeze(1).expand_as(image).float(), planes * LEVELS).view(planes, LEVELS)
    cumulative = histogram.cumsum(dim=1)
    total = cumulative[:, -1:]
    lowest = torch.where(cumulative > 0, cumulative, total).amin(dim=1, keepdim=True)
    table = ((cumulative - lowest) / (total - lowest).clamp(min=1.0)).clamp(min=0.0)
    spread = table.view(-1).index_select(0, bins.reshape(-1)).view_as(image)
    flat = (total == lowest).view(*image.shape[:2], 1, 1)
    return torch.where(flat, image, spread)


def clahe(image: Tensor, valid: Tensor, clip: Tensor, tiles: int) -> Tensor:
    """Equalise each neighbourhood, limiting how steep the tone curve may get (Zuiderveld 1994).

    The patch is cut in ``tiles`` × ``tiles``; each tile's histogram is clipped at ``clip`` times its mean count, the
    excess is shared equally among all levels, and a pixel's tone curve is blended from the four tiles around it.
    Pixels without imagery are not counted; a tile without any imagery leaves values unchanged.

    Args:
        image: (B, C, P, P) float, 0…1.
        valid: (B, P, P) bool.
        clip: (B,) or (B, 1, 1, 1) limit, above 0; 1 leaves hardly any change of contrast, 4 is strong.
        tiles: Tiles along each side.

    Returns:
        (B, C, P, P) float, 0…1.
    """
    batch, bands, height, width = image.shape
    side_y, side_x = -(-height // tiles), -(-width // tiles)
    bottom, right = side_y * tiles - height, side_x * tiles - width
    level = levels(image)
    weight = valid.unsqueeze(1).float()
    if bottom or right:  # pixels past the edge aren't counted, like pixels without imagery
        weight = functional.pad(weight, (0, right, 0, bottom))
        padded = functional.pad(level, (0, right, 0, bottom))
    else:
        padded = level
    rows = torch.arange(side_y * tiles, device=image.device).view(-1, 1) // side_y
    columns = torch.arange(side_x * tiles, device=image.device) // side_x
    plane = torch.arange(batch * bands, device=image.device).view(batch, bands, 1, 1) * (tiles * tiles)
    n_bins = batch * bands * tiles * tiles * LEVELS
    bins = (plane + rows * tiles + columns) * LEVELS + padded
    histogram = counts(bins, weight.expand(-1, bands, -1, -1), n_bins).view(batch, -1, LEVELS)
    table = _curves(histogram, clip.view(batch, 1, 1)).view(-1)
    return _blended(table, level + plane * LEVELS, (side_y, side_x), tiles)


def _curves(histogram: Tensor, clip: Tensor) -> Tensor:
    """Turn tile histograms (B, T, 256) into tone curves, 0…1."""
    count = histogram.sum(dim=2, keepdim=True)
    limit = torch.clamp(clip * count / LEVELS, min=1.0)
    clipped = torch.minimum(histogram, limit)
    clipped = clipped + (count - clipped.sum(dim=2, keepdim=True)) / LEVELS
    identity = torch.linspace(0.0, 1.0, LEVELS, device=histogram.device)
    curve = clipped.cumsum(dim=2) / count.clamp(min=1.0)
    return torch.where(count > 0, curve, identity.expand_as(curve)).clamp(0.0, 1.0)


def _blended(table: Tensor, level: Tensor, sides: tuple[int, int], tiles: int) -> Tensor:
    """Look each pixel up in the curves of the four tiles around it and blend by distance to their centres.

    Args:
        table: Curves of all planes and tiles, flat.
        level: (B, C, P, P) int64: level plus the plane's offset in ``table``.
        sides: Height and width of a tile, in pixels.
        tiles: Tiles along each side.
    """
    around = []
    for side, length in zip(sides, level.shape[-2:], strict=True):
        position = (torch.arange(length, device=level.device) + 0.5) / side - 0.5
        first = position.floor()
        near, far = (first + k for k in (0, 1))
        around.append([t.clamp(0, tiles - 1).long() for t in (near, far)] + [position - first])
    (top, bottom, down), (left, right, across) = around

    def row(y: Tensor) -> Tensor:
        start, end = (
            table.index_select(0, (level + ((y.view(-1, 1) * tiles + x) * LEVELS)).reshape(-1)).view(level.shape)
            for x in (left, right)
        )
        return torch.lerp(start, end, across.expand_as(start))

    return torch.lerp(row(top), row(bottom), down.view(-1, 1).expand(level.shape))


@dataclass(frozen=True, kw_only=True)
class Equalise(Photometric):
    """Histogram equalisation: spread each band's grey levels evenly, as automatic stretches do."""

    name: ClassVar[str] = "equalise"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 1
    most: float = amount(1.0, "Largest share of the equalised image in the result, 0 to 1.")
    least: float = amount(0.4, "Smallest share of it.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:
        """Blend with the equalised image."""
        share = (self.least + (self.most - self.least) * u[:, 0]) * strength
        return torch.lerp(image, equalise(image, valid), on(share.clamp(max=1.0), image))


@dataclass(frozen=True, kw_only=True)
class Clahe(Photometric):
    """CLAHE: equalise each neighbourhood of each band with limited contrast, as local enhancement does."""

    name: ClassVar[str] = "clahe"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 1
    gentlest: float = amount(1.2, "Smallest clip limit, in mean counts of a grey level (OpenCV's definition).")
    strongest: float = amount(4.0, "Largest clip limit.")
    tiles: int = amount(8, "Neighbourhoods along each side of a patch.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:
        """Blend towards CLAHE by ``strength``, fully from 1 on."""
        clip = on(self.gentlest + (self.strongest - self.gentlest) * u[:, 0], image)
        return torch.lerp(image, clahe(image, valid, clip, self.tiles), min(strength, 1.0))
