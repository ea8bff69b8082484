"""Noise: sensor, quantisation and compression differ between cameras.

Kornia draws noise in its random classes only, for the whole batch from the global generator; here torch draws it.
Each sample has a generator of its own, so its noise doesn't depend on its neighbours in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia import enhance
from torch import Tensor

from lulcseg.augment.operation import Photometric, amount, factor, on, seeds

QUANTILES = 4096
LARGEST_COUNT = 128


def uniform(shape: Sequence[int], own: Sequence[int], device: torch.device) -> Tensor:
    """Draw values in [0, 1): (n, …) float32, sample i from its own seed."""
    out = torch.empty(tuple(shape), device=device)
    generator = torch.Generator(device)
    for sample, seed in zip(out, own, strict=True):
        sample.uniform_(generator=generator.manual_seed(seed))
    return out


def normal(shape: Sequence[int], own: Sequence[int], device: torch.device) -> Tensor:
    """Draw standard normal values: (n, …) float32, sample i from its own seed."""
    out = torch.empty(tuple(shape), device=device)
    generator = torch.Generator(device)
    for sample, seed in zip(out, own, strict=True):
        sample.normal_(generator=generator.manual_seed(seed))
    return out


def signed_poisson(mean: Tensor) -> Tensor:
    """Tabulate the quantiles of Poisson counts with a random sign.

    (``torch.poisson`` takes 52 ms a 512² RGB patch on one core; looking up a uniform draw takes a tenth.)

    Args:
        mean: (n,) mean counts, at most 60 or so; 0 gives 0.

    Returns:
        (n, 2 · 4096) float32: positive counts at evenly spaced probabilities, then negative ones.
    """
    count = torch.arange(LARGEST_COUNT, dtype=torch.float64)
    log_share = torch.xlogy(count, mean[:, None].double()) - mean[:, None] - torch.lgamma(count + 1)
    cumulative = log_share.exp().cumsum(dim=1)
    shares = ((torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES).expand(len(mean), -1)
    found = torch.searchsorted(cumulative, shares.contiguous()).float()
    return torch.cat([found, -found], dim=1)


@dataclass(frozen=True, kw_only=True)
class SaltPepper(Photometric):
    """Salt and pepper: turn single pixels white or black in all bands, as dead detectors and lost bits do."""

    name: ClassVar[str] = "salt_pepper"
    group: ClassVar[str] = "noise"
    draws: ClassVar[int] = 2
    most: float = amount(0.02, "Largest share of a patch's pixels that are turned.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Turn as many pixels white as black."""
        half = on(u[:, 0] * self.most * strength / 2, image)
        draw = uniform((len(image), 1, *image.shape[2:]), seeds(u[:, 1]), image.device)
        return image.masked_fill(draw < half, 0.0).masked_fill(draw > 1.0 - half, 1.0)


@dataclass(frozen=True, kw_only=True)
class ElementMultiply(Photometric):
    """Element-wise multiply: multiply every value of every band by its own factor (speckle)."""

    name: ClassVar[str] = "element_multiply"
    group: ClassVar[str] = "noise"
    draws: ClassVar[int] = 2
    most: float = amount(0.25, "Largest distance of a factor from 1 in the strongest case.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Multiply by uniform factors around 1."""
        reach = on(u[:, 0] * self.most * strength, image)
        draw = uniform(image.shape, seeds(u[:, 1]), image.device)
        by = draw.mul_(2.0 * reach).add_(1.0 - reach)
        changed: Tensor = enhance.adjust_brightness_accumulative(image, by, clip_output=False)
        return changed


@dataclass(frozen=True, kw_only=True)
class Gaussian(Photometric):
    """Gaussian noise: add a normal error to every value of every band (electronic noise)."""

    name: ClassVar[str] = "gaussian"
    group: ClassVar[str] = "noise"
    draws: ClassVar[int] = 2
    most: float = amount(0.05, "Largest standard deviation, in shares of the value range (0.05: 13 of 255).")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Add normal noise."""
        return image + normal(image.shape, seeds(u[:, 1]), image.device) * on(u[:, 0] * self.most * strength, image)


@dataclass(frozen=True, kw_only=True)
class Poisson(Photometric):
    """Poisson noise: add or take away a Poisson count of grey levels at every value of every band."""

    name: ClassVar[str] = "poisson"
    group: ClassVar[str] = "noise"
    draws: ClassVar[int] = 2
    most: float = amount(12.0, "Largest mean count, in grey levels of 255.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Look up uniform draws in the samples' tables."""
        table = signed_poisson(u[:, 0] * self.most * strength).to(image.device, non_blocking=True)
        width = table.shape[1]
        draw = uniform(image.shape, seeds(u[:, 1]), image.device)
        first = torch.arange(len(image), device=image.device).view(-1, 1, 1, 1) * width
        at = (draw * width).long().clamp_(max=width - 1) + first
        return image + table.view(-1).index_select(0, at.view(-1)).view_as(image) / 255.0


@dataclass(frozen=True, kw_only=True)
class BandMultiply(Photometric):
    """Per-channel multiply: multiply each band by a factor of its own, which shifts colours as a sensor would."""

    name: ClassVar[str] = "band_multiply"
    group: ClassVar[str] = "noise"
    draws: ClassVar[int] = 1
    widest: float = amount(1.15, "Largest factor; the smallest is 1 over it.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Multiply band by band."""
        draw = uniform((len(image), image.shape[1]), seeds(u[:, 0]), torch.device("cpu"))
        by = on(factor(draw, self.widest, strength), image)
        changed: Tensor = enhance.adjust_brightness_accumulative(image, by, clip_output=False)
        return changed
