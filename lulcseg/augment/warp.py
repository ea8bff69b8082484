"""Geometry that resamples: zoom, stretch, rotation, shear and elastic, composed to one sampling.

Image and validity are resampled bilinearly, labels by the nearest pixel, at the same positions; the matrices are
Kornia's. Pixels from outside the patch are invalid and ignored, never class 0: labels are resampled as index + 1 with
zeros as padding. A warped pixel counts as imagery only if at least 99 % of its bilinear weight lies on pixels with
imagery, and its value is their weighted mean, so no nodata and nothing from outside mixes into the network's input;
a pixel that isn't imagery is ignored too.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia.geometry.transform import get_affine_matrix2d
from torch import Tensor
from torch.nn import functional

from lulcseg.augment.operation import Batch, Operation, amount, factor, seeds, symmetric
from lulcseg.augment.smooth import draw_knots, enlarge, pixel_centres
from lulcseg.legend import IGNORE

WHOLE = 0.99


class Affine(Operation):
    """A warp that is one 2 × 2 matrix about the patch's centre."""

    @abstractmethod
    def matrix(self, u: Tensor, strength: float) -> Tensor:
        """Return (n, 2, 2) float64 on the CPU: output (x, y) from the centre → input (x, y)."""


def about_centre(*, scale: Tensor | None = None, angle: Tensor | None = None, slant: Tensor | None = None) -> Tensor:
    """Return (n, 2, 2) float64 matrices that scale, turn and slant about the centre.

    Args:
        scale: (n, 2) factors along x and y.
        angle: (n,) degrees.
        slant: (n, 2) pixels sideways for each pixel along; the area is kept.
    """
    n = len(next(given for given in (scale, angle, slant) if given is not None))
    centre = torch.zeros(n, 2, dtype=torch.float64)
    shear = () if slant is None else torch.atan(-slant).unbind(dim=1)
    matrix: Tensor = get_affine_matrix2d(
        centre,
        centre,
        torch.ones_like(centre) if scale is None else scale,
        centre[:, 0] if angle is None else angle,
        *shear,
    )
    return matrix[:, :2, :2]


@dataclass(frozen=True, kw_only=True)
class Zoom(Affine):
    """Zoom: enlarge or shrink the patch, as another flying height or ground resolution would."""

    name: ClassVar[str] = "zoom"
    group: ClassVar[str] = "geometry"
    draws: ClassVar[int] = 1
    widest: float = amount(1.25, "Largest enlargement; the smallest is 1 over it.")

    def matrix(self, u: Tensor, strength: float) -> Tensor:
        """Scale both axes."""
        scale = 1.0 / factor(u[:, 0], self.widest, strength)
        return about_centre(scale=torch.stack([scale, scale], dim=1))


@dataclass(frozen=True, kw_only=True)
class Stretch(Affine):
    """Stretch: lengthen the patch along one axis and shorten it along the other, keeping its area."""

    name: ClassVar[str] = "stretch"
    group: ClassVar[str] = "geometry"
    draws: ClassVar[int] = 1
    widest: float = amount(1.15, "Largest factor along either axis; the other's is 1 over it.")

    def matrix(self, u: Tensor, strength: float) -> Tensor:
        """Scale the axes inversely."""
        ratio = factor(u[:, 0], self.widest, strength)
        return about_centre(scale=torch.stack([ratio, 1.0 / ratio], dim=1))


@dataclass(frozen=True, kw_only=True)
class Rotation(Affine):
    """Rotation: turn the patch by any angle; corners come in from outside."""

    name: ClassVar[str] = "rotation"
    group: ClassVar[str] = "geometry"
    draws: ClassVar[int] = 1
    most: float = amount(45.0, "Largest angle to either side, in degrees.")

    def matrix(self, u: Tensor, strength: float) -> Tensor:
        """Turn."""
        return about_centre(angle=symmetric(u[:, 0]) * self.most * strength)


@dataclass(frozen=True, kw_only=True)
class Shear(Affine):
    """Shear: slant the patch along both axes, as a tilted camera would."""

    name: ClassVar[str] = "shear"
    group: ClassVar[str] = "geometry"
    draws: ClassVar[int] = 2
    most: float = amount(0.15, "Largest slant: pixels sideways for each pixel along.")

    def matrix(self, u: Tensor, strength: float) -> Tensor:
        """Slant."""
        return about_centre(slant=symmetric(u) * self.most * strength)


@dataclass(frozen=True, kw_only=True)
class Elastic(Operation):
    """Elastic: shift the ground smoothly to and fro, as relief and mosaicking errors do."""

    name: ClassVar[str] = "elastic"
    group: ClassVar[str] = "geometry"
    draws: ClassVar[int] = 2
    most: float = amount(6.0, "Largest standard deviation of the shift along each axis, in pixels.")
    wavelength: float = amount(64.0, "Distance over which shifts change, in pixels.")

    def displacement(self, u: Tensor, size: int, strength: float, device: torch.device) -> Tensor:
        """Return shifts in pixels, (n, 2, size, size) float32 on the device, x before y."""
        cells = max(1, round(size / self.wavelength))
        sideways, down = draw_knots(seeds(u[:, 1]), [(cells, cells)] * 2, device)
        at = pixel_centres(size, device)
        fields = torch.stack([enlarge(sideways, at, at), enlarge(down, at, at)], dim=1)
        spread = 0.48  # standard deviation of a two-dimensional cubic B-spline of unit normal knots, on average
        scale = (u[:, 0] * self.most * strength / spread).float().to(device, non_blocking=True)
        return fields * scale.view(-1, 1, 1, 1)


def warp(batch: Batch, matrix: Tensor, shift: Tensor | None, size: int) -> Batch:
    """Resample a batch at ``matrix`` · (x, y) + shift, about the centre.

    Args:
        batch: n samples of S × S pixels, S at least ``size``; the excess is a margin to read from.
        matrix: (n, 2, 2) on the CPU.
        shift: (n, 2, size, size) pixels on the device, or None.
        size: Width and height of the result, in pixels.

    Returns:
        n samples of ``size`` × ``size``.
    """
    device, side = batch.image.device, batch.image.shape[-1]
    to_edge = 2.0 / side  # coordinates run from -1 at one edge to 1 at the other
    a = (matrix * to_edge).float().to(device, non_blocking=True).reshape(-1, 4, 1, 1)
    at = torch.arange(size, device=device) - (size - 1) / 2
    x, y = at.view(1, 1, -1), at.view(1, -1, 1)
    # One grid for image and labels, broadcast: Kornia's create_meshgrid and warp_grid take two to six times as long,
    # and its remap would assemble the coordinates for each of the two again.
    grid = torch.empty(len(a), size, size, 2, device=device)
    for axis, place in enumerate(grid.unbind(dim=-1)):
        torch.add(a[:, 2 * axis] * x, a[:, 2 * axis + 1] * y, out=place)
        if shift is not None:
            place.add_(shift[:, axis], alpha=to_edge)
    stacked = torch.cat([batch.image, batch.valid.unsqueeze(1).to(batch.image.dtype)], dim=1)
    stacked[:, :-1].masked_fill_(~batch.valid.unsqueeze(1), 0.0)
    sampled = functional.grid_sample(stacked, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    image, weight = sampled[:, :-1], sampled[:, -1]
    image.div_(weight.clamp(min=WHOLE).unsqueeze(1))  # the mean of pixels with imagery, if they are enough
    codes = batch.mask.unsqueeze(1).to(batch.image.dtype) + 1.0
    found = functional.grid_sample(codes, grid, mode="nearest", padding_mode="zeros", align_corners=False)[:, 0]
    valid = weight >= WHOLE
    known = valid & (found > 0.5)
    mask = (found - 1.0).masked_fill_(~known, IGNORE).to(batch.mask.dtype)
    return Batch(image.clamp_(0.0, 1.0), mask, valid)


def compose(operations: Sequence[Affine], draws: Sequence[Tensor], chosen: Tensor, strength: float) -> Tensor:
    """Multiply the matrices of the affine operations that each sample chose.

    Args:
        operations: k of them.
        draws: For each, (n, its draws).
        chosen: (n, k) bool.
        strength: Factor on all strengths.

    Returns:
        (n, 2, 2) float64.
    """
    identity = torch.eye(2, dtype=torch.float64)
    total = identity.repeat(len(chosen), 1, 1)
    for operation, u, picked in zip(operations, draws, chosen.unbind(dim=1), strict=True):
        if picked.any():
            total = total @ torch.where(picked[:, None, None], operation.matrix(u, strength), identity)
    return total
