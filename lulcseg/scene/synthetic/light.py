"""Illumination of a height field: direct sun, cast shadows and diffuse skylight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lulcseg.grid import Window
from lulcseg.scene.synthetic.hash_noise import smooth

Float = NDArray[np.float32]

REACH = 36
"""Maximum distance over which shadows are traced, pixels."""


def illuminate(albedo: Float, height: Float, azimuth: float, elevation: float, sky: float) -> Float:
    """Illuminate a surface by direct sunlight and diffuse skylight.

    Args:
        albedo: ``(3, h, w)`` float32, linear.
        height: ``(h, w)`` float32, pixels.
        azimuth: Solar azimuth, degrees clockwise from north (up).
        elevation: Solar elevation, degrees.
        sky: Diffuse fraction of the irradiance on open ground.

    Returns:
        ``(3, h, w)`` float32 reflected light, equal to the albedo on flat open ground.
    """
    east, south = np.sin(np.radians(azimuth)), -np.cos(np.radians(azimuth))
    sun = _relative_incidence(height, east, south, elevation) * (1 - cast_shadow(height, east, south, elevation))
    hollow = np.clip(ndimage.gaussian_filter(height, 3.0, truncate=3.0) - height, 0, None)
    open_sky = 1 / (1 + 0.16 * hollow)
    tint = np.array([0.82, 0.98, 1.28], dtype=np.float32)[:, None, None]
    warm = 1 + sky / (1 - sky) * (1 - tint)
    return np.asarray(albedo * ((1 - sky) * warm * sun + sky * tint * open_sky), dtype=np.float32)


def _relative_incidence(height: Float, east: float, south: float, elevation: float) -> Float:
    """Return the cosine of the angle of incidence relative to flat ground, with damped slopes, clipped to 0…1.5."""
    smoothed = ndimage.gaussian_filter(height, 0.8, truncate=3.0)
    slope_x = np.zeros_like(smoothed)
    slope_y = np.zeros_like(smoothed)
    slope_x[:, 1:-1] = (smoothed[:, 2:] - smoothed[:, :-2]) * 0.5
    slope_y[1:-1] = (smoothed[2:] - smoothed[:-2]) * 0.5
    steepness = np.sqrt(slope_x**2 + slope_y**2)
    tame = 0.75 / (1 + 0.45 * steepness)
    towards = (slope_x * np.float32(east) + slope_y * np.float32(south)) * tame
    sine, cosine = np.float32(np.sin(np.radians(elevation))), np.float32(np.cos(np.radians(elevation)))
    facing = (sine - cosine * towards) / np.sqrt(1 + (steepness * tame) ** 2)
    return np.asarray(np.clip(facing / sine, 0.0, 1.5))


def cast_shadow(height: Float, east: float, south: float, elevation: float) -> Float:
    """Return the shadow cast by a height field.

    Args:
        height: ``(h, w)`` float32, pixels.
        east: East component of the horizontal unit vector towards the sun.
        south: South component.
        elevation: Solar elevation, degrees.

    Returns:
        ``(h, w)`` float32, 0 (lit) … 1 (in shadow).
    """
    fall = np.tan(np.radians(elevation))
    steps = min(REACH, int(np.ceil(float(height.max(initial=0.0)) / fall)))
    lit_until = np.zeros_like(height)
    h, w = height.shape
    for step in range(1, steps + 1):
        dx, dy = round(step * east), round(step * south)
        here = (slice(max(0, -dy), min(h, h - dy)), slice(max(0, -dx), min(w, w - dx)))
        there = (slice(max(0, dy), min(h, h + dy)), slice(max(0, dx), min(w, w + dx)))
        np.maximum(lit_until[here], height[there] - np.float32(step * fall), out=lit_until[here])
    return np.asarray(np.clip((lit_until - height) / 1.2, 0, 1))


def lie_of_the_land(window: Window, azimuth: float, seed: int) -> Float:
    """Return the brightness modulation due to hills that slope towards the sun or away from it.

    Args:
        window: Pixels to return.
        azimuth: Solar azimuth, degrees clockwise from north.
        seed: Seed of the hills.

    Returns:
        ``(h, w)`` float32 factors near 1.
    """
    east, north = np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))
    slopes = [
        smooth(window, 420, seed + 6),
        smooth(window, 420, seed + 7),
        smooth(window, 150, seed + 8),
        smooth(window, 150, seed + 9),
    ]
    turned = np.float32(east) * (slopes[0] + 0.5 * slopes[2]) + np.float32(north) * (slopes[1] + 0.5 * slopes[3])
    return np.asarray(1 + 0.06 * turned, np.float32)
