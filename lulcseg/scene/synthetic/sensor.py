"""Sensor model of the two surveys: season, sun position, and the camera and mosaicking effects.

2018 is a sharp camera in the green of late winter. 2015 is another camera in the dry spring: its bands have other
spectral responses, the sun is on the other side, strips and frames differ in brightness, the resolution is lower and
the images are JPEG-compressed. Augmentation can compensate for some of these differences (gamma, colour cast, contrast,
noise, blur), but not for the sun, the season, the spectral response or the seams. The magnitudes were chosen visually,
to resemble real surveys, before any model was trained.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from scipy import ndimage

from lulcseg.grid import Window
from lulcseg.scene.synthetic.hash_noise import gaussian, hash32, smooth, unit

Float = NDArray[np.float32]

TILE = 1040
"""Side of the blocks in which a mosaic is written, pixels; a multiple of :data:`ALIGN`."""
APRON = 80
"""Context rendered around a window for blur, resampling and JPEG, pixels; a multiple of :data:`ALIGN`."""
ALIGN = 80
"""Alignment of rendered blocks, pixels: whole native pixels of every sensor and whole 16-pixel JPEG cells."""


@dataclass(frozen=True, slots=True)
class Season:
    """Seasonal state of vegetation and soil.

    Attributes:
        green: Factor on the greenness of grass.
        grass: Factor on the share of the ground under grass.
        ripe: Degree to which annual crops have ripened to straw, 0…1.
        leaf: Factor on the width of deciduous foliage.
        flush: Degree of fresh yellow-green leaf flush of trees, 0…1.
        moist: Soil moisture, which darkens the soil, 0…1.
    """

    green: float = 1.0
    grass: float = 1.0
    ripe: float = 0.0
    leaf: float = 1.0
    flush: float = 0.0
    moist: float = 0.0


@dataclass(frozen=True, slots=True)
class Survey:
    """An aerial survey: season, sun position and camera.

    Attributes:
        season: Seasonal state of the land.
        azimuth: Solar azimuth, degrees clockwise from north.
        elevation: Solar elevation, degrees.
        sky: Diffuse fraction of the irradiance, which also lights the shadows.
        haze: Path radiance per band (additive), linear.
        mixing: Spectral response: row k holds band k's response to red, green and blue.
        gain: Gain per band (white balance).
        gamma: Exponent of the tone curve relative to 1/2.2.
        contrast: Slope of the tone curve about middle grey, after gamma.
        blur: Standard deviation of the Gaussian point spread function, pixels.
        noise: Standard deviation of the sensor noise, digital numbers.
        strip: Width of a flight strip in a landscape of 2048 × 2048, pixels.
        heading: Direction of the flight strips, degrees clockwise from north.
        seam: Standard deviation of the brightness differences between frames, relative.
        falloff: Brightness difference between the two edges of a flight strip, relative.
        native: Native pixels per pixel of the mosaic, as numerator and denominator.
        jpeg: JPEG quality; None for no compression.
    """

    season: Season = Season()
    azimuth: float = 38.0
    elevation: float = 46.0
    sky: float = 0.24
    haze: tuple[float, float, float] = (0.006, 0.008, 0.012)
    mixing: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    contrast: float = 1.1
    blur: float = 0.5
    noise: float = 2.0
    strip: float = 1500.0
    heading: float = 2.0
    seam: float = 0.02
    falloff: float = 0.04
    native: tuple[int, int] = (1, 1)
    jpeg: int | None = None


SURVEY_2018 = Survey()
"""The survey of 2018."""

SURVEY_2015 = Survey(
    season=Season(green=0.5, grass=0.88, ripe=0.6, leaf=1.35, flush=0.3, moist=0.0),
    azimuth=292.0,
    elevation=38.0,
    sky=0.3,
    haze=(0.016, 0.02, 0.028),
    mixing=((0.84, 0.2, -0.04), (0.13, 0.75, 0.12), (0.0, 0.22, 0.78)),
    gain=(1.06, 0.99, 0.9),
    gamma=0.9,
    contrast=0.94,
    blur=0.75,
    noise=3.2,
    strip=620.0,
    heading=81.0,
    seam=0.11,
    falloff=0.24,
    native=(4, 5),
    jpeg=68,
)
"""The survey of 2015."""


def expose(light: Float, window: Window, survey: Survey, seed: int) -> NDArray[np.uint8]:
    """Convert the light reflected from the ground to the digital numbers of the mosaic.

    Args:
        light: ``(3, h, w)`` float32, linear, 1 = a white surface in full sun.
        window: Position of the block. For a survey with a coarser native resolution or JPEG, it must start and end at
            multiples of :data:`ALIGN` pixels.
        survey: The survey.
        seed: Seed of the noise and the seams.

    Returns:
        ``(3, h, w)`` uint8. The outer :data:`APRON` pixels lack context and must be cropped.
    """
    haze = np.array(survey.haze, dtype=np.float32)[:, None, None]
    gain = np.array(survey.gain, dtype=np.float32)[:, None, None]
    step = mosaic_steps(window, survey, seed)
    mixed = _apply_response(light, survey.mixing) * gain * step + haze
    mixed = np.stack([ndimage.gaussian_filter(band, survey.blur, truncate=4.0) for band in mixed])
    up, down = survey.native
    if up != down:
        mixed = _average_to_native(mixed, up, down)
    grey = np.clip(mixed, 0.0, None) ** np.float32(survey.gamma / 2.2)
    grey = (grey - 0.45) * np.float32(survey.contrast) + 0.45
    grey *= 255
    native = Window(window.row * up // down, window.col * up // down, *grey.shape[1:])
    for band in range(3):
        grey[band] += np.float32(survey.noise) * gaussian(native, seed * 31 + 701 + band)
    picture = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    if survey.jpeg is not None:
        picture = _compress(picture, survey.jpeg)
    if up != down:
        zoomed = [
            ndimage.zoom(b.astype(np.float32), down / up, order=3, mode="nearest", grid_mode=True) for b in picture
        ]
        picture = np.clip(np.rint(np.stack(zoomed)), 0, 255).astype(np.uint8)
    return picture


def _apply_response(light: Float, mixing: tuple[tuple[float, float, float], ...]) -> Float:
    """Apply the spectral response matrix to the bands."""
    return np.stack(
        [
            sum((np.float32(m) * light[k + 1] for k, m in enumerate(row[1:])), np.float32(row[0]) * light[0])
            for row in mixing
        ]
    )


def _average_to_native(bands: Float, up: int, down: int) -> Float:
    """Resample to a coarser grid with ``up`` pixels for every ``down``, by area averaging."""
    weights = np.zeros((up, down), dtype=np.float32)
    for k in range(up):
        a, b = k * down / up, (k + 1) * down / up
        for j in range(down):
            weights[k, j] = max(0.0, min(b, j + 1) - max(a, j)) * up / down
    count, h, w = bands.shape
    cells = bands.reshape(count, h // down, down, w // down, down)
    return np.asarray(
        np.einsum("ik,crksl,jl->cris j".replace(" ", ""), weights, cells, weights).reshape(
            count, h * up // down, w * up // down
        )
    )


def _compress(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress an image ``(3, h, w)`` as JPEG and decompress it."""
    profile = {"driver": "JPEG", "count": 3, "dtype": "uint8", "height": picture.shape[1], "width": picture.shape[2]}
    with warnings.catch_warnings(), MemoryFile() as file:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(file.name, "w", QUALITY=quality, **profile) as written:
            written.write(picture)
        with rasterio.open(file.name) as read:
            return np.asarray(read.read())


def mosaic_steps(window: Window, survey: Survey, seed: int) -> Float:
    """Return the brightness differences (with slight colour casts) between the frames of a mosaic.

    Flight strips lie side by side, each with a brightness gradient across it; frames follow one another along a strip.
    The seamlines between strips are irregular, like those computed by mosaicking software.

    Args:
        window: Pixels to return.
        survey: The survey.
        seed: Seed of the differences.

    Returns:
        ``(3, h, w)`` float32 factors near 1.
    """
    x = np.arange(window.col, window.col_end, dtype=np.float64)[None, :] + 0.5
    y = np.arange(window.row, window.row_end, dtype=np.float64)[:, None] + 0.5
    heading = np.radians(survey.heading)
    along = x * np.sin(heading) - y * np.cos(heading)
    across = x * np.cos(heading) + y * np.sin(heading)
    wobble = smooth(window, 70, seed * 31 + 11) * np.float32(0.01 * survey.strip)
    lines = ((across + wobble) / survey.strip).astype(np.float32) + 0.37
    line = np.floor(lines).astype(np.int64)
    shift = unit(hash32(seed * 31 + 12, line))
    frame = np.floor((along + 2 * wobble) / (0.8 * survey.strip) + shift).astype(np.int64)
    position = lines - line - 0.5
    lean = np.where(line % 2 == 0, 1, -1)
    common = np.float32(survey.falloff) * position * lean
    result = np.empty((3, *common.shape), dtype=np.float32)
    step = (unit(hash32(seed * 31 + 13, line, frame)) - 0.5) * np.float32(3.4641 * survey.seam)
    for band in range(3):
        own = (unit(hash32(seed * 31 + 14 + band, line, frame)) - 0.5) * np.float32(3.4641 * 0.35 * survey.seam)
        result[band] = 1 + common + step + own
    return result
