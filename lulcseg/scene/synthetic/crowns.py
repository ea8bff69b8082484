"""Tree crowns on a jittered lattice, from scattered paddock trees to closed forest canopy."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lulcseg.scene.synthetic.hash_noise import bits_to_units, hash32, unit

Float = NDArray[np.float32]
_EDGE_WIDTH = 0.9
"""Width of the antialiased edge of a crown, pixels."""
Rooted = Callable[[Float, Float, NDArray[np.intp]], NDArray[np.bool_]]
"""Function of plant positions (u, v) and pixel indices; see :func:`grow`."""


class Lattice(NamedTuple):
    """Lattice parameters per pixel, ``(n,)`` float32 each; see :class:`~lulcseg.scene.synthetic.uses.Crowns`."""

    along: Float
    across: Float
    radius_min: Float
    radius_max: Float
    height: Float
    jitter: Float
    present: Float
    star: Float
    pointed: Float
    lumpy: Float


class Canopy(NamedTuple):
    """The canopy at each pixel, ``(n,)`` float32 each.

    Attributes:
        height: Height of the foliage, pixels; 0 without foliage.
        cover: Fraction of the pixel covered by foliage, 0…1.
        tone: Relative brightness of the plant, about -1…1.
        rim: Distance from the crown's centre relative to its radius, 0…1.
    """

    height: Float
    cover: Float
    tone: Float
    rim: Float


def grow(
    u: Float,
    v: Float,
    key: NDArray[np.uint32],
    *,
    lattice: Lattice,
    outline: Float,
    rooted: Rooted,
) -> Canopy:
    """Compute the canopy that is visible at each pixel.

    Args:
        u: Position along the rows, pixels, ``(n,)``.
        v: Position across the rows, pixels, ``(n,)``.
        key: Hash key of the piece of ground, ``(n,)``.
        lattice: Lattice parameters, ``(n,)`` each.
        outline: Noise that makes crown outlines irregular, ``(n,)``, about -1…1.
        rooted: Function of plant positions (u, v) and pixel indices that returns whether each plant stands on the
            same piece of ground as its pixel.

    Returns:
        The tallest foliage at each pixel.
    """
    best = Canopy(*(np.zeros_like(u) for _ in Canopy._fields))
    row, place = np.floor(v / lattice.across), np.floor(u / lattice.along)
    limit = lattice.radius_max * (1 + lattice.lumpy * outline) * (1 + 0.25 * lattice.star) + _EDGE_WIDTH
    stray_u, stray_v = 0.5 * lattice.jitter * lattice.along, 0.5 * lattice.jitter * lattice.across
    for i in (-1, 0, 1):
        gap_v = np.maximum(np.abs(v - (row + (i + 0.5)) * lattice.across) - stray_v, 0)
        for j in (-1, 0, 1):
            gap_u = np.maximum(np.abs(u - (place + (j + 0.5)) * lattice.along) - stray_u, 0)
            near = np.flatnonzero(gap_u * gap_u + gap_v * gap_v < limit * limit)
            if near.size:
                part = Lattice(*(column[near] for column in lattice))
                plant = _Plants(key[near], row[near] + np.float32(i), place[near] + np.float32(j), part)
                _composite(plant, u[near], v[near], outline[near], pixels=near, rooted=rooted, best=best)
    return best


class _Plants:
    """Plants, one per given lattice cell, as arrays ``(n,)``."""

    def __init__(self, key: NDArray[np.uint32], row: Float, place: Float, lattice: Lattice) -> None:
        bits = hash32(key, place.astype(np.int64), row.astype(np.int64))
        self.turn, jitter_v, self.size, self.tone = bits_to_units(bits)
        self.lattice = lattice
        self.stands = unit(hash32(bits, 77)) < lattice.present
        self.u = (place + 0.5 + (self.turn - 0.5) * lattice.jitter) * lattice.along
        self.v = (row + 0.5 + (jitter_v - 0.5) * lattice.jitter) * lattice.across
        self.radius = lattice.radius_min + (lattice.radius_max - lattice.radius_min) * self.size


def _composite(
    plant: _Plants, u: Float, v: Float, outline: Float, *, pixels: NDArray[np.intp], rooted: Rooted, best: Canopy
) -> None:
    """Update ``best`` in place at the pixels where these plants are the tallest so far (a z-buffer)."""
    lattice = plant.lattice
    du, dv = u - plant.u, v - plant.v
    distance = np.sqrt(du * du + dv * dv)
    reach = plant.radius * (1 + lattice.lumpy * outline)
    if (lattice.star > 0).any():
        rays = np.cos(7 * np.arctan2(dv, du) + 6.2832 * plant.turn)
        reach = reach * (1 + lattice.star * (0.5 * rays - 0.25))
    k = np.flatnonzero(plant.stands & (distance < reach + _EDGE_WIDTH))
    k = k[rooted(plant.u[k], plant.v[k], pixels[k])]
    distance, reach = distance[k], reach[k]
    rim = np.clip(distance / np.maximum(reach, 0.5), 0, 1)
    dome = np.sqrt(np.maximum(1 - rim * rim, 0))
    shape = dome + lattice.pointed[k] * ((1 - rim) - dome)
    cover = np.clip((reach - distance) / _EDGE_WIDTH + 0.5, 0, 1)
    height = lattice.height[k] * (0.75 + 0.25 * plant.size[k]) * (0.35 + 0.65 * shape) * cover
    wins = height > best.height[pixels[k]]
    at = pixels[k][wins]
    best.height[at] = height[wins]
    best.cover[at] = np.maximum(best.cover[at], cover[wins])
    best.tone[at] = 2 * plant.tone[k][wins] - 1
    best.rim[at] = rim[wins]
