"""A block of ground while it is being covered: what the painters of soil, plants and hard surfaces share."""

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
    """A block of ground.

    Attributes:
        window: Where it is.
        table: Numbers of the pieces.
        season: Time of year.
        seed: Of the noise that spans pieces.
        ids: ``(h, w)`` int32, number of the piece on top.
        owner: ``(h, w)`` int32, number of the piece whose plants may reach here.
        leaf: ``(h, w)`` float32, noise as fine as leaves and tufts.
        albedo: ``(3, h, w)`` float32, linear; written by the painters.
        height: ``(h, w)`` float32, pixels of 50 cm; written by the painters.
        canopy: ``(h, w)`` float32, how much of a pixel is under crowns, 0…1; written by the painters.
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
        """Return positions along and across the rows of pieces.

        Args:
            at: ``(n,)`` flat indices of pixels.
            ids: ``(n,)`` the piece whose rows each is measured in.

        Returns:
            Two ``(n,)`` float32 arrays, pixels from the piece's origin.
        """
        width = self.window.width
        x = ((at % width + self.window.col + 0.5) - self.table.x[ids]).astype(np.float32)
        y = ((at // width + self.window.row + 0.5) - self.table.y[ids]).astype(np.float32)
        c, s = self.table.cosine[ids], self.table.sine[ids]
        return np.asarray(x * c + y * s, np.float32), np.asarray(y * c - x * s, np.float32)

    def piece_at(self, ids: Pieces, u: Float, v: Float) -> Pieces:
        """Return the piece on top where the rows of ``ids`` have position ``(u, v)``; inverse of :meth:`rotated`."""
        c, s = self.table.cosine[ids], self.table.sine[ids]
        col = np.floor(self.table.x[ids] + (u * c - v * s)).astype(np.intp) - self.window.col
        row = np.floor(self.table.y[ids] + (u * s + v * c)).astype(np.intp) - self.window.row
        height, width = self.ids.shape
        return self.ids[np.clip(row, 0, height - 1), np.clip(col, 0, width - 1)]

    def paint(self, at: Pixels, colour: Sequence[Float] | Float, share: Float | np.float32) -> None:
        """Lay a colour (one value or ``(n,)`` values a band) over pixels, covering ``share`` of each."""
        for band in range(3):
            below = self.albedo[band].ravel()
            below[at] += (np.asarray(colour[band], np.float32) - below[at]) * share


def from_middle(position: Float, period: Float | float) -> Float:
    """Return how far positions lie from the middle of their interval: 0 there, 1 at its ends.

    Args:
        position: Along a line, pixels.
        period: Length of the intervals, pixels.
    """
    phase = position / period
    return np.asarray(np.abs(phase - np.floor(phase) - 0.5) * 2, np.float32)
