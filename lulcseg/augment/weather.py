"""Between ground and sensor: blur, clouds with their shadows, fog and smoke.

Labels under cloud stay, as in the paper: the network learns to classify the ground from what is visible through the
cloud and around it. So opacity and cover are moderate. Blurring and resampling are Kornia's; for clouds it has
only plasma fractals, drawn for the whole batch, with angular edges and ten times slower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia.filters import gaussian_blur2d
from kornia.geometry.transform import remap
from torch import Tensor
from torch.nn.functional import pad

from lulcseg.augment.operation import Photometric, amount, factor, on, seeds, symmetric
from lulcseg.augment.smooth import draw_knots, enlarge, octaves, pixel_centres


@dataclass(frozen=True, kw_only=True)
class Blur(Photometric):
    """Blur: smooth with a Gaussian, as defocus, motion or a coarser sensor would."""

    name: ClassVar[str] = "blur"
    group: ClassVar[str] = "weather"
    draws: ClassVar[int] = 1
    most: float = amount(2.0, "Largest standard deviation of the Gaussian, in pixels.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:
        """Average with weights; pixels without imagery have weight 0."""
        reach = max(1, min(math.ceil(3 * self.most * strength), image.shape[-1] - 1))
        sigma = (u[:, :1] * self.most * strength).clamp(min=1e-3).expand(-1, 2)  # on the CPU, where Kornia checks it
        known = valid.unsqueeze(1).to(image.dtype)
        total = gaussian_blur2d(torch.cat([image * known, known], dim=1), 2 * reach + 1, sigma, border_type="constant")
        return torch.where(known > 0, total[:, :-1] / total[:, -1:].clamp(min=1e-6), image)


def _standard(field: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return (field - mean) / deviation.clamp(min=1e-6)


def _soft_step(value: Tensor) -> Tensor:
    inside = value.clamp(0.0, 1.0)
    return inside * inside * (3.0 - 2.0 * inside)


def _tint(u: Tensor, bands: int, spread: float) -> Tensor:
    """Draw a brightness for each band near 1: (n, C), from the samples' own seeds."""
    own = torch.empty(len(u), bands)
    generator = torch.Generator()
    for sample, seed in zip(own, seeds(u), strict=True):
        sample.uniform_(-spread, spread, generator=generator.manual_seed(seed))
    return own


@dataclass(frozen=True, kw_only=True)
class Clouds(Photometric):
    """Clouds: lay soft-edged bright cumulus over part of the patch, with shadows thrown aside."""

    name: ClassVar[str] = "clouds"
    group: ClassVar[str] = "weather"
    draws: ClassVar[int] = 7
    least_cover: float = amount(0.1, "Smallest share of the patch under cloud.")
    most_cover: float = amount(0.4, "Largest share of the patch under cloud.")
    opacity: float = amount(0.95, "How much of the ground the thickest cloud hides, 0 to 1.")
    shadow: float = amount(0.5, "How much light the deepest shadow takes, 0 to 1.")
    throw: float = amount(0.2, "Farthest distance of a shadow from its cloud, in shares of a patch's side.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Darken by the shadow, then cover by the cloud."""
        device, (height, width) = image.device, image.shape[-2:]
        knots = draw_knots(seeds(u[:, 0]), [(3 * 2**k, 3 * 2**k) for k in range(6)], device)
        rows, columns = (0.15 + 0.7 * pixel_centres(length, device) for length in (height, width))
        turn = 2 * math.pi * u[:, 6]  # so that no cloud's edge follows the coarse grid
        field = _turned(octaves(knots, rows, columns, 0.5), turn)
        mean, deviation = field.mean(dim=(1, 2), keepdim=True), field.std(dim=(1, 2), keepdim=True)
        cover = self.least_cover + (self.most_cover - self.least_cover) * u[:, 1]
        threshold = on(torch.special.ndtri(1.0 - cover), image)[:, 0]
        height_above = _standard(field, mean, deviation) - threshold
        density = _soft_step((height_above + 0.25) / 1.1) ** 0.8
        angle, distance = 2 * math.pi * u[:, 2], 0.7 * self.throw * (0.5 + 0.5 * u[:, 3])
        aside, down = (
            (distance * part).float().to(device, non_blocking=True).view(-1, 1)
            for part in (torch.cos(angle), torch.sin(angle))
        )
        thrown = _turned(octaves(knots[:4], rows + down, columns + aside, 0.5), turn)
        shaded = _standard(thrown, mean, deviation) - threshold
        dark = _soft_step((shaded + 0.4) / 1.3)
        lit = image * (1.0 - dark.unsqueeze(1) * min(self.shadow * strength, 1.0))
        upslope = pad(height_above.unsqueeze(1), (3, 0, 3, 0), mode="replicate")[:, 0, :height, :width]
        relief = 0.05 * (height_above - upslope).clamp(-1, 1)
        white = on(0.9 + 0.06 * symmetric(u[:, 4]), image) + on(_tint(u[:, 5], image.shape[1], 0.006), image)
        body = (white - 0.10 * (1.0 - density.unsqueeze(1)) + relief.unsqueeze(1)).clamp(0.0, 1.0)
        return torch.lerp(lit, body, density.unsqueeze(1) * min(self.opacity * strength, 1.0))


@dataclass(frozen=True, kw_only=True)
class Fog(Photometric):
    """Fog: veil the whole patch almost evenly in pale grey, which takes contrast away."""

    name: ClassVar[str] = "fog"
    group: ClassVar[str] = "weather"
    draws: ClassVar[int] = 4
    thinnest: float = amount(0.15, "Smallest share of the light that comes from the veil.")
    thickest: float = amount(0.55, "Largest share of the light that comes from the veil.")
    unevenness: float = amount(0.2, "Standard deviation of its density across the patch, as a share of it.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Mix with the veil."""
        device = image.device
        knots = draw_knots(seeds(u[:, 0]), [(2, 2), (4, 4), (8, 8)], device)
        rows, columns = (pixel_centres(length, device) for length in image.shape[-2:])
        field = octaves(knots, rows, columns, 0.4).unsqueeze(1)
        density = on((self.thinnest + (self.thickest - self.thinnest) * u[:, 1]) * strength, image)
        density = (density * (1.0 + self.unevenness * 1.7 * field)).clamp(0.0, 0.95)
        veil = on(0.78 + 0.1 * symmetric(u[:, 2]), image) + on(_tint(u[:, 3], image.shape[1], 0.025), image)
        return torch.lerp(image, veil.expand_as(image), density.expand_as(image))


@dataclass(frozen=True, kw_only=True)
class Smoke(Photometric):
    """Smoke: draw a thin grey-brown haze over the patch, denser in bands that drift one way."""

    name: ClassVar[str] = "smoke"
    group: ClassVar[str] = "weather"
    draws: ClassVar[int] = 6
    thickest: float = amount(0.8, "How much of the ground the thickest smoke hides, 0 to 1.")
    length: float = amount(4.0, "How many times longer than wide its bands are.")

    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:  # noqa: ARG002
        """Mix with bands sampled from a long field, turned and bent."""
        device, size = image.device, image.shape[-1]
        at = pixel_centres(size, device)
        cells = 5
        across = max(1, round(cells / self.length))
        sizes = [(cells * 2**k, across * 2**k) for k in range(5)]
        bend, *knots = draw_knots(seeds(u[:, 0]), [(3, 3), *sizes], device)
        field = octaves(knots, at, at, 0.5)
        field = _turned(field, 2 * math.pi * u[:, 1], 0.3 * enlarge(bend, at, at))
        mean, deviation = field.mean(dim=(1, 2), keepdim=True), field.std(dim=(1, 2), keepdim=True)
        low = on(-1.2 + u[:, 2], image)[:, 0]
        density = _soft_step((_standard(field, mean, deviation) - low) / 2.8).unsqueeze(1)
        density = density * on(((0.6 + 0.4 * u[:, 3]) * self.thickest * strength).clamp(max=1.0), image)
        warm = torch.linspace(0.05, -0.05, image.shape[1]).expand(len(u), -1)  # first bands are the longer waves
        grey = on(0.52 * factor(u[:, 4], 1.25, 1.0), image) + on(warm, image)
        colour = grey + on(_tint(u[:, 5], image.shape[1], 0.02), image)
        return torch.lerp(image, colour.expand_as(image), density.expand_as(image))


def _turned(field: Tensor, angle: Tensor, bend: Tensor | float = 0.0) -> Tensor:
    """Sample a field (n, H, W) turned by an angle (n,) and bent by shifts (n, H, W) in half sides."""
    height, width = field.shape[1:]
    y = pixel_centres(height, field.device).view(1, -1, 1) * 2 - 1
    x = pixel_centres(width, field.device).view(1, 1, -1) * 2 - 1
    cos, sin = (f.float().to(field.device, non_blocking=True).view(-1, 1, 1) for f in (angle.cos(), angle.sin()))
    places = [place * 0.7 for place in (cos * x - sin * y, sin * x + cos * y + bend)]
    turned: Tensor = remap(field.unsqueeze(1), *places, padding_mode="reflection", normalized_coordinates=True)
    return turned[:, 0]
