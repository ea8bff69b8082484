"""Two more views of the landscape at 2 m: a surface model, and the near-infrared light that plants reflect.

The surface model has what the ground carries (crowns, rows, roofs, tunnels) on gentle hills, with the error of one made
from overlapping photographs. Near-infrared comes from the same ground under the same sun: soil, water and roofs reflect
it much as they do red, leaves by their kind, which colours alone don't tell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Window
from lulcseg.scene.synthetic.ground import Ground
from lulcseg.scene.synthetic.hash_noise import gaussian, hash32, smooth, unit
from lulcseg.scene.synthetic.layout import Date
from lulcseg.scene.synthetic.piece_table import SURFACES
from lulcseg.scene.synthetic.render import Renderer

Float = NDArray[np.float32]

COARSER = 4
"""Pixels of the mosaic along a pixel of these views."""
METRES = 0.5
"""Of a unit of the landscape's heights."""
HEIGHTS = (660.0, 760.0)
"""Values of 0 and 1 that the scene files state for the surface model, metres."""

_SEA_LEVEL, _HILLS, _RISES, _ERROR = 700.0, 7.0, 2.5, 0.15
"""Mean height, deviations of hills and of smaller rises, and of the model's error, metres."""

_LEAVES = {
    "forestry": 0.3, "windbreak": 0.33, "forest": 0.35, "scrub": 0.34, "riparian": 0.4, "teatree": 0.36, "mature": 0.46,
    "young": 0.47, "banana": 0.56, "vines": 0.5, "cane": 0.5, "cane_ratoon": 0.5, "maize": 0.52, "vegetables": 0.54,
}  # fmt: skip
_GRASS = 0.44
"""Reflectance of leaves by land use, and of all others', in full cover."""
_WATER = 0.025


def surface_heights(renderer: Renderer, window: Window) -> Float:
    """Return the surface model.

    Args:
        renderer: Of the landscape on a date.
        window: In pixels of 2 m.

    Returns:
        ``(h, w)`` float32, metres above the sea, in steps of 1 cm.
    """
    fine = _fine(window)
    ground = renderer.ground(fine)
    rows, cols = fine.slices_in(ground.window)
    seed = renderer.seed * 101
    hills = _HILLS * smooth(fine, 900, seed + 21) + _RISES * smooth(fine, 300, seed + 22)
    surface = _averaged(ground.height[rows, cols] * np.float32(METRES) + hills)
    error = np.float32(_ERROR) * gaussian(window, renderer.camera_seed * 31 + 801)
    return np.asarray(np.round(_SEA_LEVEL + surface + error, 2), np.float32)


def near_infrared(renderer: Renderer, date: Date, window: Window) -> NDArray[np.uint8]:
    """Return the near-infrared band of the survey, ``(h, w)`` uint8; arguments as :func:`surface_heights`."""
    fine = _fine(window)
    ground = renderer.ground(fine)
    reflected = _reflectance(ground, _leaves(renderer, date))
    rows, cols = fine.slices_in(ground.window)
    light = renderer.lit(np.broadcast_to(reflected, (3, *reflected.shape)), ground)[0, rows, cols]
    grey = 255 * np.clip(_averaged(light), 0, None) ** np.float32(1 / 2.2)
    grey += np.float32(renderer.survey.noise) * gaussian(window, renderer.camera_seed * 31 + 802)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _fine(window: Window) -> Window:
    return Window(*(COARSER * side for side in (window.row, window.col, window.height, window.width)))


def _averaged(values: Float) -> Float:
    """Return the means of blocks of pixels, ``(h, w)``."""
    height, width = (side // COARSER for side in values.shape)
    return np.asarray(values.reshape(height, COARSER, width, COARSER).mean(axis=(1, 3)), np.float32)


def _leaves(renderer: Renderer, date: Date) -> Float:
    """Return the reflectance of each piece's leaves, ``(n,)``: of its use, and a tenth of its own."""
    uses = [piece.uses[0 if date == 2018 else 1] for piece in renderer.layout.pieces]
    own = unit(hash32(renderer.table.key, 95)) - np.float32(0.5)
    return np.asarray([_LEAVES.get(use, _GRASS) for use in uses], np.float32) * (1 + np.float32(0.2) * own)


def _reflectance(ground: Ground, leaves: Float) -> Float:
    """Return the share of near-infrared light that the ground reflects, ``(h, w)``."""
    red, green, blue = ground.albedo
    brightness = (red + green + blue) / 3
    greenness = (2 * green - red - blue) / np.maximum(3 * brightness, np.float32(1e-3))
    plants = np.clip((greenness + 0.05) / 0.4, 0, 1)
    bare = np.clip(1.15 * brightness + 0.04, 0, 0.8)
    owner = np.where(ground.canopy > 0, ground.owner, ground.ids)
    found = bare + (leaves[owner] - bare) * plants
    is_water = ground.table.surface[ground.ids] == SURFACES.index("water")
    water = np.where(is_water, 1 - ground.canopy, 0)
    return np.asarray(found + (_WATER - found) * water, np.float32)
