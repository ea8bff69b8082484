"""Painting of row crops and of single plants with crowns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lulcseg.scene.synthetic.crowns import Lattice, grow
from lulcseg.scene.synthetic.ground import Float, Ground, Pixels, from_middle
from lulcseg.scene.synthetic.hash_noise import hash32, unit


def plant_rows(ground: Ground, straw: Float) -> None:
    """Paint the plants that grow in closed rows.

    Args:
        ground: Block to paint; its albedo and height are modified.
        straw: ``(3,)`` colour of ripe annuals, linear.
    """
    table, flat = ground.table, ground.ids.ravel()
    at = np.flatnonzero(table.has_rows[flat])
    if at.size == 0:
        return
    ids = flat[at]
    u, v = ground.rotated(at, ids)
    across, half, tall, gaps, bush, grain = (table.rows[ids, k] for k in range(6))
    half = np.where(table.deciduous[ids], half * ground.season.leaf, half)
    row = np.floor(v / across)
    own = unit(hash32(table.key[ids], 31, row.astype(np.int64)))
    place = np.floor(u / 3.5 + own * 7)
    bits = hash32(table.key[ids], row.astype(np.int64), place.astype(np.int64))
    missing = unit(bits) < gaps
    vigour = unit(hash32(bits, 5)) - 0.5
    noise = ground.leaf.ravel()[at]
    half = half * (1 + grain * (1.5 * vigour + 0.6 * noise + 0.75 * (own - 0.5)))
    distance = np.abs(v - (row + 0.5) * across)
    covered = np.clip(half - distance + 0.5, 0, 1) * ~missing
    drop = np.minimum(0.55, 0.6 * half / np.maximum(tall, 0.3))
    round_top = 1 - drop * np.minimum(distance / np.maximum(half, 0.3), 1) ** 2
    blob = np.where(bush > 0, from_middle(u, np.maximum(bush, 1)), np.float32(1))
    round_top *= 0.55 + 0.45 * blob
    covered *= np.minimum(0.45 + blob * 0.9, 1)
    ground.height.ravel()[at] += tall * covered * round_top * (1 + 0.12 * noise + 0.1 * vigour)
    shade = 1 + grain * (0.9 * noise + 0.8 * vigour) + 0.14 * table.tone[ids]
    ripe = table.annual[ids] * np.float32(ground.season.ripe)
    for band in range(3):
        colour = table.row_colour[ids, band]
        colour = (colour + (np.float32(straw[band]) - colour) * ripe) * shade
        below = ground.albedo[band].ravel()
        below[at] += (colour - below[at]) * covered


def plant_crowns(ground: Ground, which: int) -> None:
    """Paint the plants with separate crowns.

    Args:
        ground: Block to paint; its albedo, height and canopy are modified.
        which: 0 or 1, the first or the second kind of plant of each use.
    """
    table, flat = ground.table, ground.owner.ravel()
    at = np.flatnonzero(table.has_crowns[which][flat])
    if at.size == 0:
        return
    ids = flat[at]
    u, v = ground.rotated(at, ids)
    lattice = Lattice(*(column[ids] for column in table.crowns[which]))

    def rooted(cu: Float, cv: Float, near: Pixels) -> NDArray[np.bool_]:
        piece = ids[near]
        return np.asarray(ground.piece_at(piece, cu, cv) == piece)

    noise = ground.leaf.ravel()[at]
    key = table.key[ids] + np.uint32(which)
    canopy = grow(u, v, key, lattice=lattice, outline=np.clip(noise, -1.3, 1.3), rooted=rooted)
    below = ground.height.ravel()
    rough = 0.5 * noise * canopy.cover * np.minimum(lattice.height / 8, 1)
    top = canopy.height + rough
    on_top = np.flatnonzero(top > below[at])
    here = at[on_top]
    cover_share = canopy.cover[on_top]
    ground.canopy.ravel()[here] = cover_share
    below[here] += (top[on_top] - below[here]) * np.minimum(cover_share * 1.5, 1)
    tone, rim = canopy.tone[on_top], canopy.rim[on_top]
    piece = ids[on_top]
    shade = 1 + 0.17 * tone + 0.1 * noise[on_top] - 0.22 * rim + 0.13 * table.tone[piece]
    yellow = (
        0.3 * (unit(hash32(table.key[piece], 51)) - 0.5)
        + 0.08 * tone
        + np.float32(0.25 * ground.season.flush) * (1 - rim)
    )
    lean = (1 + yellow, 1 + 0.4 * yellow, 1 - 0.5 * yellow)
    for band in range(3):
        colour = table.crown_colour[which][piece, band] * shade * lean[band]
        under = ground.albedo[band].ravel()
        under[here] += (colour - under[here]) * cover_share
