"""Contrast and colour, pixel by pixel: light, haze, exposure and processing differ from flight to flight.

The arithmetic is Kornia's; strengths are tensors on the image's device, one per sample, so nothing waits for it.
Results are not clipped in between: the caller clamps once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia import enhance
from torch import Tensor

from lulcseg.augment.operation import Photometric, amount, factor, on, symmetric


@dataclass(frozen=True, kw_only=True)
class Gamma(Photometric):
    """Gamma: raise values to a power, which opens or closes the shadows and keeps black and white."""

    name: ClassVar[str] = "gamma"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 1
    widest: float = amount(1.7, "Largest exponent (darker); the smallest (brighter) is 1 over it.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Raise to a power."""
        one = torch.ones((), device=image.device)  # Kornia would move its default there in each call, and wait
        changed: Tensor = enhance.adjust_gamma(image, on(factor(u[:, 0], self.widest, strength), image), one)
        return changed


@dataclass(frozen=True, kw_only=True)
class Sigmoid(Photometric):
    """Sigmoid contrast: steepen the mid tones and flatten shadows and highlights along an S curve."""

    name: ClassVar[str] = "sigmoid"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 2
    gentlest: float = amount(3.0, "Smallest gain: steepness of the curve times four, at its middle.")
    steepest: float = amount(7.0, "Largest gain.")
    spread: float = amount(0.12, "How far the curve's middle may lie from 0.5, in shares of the value range.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Blend towards the curve by ``strength``, fully from 1 on."""
        gain = on(self.gentlest + (self.steepest - self.gentlest) * u[:, 0], image)
        middle = on(0.5 + self.spread * symmetric(u[:, 1]), image)
        return torch.lerp(image, enhance.adjust_sigmoid(image, middle, gain), min(strength, 1.0))


@dataclass(frozen=True, kw_only=True)
class Linear(Photometric):
    """Linear contrast: stretch or squeeze values about mid grey."""

    name: ClassVar[str] = "linear"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 1
    widest: float = amount(1.5, "Largest factor on the distance from mid grey; the smallest is 1 over it.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Stretch about 0.5: Kornia's own contrasts keep black or the patch's mean, nodata counted in."""
        stretch = on(factor(u[:, 0], self.widest, strength), image)
        stretched = enhance.adjust_contrast(image, stretch, clip_output=False)
        changed: Tensor = enhance.adjust_brightness(stretched, 0.5 * (1.0 - stretch), clip_output=False)
        return changed


@dataclass(frozen=True, kw_only=True)
class Multiply(Photometric):
    """Multiply: brighten or darken all bands by one factor, as another exposure would."""

    name: ClassVar[str] = "multiply"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 1
    widest: float = amount(1.3, "Largest factor; the smallest is 1 over it.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Multiply."""
        by = on(factor(u[:, 0], self.widest, strength), image)
        changed: Tensor = enhance.adjust_brightness_accumulative(image, by, clip_output=False)
        return changed


@dataclass(frozen=True, kw_only=True)
class Brightness(Photometric):
    """Brightness: add the same to all values, as path radiance (haze) does."""

    name: ClassVar[str] = "brightness"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 1
    most: float = amount(0.2, "Most that is added or taken away, in shares of the value range.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Add."""
        added = on(symmetric(u[:, 0]) * self.most * strength, image)
        changed: Tensor = enhance.adjust_brightness(image, added, clip_output=False)
        return changed


@dataclass(frozen=True, kw_only=True)
class Saturation(Photometric):
    """Saturation: draw the bands apart or together below the brightest one; with one band nothing changes."""

    name: ClassVar[str] = "saturation"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 1
    most: float = amount(0.25, "Most by which the distance to the brightest band grows or shrinks, as a share of it.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Scale the distance to the brightest band: HSV's saturation, which Kornia has for three bands only."""
        more = on(symmetric(u[:, 0]) * self.most * strength, image)
        brightest = image.amax(dim=1, keepdim=True).expand_as(image)
        changed: Tensor = enhance.add_weighted(image, 1.0 + more, brightest, -more, 0.0)
        return changed


@dataclass(frozen=True, kw_only=True)
class Hue(Photometric):
    """Hue: turn colours about the grey axis; needs exactly three bands."""

    name: ClassVar[str] = "hue"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 1
    bands: ClassVar[int | None] = 3
    most: float = amount(11.0, "Largest turn of the colour circle, in degrees, to either side.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Turn by Rodrigues' formula about (1, 1, 1); by way of HSV, as Kornia does, it takes three times as long."""
        angle = symmetric(u[:, 0]) * math.radians(self.most) * strength
        across = image.roll(1, dims=1) - image.roll(2, dims=1)  # the axis × the colour, times √3
        apart = image - image.mean(dim=1, keepdim=True)
        return image + (on(torch.cos(angle), image) - 1.0) * apart + on(torch.sin(angle) / math.sqrt(3), image) * across
