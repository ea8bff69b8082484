"""Raster buffers of one block of ground, shared by the painters of soil, plants and hard surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Window
from lulcseg.scene.synthetic.piece_table import Table
from lulcseg.scene.synthetic.sensor import Season

Float = NDArray[np.float32]
Pieces = NDArray[np.int32]
Pixels = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Ground:
    """Inputs and raster buffers of one block of ground.

    Attributes:
        window: Position of the block in the landscape's grid.
        table: Parameters of the pieces.
        season: Season.
        seed: Seed of the noise that is continuous across pieces.
        ids: ``(h, w)`` int32, number of the topmost piece.
        owner: ``(h, w)`` int32, number of the piece whose plants may cover the pixel.
        leaf: ``(h, w)`` float32, fine noise at the scale of leaves and tufts.
        albedo: ``(3, h, w)`` float32, linear RGB; written by the painters.
        height: ``(h, w)`` float32, surface height in pixels of 50 cm; written by the painters.
        canopy: ``(h, w)`` float32, fraction of the pixel under crowns, 0…1; written by the painters.
    """

    window: Window
    table: Table
    season: Season
    seed: int
    ids: Pieces
    owner: Pieces
    leaf: Float
    albedo: Float
    height: Float
    canopy: Float

    def rotated(self, at: Pixels, ids: Pieces) -> tuple[Float, Float]:
        """Return pixel positions in the row coordinates of pieces: along and across their rows.

        Args:
            at: ``(n,)`` flat pixel indices.
            ids: ``(n,)`` numbers of the pieces whose row coordinates are used.

        Returns:
            Two ``(n,)`` float32 arrays, in pixels from the piece's origin.
        """
        width = self.window.width
        x = ((at % width + self.window.col + 0.5) - self.table.x[ids]).astype(np.float32)
        y = ((at // width + self.window.row + 0.5) - self.table.y[ids]).astype(np.float32)
        c, s = self.table.cosine[ids], self.table.sine[ids]
        return np.asarray(x * c + y * s, np.float32), np.asarray(y * c - x * s, np.float32)

    def piece_at(self, ids: Pieces, u: Float, v: Float) -> Pieces:
        """Return the topmost piece at row coordinates ``(u, v)`` of pieces ``ids``; the inverse of :meth:`rotated`."""
        c, s = self.table.cosine[ids], self.table.sine[ids]
        col = np.floor(self.table.x[ids] + (u * c - v * s)).astype(np.intp) - self.window.col
        row = np.floor(self.table.y[ids] + (u * s + v * c)).astype(np.intp) - self.window.row
        height, width = self.ids.shape
        return self.ids[np.clip(row, 0, height - 1), np.clip(col, 0, width - 1)]

    def paint(self, at: Pixels, colour: Sequence[Float] | Float, share: Float | np.float32) -> None:
        """Blend a colour into the albedo (alpha compositing).

        Args:
            at: ``(n,)`` flat pixel indices.
            colour: Per band, one value or ``(n,)`` values, linear.
            share: Opacity, 0…1.
        """
        for band in range(3):
            below = self.albedo[band].ravel()
            below[at] += (np.asarray(colour[band], np.float32) - below[at]) * share


def from_middle(position: Float, period: Float | float) -> Float:
    """Return a triangle wave: 0 at the middle of each period, 1 at its ends.

    Args:
        position: Position along a line, pixels.
        period: Period, pixels.
    """
    phase = position / period
    return np.asarray(np.abs(phase - np.floor(phase) - 0.5) * 2, np.float32)
