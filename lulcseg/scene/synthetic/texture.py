"""Albedo and height of the ground and everything on it, before illumination and the sensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Window
from lulcseg.scene.synthetic.ground import Float, Ground, from_middle
from lulcseg.scene.synthetic.hash_noise import hash32, layered, smooth, unit, white
from lulcseg.scene.synthetic.piece_table import Table, linear
from lulcseg.scene.synthetic.plants import plant_crowns, plant_rows
from lulcseg.scene.synthetic.sensor import Season
from lulcseg.scene.synthetic.surfaces import lay_surfaces

SOILS = (linear("#96553a"), linear("#86604a"), linear("#a68c6c"))
"""Soil colours: red basalt, chocolate and grey-brown; linear RGB."""
GRASS = (linear("#bba87a"), linear("#97925f"), linear("#748349"))
"""Grass colours: straw, olive and lush; linear RGB."""
LITTER = linear("#c9b384")
"""Colour of litter and ripe straw; linear RGB."""


def cover(
    window: Window, ids: NDArray[np.int32], owner: NDArray[np.int32], *, table: Table, season: Season, seed: int
) -> Ground:
    """Paint a block of ground with soil, grass, crops, trees and hard surfaces.

    Args:
        window: Position of the block, pixels.
        ids: ``(h, w)`` number of the topmost piece.
        owner: ``(h, w)`` the same, with the pieces that have crowns buffered outwards.
        table: Parameters of the pieces.
        season: Season.
        seed: Seed of the noise that is continuous across pieces.

    Returns:
        The block with albedo, height and canopy filled in.
    """
    ground = Ground(
        window=window,
        table=table,
        season=season,
        seed=seed,
        ids=ids,
        owner=owner,
        leaf=smooth(window, 2.2, seed + 61),
        albedo=np.empty((3, *ids.shape), np.float32),
        height=np.zeros(ids.shape, np.float32),
        canopy=np.zeros(ids.shape, np.float32),
    )
    _paint_soil_and_grass(ground)
    plant_rows(ground, LITTER)
    for which in (1, 0):
        plant_crowns(ground, which)
    lay_surfaces(ground)
    return ground


def _paint_soil_and_grass(ground: Ground) -> None:
    """Paint soil, litter and grass: the base layer."""
    window, ids, table, season = ground.window, ground.ids, ground.table, ground.season
    seed, leaf = ground.seed, ground.leaf
    broad = layered(window, 700, seed + 1, 2)
    middle = layered(window, 90, seed + 2, 3)
    fine = layered(window, 14, seed + 3, 3)
    speck = white(window, seed + 4) - 0.5
    tone = table.tone[ids]

    kind = np.clip(0.9 + 0.55 * broad + 0.12 * middle + 0.18 * tone, 0, 2)
    patchy = table.patchy[ids] * np.clip(1 + 0.5 * broad, 0.3, 1.7)
    drain = np.clip(1 - np.abs(layered(window, 380, seed + 5, 3)) * 9, 0, 1) * (patchy < 0.45)
    bare_strip = np.zeros_like(tone)
    stripes = np.zeros_like(tone)
    _add_row_marks(ground, bare_strip, stripes)
    covered = table.cover[ids] * season.grass + patchy * (0.28 * middle + 0.3 * fine)
    covered = np.clip(covered * (1 - 0.75 * bare_strip) + 0.12 * speck, 0, 1)
    green = table.green[ids] * season.green + 0.1 * middle + 0.07 * fine + 0.04 * leaf
    green = np.clip((green + 0.22 * drain) * 2, 0, 2)
    litter = np.clip(table.litter[ids] + 0.25 * bare_strip + 0.14 * fine + 0.3 * speck, 0, 1)
    litter *= np.minimum(table.litter[ids] * 8 + bare_strip, 1)
    shade = 1 + 0.05 * tone + 0.05 * fine + 0.04 * middle + 0.05 * leaf + stripes
    shade += 0.1 * speck * (1 - covered * 0.5)
    for band in range(3):
        soil = _colour_ramp(kind, SOILS, band) * np.float32(1 - 0.25 * season.moist)
        soil += (np.float32(LITTER[band]) - soil) * litter * 0.85
        grass = _colour_ramp(green, GRASS, band)
        ground.albedo[band] = (soil + (grass - soil) * covered) * shade
    ground.height[...] = covered * (0.18 * leaf + 0.15 * fine)


def _colour_ramp(position: Float, colours: tuple[Float, ...], band: int) -> Float:
    """Interpolate one band linearly between three colours at position 0…2."""
    a, b, c = (np.float32(colour[band]) for colour in colours)
    return np.asarray(a + (b - a) * np.minimum(position, 1) + (c - b) * np.maximum(position - 1, 0))


def _add_row_marks(ground: Ground, bare_strip: Float, stripes: Float) -> None:
    """Fill ``bare_strip`` (0…1, under tree rows) and ``stripes`` (brightness of plough and mower marks)."""
    table, flat = ground.table, ground.ids.ravel()
    at = np.flatnonzero((table.strip[flat] > 0) | (table.furrow[flat] > 0))
    ids = flat[at]
    if at.size == 0:
        return
    _, v = ground.rotated(at, ids)
    across = table.crowns[0].across[ids]
    from_row = from_middle(v, across) * across / 2
    bare_strip.ravel()[at] = np.clip(table.strip[ids] - from_row + 0.5, 0, 1) * (table.strip[ids] > 0)
    marks = np.where(table.cover[ids] > 0.9, np.float32(11), np.float32(4.6))
    period = np.where(table.has_rows[ids], table.rows[ids, 0], marks)
    line = np.floor(v / period)
    wave = 2 * from_middle(v, period) - 1
    own = unit(hash32(table.key[ids], 41, line.astype(np.int64))) - 0.5
    stripes.ravel()[at] = table.furrow[ids] * (0.45 * wave + 0.5 * own)
