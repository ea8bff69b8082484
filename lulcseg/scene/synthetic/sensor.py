"""The two surveys: season, sun, and how a camera turns light into a mosaic.

2018 is a sharp camera in the green of late winter. 2015 is another camera in the dry of spring: its bands see other
mixtures, its sun stands on the other side, its strips and frames do not quite match, it resolves less and was kept as
JPEG. Augmentation may undo some of this (gamma, cast, contrast, noise, blur), but not the sun, the season, the band
mixture or the seams. The strengths were set by eye, to look like real surveys, before any model was trained.
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
"""Side of the blocks that a mosaic is written in, pixels: a multiple of :data:`ALIGN`."""
APRON = 80
"""Ground around a tile that its optics and compression may look at, pixels; likewise a multiple."""
ALIGN = 80
"""Blocks are exposed from multiples of this, which every sensor's native pixels and JPEG's 16-pixel cells fit."""


@dataclass(frozen=True, slots=True)
class Season:
    """What the land looks like at a time of year.

    Attributes:
        green: Factor on the greenness of grass.
        grass: Factor on the share of ground that grass covers.
        ripe: How far annual crops have turned to straw, 0…1.
        leaf: Factor on the breadth of deciduous foliage.
        flush: How far evergreen leaves lean to fresh yellow-green, 0…1.
        moist: How much darker wet soil is, 0…1.
    """

    green: float = 1.0
    grass: float = 1.0
    ripe: float = 0.0
    leaf: float = 1.0
    flush: float = 0.0
    moist: float = 0.0


@dataclass(frozen=True, slots=True)
class Survey:
    """A flight: its season, its sun and its camera.

    Attributes:
        season: State of the land.
        azimuth: Where the sun stands, degrees clockwise from north.
        elevation: How high it stands, degrees.
        sky: Share of the light that comes from the sky, into the shadows.
        haze: Light scattered into the picture, sRGB-linear, per band.
        mixing: Rows give each band's response to red, green and blue.
        gain: Factor per band (white balance).
        gamma: Exponent from light to grey value, relative to sRGB's.
        contrast: Slope about middle grey after gamma.
        blur: Deviation of the optics' point spread, pixels.
        noise: Deviation of the camera's noise, grey values.
        strip: Width of a flight line in a landscape of 2048 × 2048, pixels.
        heading: Direction of the flight lines, degrees clockwise from north.
        seam: Deviation of the brightness steps between frames, as a share.
        falloff: How much darker or brighter one edge of a flight line is than the other, as a share.
        native: Native pixels per pixel of the mosaic, as numerator and denominator.
        jpeg: Quality of the compression; None leaves it out.
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
    """Turn the light that leaves the ground into the mosaic's grey values.

    Args:
        light: ``(3, h, w)`` float32, linear, 1 = a white surface in full sun.
        window: Where it is. For a survey with a coarser native resolution or JPEG it must start and end at multiples
            of 80 pixels.
        survey: The camera.
        seed: Of its noise and its seams.

    Returns:
        ``(3, h, w)`` uint8. The outer :data:`APRON` pixels lack part of their surroundings and are to be cut off.
    """
    haze = np.array(survey.haze, dtype=np.float32)[:, None, None]
    gain = np.array(survey.gain, dtype=np.float32)[:, None, None]
    step = mosaic_steps(window, survey, seed)
    mixed = _mix(light, survey.mixing) * gain * step + haze
    mixed = np.stack([ndimage.gaussian_filter(band, survey.blur, truncate=4.0) for band in mixed])
    up, down = survey.native
    if up != down:
        mixed = _shrink(mixed, up, down)
    grey = np.clip(mixed, 0.0, None) ** np.float32(survey.gamma / 2.2)
    grey = (grey - 0.45) * np.float32(survey.contrast) + 0.45
    grey *= 255
    native = Window(window.row * up // down, window.col * up // down, *grey.shape[1:])
    for band in range(3):
        grey[band] += np.float32(survey.noise) * gaussian(native, seed * 31 + 701 + band)
    picture = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    if survey.jpeg is not None:
        picture = _through_jpeg(picture, survey.jpeg)
    if up != down:
        zoomed = [
            ndimage.zoom(b.astype(np.float32), down / up, order=3, mode="nearest", grid_mode=True) for b in picture
        ]
        picture = np.clip(np.rint(np.stack(zoomed)), 0, 255).astype(np.uint8)
    return picture


def _mix(light: Float, mixing: tuple[tuple[float, float, float], ...]) -> Float:
    """Apply the band mixture."""
    return np.stack(
        [
            sum((np.float32(m) * light[k + 1] for k, m in enumerate(row[1:])), np.float32(row[0]) * light[0])
            for row in mixing
        ]
    )


def _shrink(bands: Float, up: int, down: int) -> Float:
    """Average onto a grid of ``up`` pixels for every ``down``, as a coarser camera does."""
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


def _through_jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress and expand a picture."""
    profile = {"driver": "JPEG", "count": 3, "dtype": "uint8", "height": picture.shape[1], "width": picture.shape[2]}
    with warnings.catch_warnings(), MemoryFile() as file:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(file.name, "w", QUALITY=quality, **profile) as written:
            written.write(picture)
        with rasterio.open(file.name) as read:
            return np.asarray(read.read())


def mosaic_steps(window: Window, survey: Survey, seed: int) -> Float:
    """Return the brightness (and slight colour) of the frames that a mosaic was put together from.

    Flight lines lie side by side, each brighter on one side than on the other; frames follow one another along them.
    The seam between lines wanders, as the ones that mosaicking software lays do.

    Args:
        window: Pixels wanted.
        survey: The flight.
        seed: Of the steps.

    Returns:
        ``(3, h, w)`` float32 factors about 1.
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
