"""Another sensor: its bands' response, its optics at another resolution, and the compression of its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia import enhance
from torch import Tensor
from torch.nn import functional

from lulcseg.augment.noise import uniform
from lulcseg.augment.operation import Photometric, amount, on, seeds, symmetric

_CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Response(Photometric):
    """Response: give each band a gain and a gamma of its own, and a share of the others, as another sensor does."""

    name: ClassVar[str] = "response"
    group: ClassVar[str] = "contrast"
    draws: ClassVar[int] = 1
    widest_gain: float = amount(1.5, "Largest factor on a band's values, and the inverse of the smallest.")
    widest_gamma: float = amount(1.4, "Largest exponent of a band's values, and the inverse of the smallest.")
    most_mixed: float = amount(0.15, "Largest share of another band that a band takes, or gives up.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Mix bands, then apply gains and gammas; at most 1 comes of the brightest values."""
        bands = image.shape[1]
        draw = symmetric(uniform((len(image), bands, bands + 2), seeds(u[:, 0]), _CPU)) * strength
        mixed = draw[:, :, :bands] * self.most_mixed * (1 - torch.eye(bands))
        matrix = mixed + torch.diag_embed(1 - mixed.sum(dim=2))
        gain = on(torch.tensor(self.widest_gain).log().mul(draw[:, :, bands]).exp(), image)
        gamma = on(torch.tensor(self.widest_gamma).log().mul(draw[:, :, bands + 1]).exp(), image)
        changed = torch.einsum("nij,njhw->nihw", matrix.to(image), image)
        return (changed * gain).clamp(0.0, 1.0) ** gamma


@dataclass(frozen=True, kw_only=True)
class Resample(Photometric):
    """Resample: sample the image coarser and back, as taken from higher up or resampled to this resolution."""

    name: ClassVar[str] = "resample"
    group: ClassVar[str] = "noise"
    draws: ClassVar[int] = 1
    most: float = amount(2.5, "Largest factor on the pixel size in between.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:
        """Shrink each sample by its own factor with an antialiasing filter, and enlarge it again.

        Pixels without imagery have weight 0.
        """
        size = image.shape[-1]
        inner = [max(2, round(size / (1 + draw * (self.most - 1) * strength))) for draw in u[:, 0].tolist()]
        known = valid.unsqueeze(1).to(image.dtype)
        weighed = torch.cat([image * known, known], dim=1)
        total = torch.cat([_through(weighed[k : k + 1], side) for k, side in enumerate(inner)])
        return torch.where(known > 0, total[:, :-1] / total[:, -1:].clamp(min=1e-6), image)


def _through(image: Tensor, side: int) -> Tensor:
    """Resample (1, C, P, P) to a side in pixels, and back."""
    size = image.shape[-1]
    if side >= size:
        return image
    small = functional.interpolate(image, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return functional.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)


@dataclass(frozen=True, kw_only=True)
class Jpeg(Photometric):
    """JPEG: compress three bands as a JPEG file does."""

    name: ClassVar[str] = "jpeg"
    group: ClassVar[str] = "noise"
    draws: ClassVar[int] = 1
    bands: ClassVar[int | None] = 3
    lowest: float = amount(30.0, "Lowest quality, 1 to 100, at a strength of 1; the highest is 95.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:
        """Code and decode each sample at its own quality; pixels without imagery count as the others' mean."""
        reach = min(strength, 1.0)
        quality = (95.0 - u[:, 0] * (95.0 - self.lowest) * strength).clamp(1.0, 100.0)
        known = valid.unsqueeze(1)
        mean = (image * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp(min=1)
        filled = torch.where(known, image, mean)
        coded: Tensor = enhance.jpeg_codec_differentiable(filled, quality.float().to(image.device))
        return torch.lerp(image, coded, reach)
