"""Adding weighted patches up in a few rows of the mosaic, and handing the finished rows on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lulcseg.grid import Window


@dataclass(frozen=True, slots=True)
class FinishedRows:
    """Rows of the mosaic to which nothing is added any more.

    Attributes:
        row: The first of them.
        probabilities: (K, h, W) float32, the weighted mean; 0 where no patch was added.
        valid: (h, W) bool, where the imagery is valid.
    """

    row: int
    probabilities: Tensor
    valid: Tensor


class RollingBlend:
    """A window of P rows that rolls down the mosaic.

    Patches come in the order of :func:`lulcseg.mosaic.tiling.tiles`; each pixel's sum then has a fixed
    order too, whatever the batch size. Memory is (K + 1) · P · W float32, for a mosaic of any height.
    """

    def __init__(self, frame: Window, *, classes: int, patch: int, device: torch.device) -> None:
        """Allocate the rows.

        Args:
            frame: The mosaic, (0, 0, H, W).
            classes: Number of classes K.
            patch: Side of a patch P, in pixels.
            device: Where the sums are kept: where the model computes.
        """
        self._frame = frame
        self._row = 0
        self._rows = min(patch, frame.height)
        shape = (self._rows, frame.width)
        self._total = torch.zeros((classes, *shape), dtype=torch.float32, device=device)
        self._weight = torch.zeros(shape, dtype=torch.float32, device=device)
        self._valid = torch.zeros(shape, dtype=torch.bool, device=device)

    @property
    def rows(self) -> int:
        """Number of rows held, at most P."""
        return self._rows

    def add(self, window: Window, probabilities: Tensor, valid: Tensor, weight: Tensor) -> None:
        """Add a patch; what lies outside the mosaic is left out.

        Args:
            window: Where the patch lies; rows above it must have been taken out by :meth:`advance`.
            probabilities: (K, P, P) float32.
            valid: (P, P) bool.
            weight: (P, P) float32.

        Raises:
            ValueError: The patch does not lie in the rows that are held.
        """
        inside = window.intersection(self._frame)
        held = Window(self._row, 0, self._rows, self._frame.width)
        if not held.contains(inside):
            raise ValueError(f"{inside} is outside the rows held, {held}")
        here, there = inside.slices_in(held), inside.slices_in(window)
        self._total[:, *here].addcmul_(probabilities[:, *there], weight[there])
        self._weight[here] += weight[there]
        self._valid[here] |= valid[there]

    def advance(self, row: int) -> Iterator[FinishedRows]:
        """Take out the rows above a row.

        Args:
            row: The first row that is not finished; H takes out all that is left.

        Yields:
            Finished rows from the top, at most P at a time.
        """
        end = min(row, self._frame.row_end)
        while self._row < end:
            yield self._pop(min(end - self._row, self._rows))

    def _pop(self, count: int) -> FinishedRows:
        weight = self._weight[:count]
        seen = torch.where(weight > 0, weight, 1.0)
        finished = FinishedRows(self._row, self._total[:, :count] / seen, self._valid[:count].clone())
        for held in (self._total, self._weight, self._valid):
            _roll_up(held, count)
        self._row += count
        return finished


def _roll_up(held: Tensor, count: int) -> None:
    """Move rows (the last axis but one) up in place, and clear what comes in from below."""
    rows = held.shape[-2]
    for start in range(
        0, rows - count, count
    ):  # in steps no longer than the move, so that no row is overwritten unread
        step = min(count, rows - count - start)
        held[..., start : start + step, :] = held[..., start + count : start + count + step, :]
    held[..., rows - count :, :] = 0
