"""Hash-based procedural noise in world coordinates.

Every value is a function of the pixel's coordinates in the landscape's grid and a key, so a pixel does not depend on
the block in which it is rendered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.grid import Window

Float = NDArray[np.float32]
UInt = NDArray[np.uint32]

_PRIMES = (np.uint32(0x9E3779B1), np.uint32(0x85EBCA77), np.uint32(0xC2B2AE3D))
_BSPLINE_SPREAD = 2.1
"""Approximate factor by which 2-D cubic B-spline interpolation reduces the standard deviation of lattice values."""


def hash32(key: ArrayLike, *coordinates: ArrayLike) -> UInt:
    """Hash integer coordinates and a key to 32 pseudorandom bits.

    Args:
        key: Integer(s); different keys give independent values.
        *coordinates: Up to three integer arrays that broadcast against each other and the key.

    Returns:
        uint32 of the broadcast shape.
    """
    h = _as_bits(key)
    with np.errstate(over="ignore"):
        for prime, coordinate in zip(_PRIMES, coordinates, strict=False):
            h = (h ^ (_as_bits(coordinate) * prime)) * np.uint32(0x2C1B3C6D)
            h = h ^ (h >> np.uint32(15))
        h = h * np.uint32(0x297A2D39)
        h = h ^ (h >> np.uint32(13))
        h = h * np.uint32(0x9E3779B1)
        return np.asarray(h ^ (h >> np.uint32(16)), dtype=np.uint32)


def _as_bits(values: ArrayLike) -> UInt:
    """Convert integers to uint32, modulo 2³²."""
    array = np.asarray(values)
    if array.dtype == np.uint32:
        return array
    return array.astype(np.int64).astype(np.uint32)


def unit(bits: UInt) -> Float:
    """Convert 32 random bits to float32 in [0, 1)."""
    return ((bits >> np.uint32(8)).astype(np.float32)) * np.float32(2.0**-24)


def bits_to_units(bits: UInt) -> tuple[Float, Float, Float, Float]:
    """Split 32 random bits into four independent float32 values in [0, 1), with 256 levels each."""
    step = np.float32(1 / 256)
    return (
        (bits & np.uint32(255)).astype(np.float32) * step,
        ((bits >> np.uint32(8)) & np.uint32(255)).astype(np.float32) * step,
        ((bits >> np.uint32(16)) & np.uint32(255)).astype(np.float32) * step,
        (bits >> np.uint32(24)).astype(np.float32) * step,
    )


def white(window: Window, key: int) -> Float:
    """Return white noise: independent uniform values in [0, 1).

    Args:
        window: Pixels to return.
        key: Key of the noise field.

    Returns:
        ``(h, w)`` float32.
    """
    rows = np.arange(window.row, window.row_end)[:, None]
    cols = np.arange(window.col, window.col_end)[None, :]
    return unit(hash32(key, cols, rows))


def gaussian(window: Window, key: int) -> Float:
    """Return approximately Gaussian noise (the sum of four uniform bytes), independent per pixel, mean 0, deviation 1.

    Args:
        window: Pixels to return.
        key: Key of the noise field.

    Returns:
        ``(h, w)`` float32 in about -3.5…3.5.
    """
    rows = np.arange(window.row, window.row_end)[:, None]
    cols = np.arange(window.col, window.col_end)[None, :]
    a, b, c, d = bits_to_units(hash32(key, cols, rows))
    return (a + b + c + d - np.float32(2 - 2 / 256)) * np.float32(1.7320508)


def smooth(window: Window, wavelength: float, key: int) -> Float:
    """Return value noise: hashed lattice values interpolated by a cubic B-spline.

    Args:
        window: Pixels to return.
        wavelength: Lattice spacing, pixels (≥ 1).
        key: Key of the noise field.

    Returns:
        ``(h, w)`` float32, mean 0, deviation about 1.
    """
    row0, row_weights, row_span = _taps(window.row, window.height, wavelength)
    col0, col_weights, col_span = _taps(window.col, window.width, wavelength)
    i = np.arange(row0[0] - 1, row0[0] - 1 + row_span)
    j = np.arange(col0[0] - 1, col0[0] - 1 + col_span)
    lattice = (unit(hash32(key, j[None, :], i[:, None])) - np.float32(0.5)) * np.float32(3.4641016 * _BSPLINE_SPREAD)
    at_row, at_col = row0 - row0[0], col0 - col0[0]
    tall = sum(
        (row_weights[k][:, None] * lattice[at_row + k] for k in range(1, 4)), row_weights[0][:, None] * lattice[at_row]
    )
    result = col_weights[0] * tall[:, at_col]
    for k in range(1, 4):
        result += col_weights[k] * tall[:, at_col + k]
    return np.asarray(result, dtype=np.float32)


def _taps(start: int, count: int, wavelength: float) -> tuple[NDArray[np.int64], Float, int]:
    """Return first lattice index per pixel, B-spline weights ``(4, count)`` and number of lattice values."""
    position = (np.arange(start, start + count, dtype=np.float64) + 0.5) / wavelength
    first = np.floor(position).astype(np.int64)
    t = (position - first).astype(np.float32)
    s = 1 - t
    weights = np.stack([s * s * s, 4 - 3 * t * t * (1 + s), 4 - 3 * s * s * (1 + t), t * t * t]) / np.float32(6)
    return first, weights.astype(np.float32), int(first[-1] - first[0]) + 4


def layered(window: Window, wavelength: float, key: int, octaves: int = 3) -> Float:
    """Return fractal noise: octaves of :func:`smooth`, each with half the wavelength and 0.6 times the amplitude.

    Args:
        window: Pixels to return.
        wavelength: Longest wavelength, pixels.
        key: Key of the noise field.
        octaves: Number of octaves.

    Returns:
        ``(h, w)`` float32, mean 0, deviation about 1.
    """
    total = smooth(window, wavelength, key)
    power, strength = 1.0, 1.0
    for octave in range(1, octaves):
        strength *= 0.6
        power += strength**2
        total = total + np.float32(strength) * smooth(window, max(wavelength / 2**octave, 1.0), key + 7919 * octave)
    return total * np.float32(power**-0.5)
