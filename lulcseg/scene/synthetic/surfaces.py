"""Painting of roads, water, roofs and polytunnels."""

from __future__ import annotations

import numpy as np

from lulcseg.scene.synthetic.ground import Ground, Pieces, Pixels, from_middle
from lulcseg.scene.synthetic.hash_noise import hash32, layered, smooth, unit
from lulcseg.scene.synthetic.piece_table import SURFACES, linear

_GRAVEL = linear("#b0906f")
_ROOFS = ("#c3c7c9", "#e4e6e4", "#8d4a3a", "#9aa39a", "#6f7f86", "#d8d2c2")


def lay_surfaces(ground: Ground) -> None:
    """Paint roads, water, roofs and polytunnels; albedo and height are modified."""
    flat = ground.ids.ravel()
    kind = ground.table.surface[flat]
    for name, lay in (
        ("water", _paint_water),
        ("gravel", _paint_gravel),
        ("track", _paint_track),
        ("seal", _paint_seal),
        ("roof", _paint_roof),
        ("tunnel", _paint_tunnel),
    ):
        at = np.flatnonzero(kind == SURFACES.index(name))
        if at.size:
            lay(ground, at, flat[at])


def _paint_water(ground: Ground, at: Pixels, ids: Pieces) -> None:
    """Paint water, clear to muddy, except under overhanging crowns."""
    table, seed = ground.table, ground.seed
    murk = np.clip(
        0.5 + 0.2 * layered(ground.window, 60, seed + 71, 2).ravel()[at] + 0.3 * table.tone[ids],
        0,
        1,
    )
    clear, muddy = linear("#3a4a40"), linear("#7a7150")
    overhung = ground.canopy.ravel()[at]
    ground.paint(at, tuple(clear[b] + (muddy[b] - clear[b]) * murk for b in range(3)), 1 - overhung)
    tall = ground.height.ravel()
    tall[at] = np.where(overhung > 0, tall[at], -1 + 0.3 * murk)


def _paint_gravel(ground: Ground, at: Pixels, ids: Pieces) -> None:
    """Paint gravel over the whole area."""
    table, seed = ground.table, ground.seed
    worn = smooth(ground.window, 26, seed + 72).ravel()[at]
    shade = 1 + 0.06 * worn + 0.08 * table.tone[ids]
    ground.paint(at, tuple(_GRAVEL[b] * shade for b in range(3)), np.float32(0.8))


def _paint_track(ground: Ground, at: Pixels, ids: Pieces) -> None:
    """Paint a gravel track with a grassed centre strip along the middle of the piece."""
    table, seed = ground.table, ground.seed
    _, v = ground.rotated(at, ids)
    worn = smooth(ground.window, 26, seed + 72).ravel()[at]
    side = np.abs(v + 0.5 * worn)
    half = np.where(table.cover[ids] > 0.85, np.float32(2.6), np.float32(4.2)) * table.width
    bed = np.clip(half - side, 0, 1)
    between = np.clip(table.width - side, 0, 1) * np.clip(0.45 + 0.3 * worn, 0, 1)
    shade = 1 + 0.06 * worn + 0.08 * table.tone[ids]
    ground.paint(
        at,
        tuple(_GRAVEL[b] * shade for b in range(3)),
        bed * (1 - between) * 0.85 * (1 - ground.canopy.ravel()[at]),
    )


def _paint_seal(ground: Ground, at: Pixels, ids: Pieces) -> None:
    """Paint a sealed road with gravel shoulders, wheel tracks and a dashed centre line."""
    table, seed = ground.table, ground.seed
    u, v = ground.rotated(at, ids)
    side = np.abs(v) / np.float32(table.width)
    worn = smooth(ground.window, 18, seed + 73).ravel()[at]
    shoulder = np.clip(9.2 - side + 0.5 * worn, 0, 1)
    ground.paint(at, _GRAVEL, np.asarray(shoulder * 0.75, np.float32))
    seal = np.clip(7.2 - side, 0, 1)
    tracks = 0.06 * np.clip(1 - np.abs(np.abs(side - 3.4) - 1.4), 0, 1)
    grey = linear("#86858a")
    shade = 1 - tracks + 0.04 * worn
    ground.paint(at, tuple(grey[b] * shade for b in range(3)), np.asarray(seal, np.float32))
    dashes = (np.floor(u / 8) % 3 == 0) & (side < 0.5)
    ground.paint(at, linear("#e8e8e0"), np.asarray(dashes * 0.4, np.float32))
    tall = ground.height.ravel()
    tall[at] *= 1 - seal


def _paint_roof(ground: Ground, at: Pixels, ids: Pieces) -> None:
    """Paint a ribbed gable roof in a colour drawn per piece, and set its height."""
    table, seed = ground.table, ground.seed
    u, v = ground.rotated(at, ids)
    pick = np.floor(unit(hash32(table.key[ids], 81)) * len(_ROOFS)).astype(np.intp)
    palette = np.stack([linear(c) for c in _ROOFS])
    ribs = 0.03 * (2 * from_middle(u, 2.0) - 1)
    rust = 0.05 * layered(ground.window, 9, seed + 74, 2).ravel()[at]
    shade = 1 + ribs + rust + 0.08 * table.tone[ids]
    ground.paint(at, tuple(palette[pick, b] * shade for b in range(3)), np.float32(1))
    ground.height.ravel()[at] = 6 + 0.38 * (table.half[ids] - np.abs(v))


def _paint_tunnel(ground: Ground, at: Pixels, ids: Pieces) -> None:
    """Paint rows of polytunnels with hoops, and set their arched height."""
    table, seed = ground.table, ground.seed
    u, v = ground.rotated(at, ids)
    period = 10 + 3 * unit(hash32(table.key[ids], 91))
    bay = np.floor(v / period)
    distance = from_middle(v, period)
    own = unit(hash32(table.key[ids], 92, bay.astype(np.int64)))
    arch = np.sqrt(np.maximum(1 - (distance * 1.04) ** 2, 0))
    plastic = np.clip((0.94 - distance) * 8, 0, 1)
    hoop = np.clip(1 - 2.5 * from_middle(u, 5.0), 0, 1)
    dull = layered(ground.window, 12, seed + 75, 2).ravel()[at]
    shade = 0.84 + 0.2 * own - 0.05 * hoop + 0.05 * dull + 0.06 * table.tone[ids]
    white_sheet = linear("#dfe4e2")
    ground.paint(at, tuple(white_sheet[b] * shade for b in range(3)), plastic * 0.93)
    tall = ground.height.ravel()
    tall[at] = np.where(plastic > 0.3, 2.2 + 4 * arch, tall[at])
