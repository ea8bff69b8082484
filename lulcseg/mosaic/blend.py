"""Sums weighted patches in a rolling band of rows, and yields the rows that are final."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lulcseg.grid import Window

MOST_ROWS = 128
"""Most rows yielded at once; their products are as wide as the mosaic."""


@dataclass(frozen=True, slots=True)
class FinishedRows:
    """Final rows of the mosaic or of a part of it.

    Attributes:
        row: The first row, in rows of the mosaic.
        probabilities: (K, h, W) float32, the weighted mean; 0 where no patch was added.
        valid: (h, W) bool, where the imagery is valid.
        entropy: (E, h, W) float32, weighted means over the views of their entropies, in nats: the models' own, and, of
            several models, that of their mean (:class:`lulcseg.mosaic.forward.ForwardPass`); None if not kept.
    """

    row: int
    probabilities: Tensor
    valid: Tensor
    entropy: Tensor | None = None


class RollingBlend:
    """Weighted sums over a band of rows that rolls down a part of the mosaic.

    Patches must be added in the order of :meth:`lulcseg.mosaic.tiling.Tiling.tiles`. Each pixel's sum then has a fixed
    order, whatever the batch size and the part of the mosaic. Memory is (K + 1 + E) · rows · W float32, whatever the
    height.

    Args:
        part: The part of the mosaic, (row, col, H, W).
        classes: Number of classes K.
        rows: Height of what is added at once, in pixels: the core of a patch.
        device: Where the sums are kept: where the model computes.
        entropies: Planes of entropies E to sum too.
    """

    def __init__(self, part: Window, *, classes: int, rows: int, device: torch.device, entropies: int = 0) -> None:
        self._part = part
        self._row = part.row
        self._rows = min(rows, part.height)
        shape = (self._rows, part.width)
        self._total = torch.zeros((classes, *shape), dtype=torch.float32, device=device)
        self._weight = torch.zeros(shape, dtype=torch.float32, device=device)
        self._valid = torch.zeros(shape, dtype=torch.bool, device=device)
        self._entropy = torch.zeros((entropies, *shape), dtype=torch.float32, device=device) if entropies else None

    def add(
        self, window: Window, probabilities: Tensor, valid: Tensor, weight: Tensor, entropy: Tensor | None = None
    ) -> None:
        """Add a patch's core; pixels outside the part are ignored.

        Args:
            window: Position of the core, (h, w) pixels.
            probabilities: (K, h, w) float32.
            valid: (h, w) bool.
            weight: (h, w) float32.
            entropy: (E, h, w) float32, if entropies are kept.

        Raises:
            ValueError: The core reaches outside the band of rows, for instance above it into rows already yielded.
        """
        inside = window.intersection(self._part)
        held = Window(self._row, self._part.col, self._rows, self._part.width)
        if not held.contains(inside):
            raise ValueError(f"{inside} is outside the rows held, {held}")
        here, there = inside.slices_in(held), inside.slices_in(window)
        self._total[:, *here].addcmul_(probabilities[:, *there], weight[there])
        self._weight[here] += weight[there]
        self._valid[here] |= valid[there]
        if self._entropy is not None and entropy is not None:
            self._entropy[:, *here].addcmul_(entropy[:, *there], weight[there])

    def advance(self, row: int) -> Iterator[FinishedRows]:
        """Yield the rows above a row and move the band down.

        Args:
            row: The first row that is not final; the row after the part's last yields all remaining rows.

        Yields:
            Final rows from the top, at most :data:`MOST_ROWS` at a time. The iterator must be exhausted.
        """
        end = min(row, self._part.row_end)
        while self._row < end:
            count = min(end - self._row, self._rows)
            for start in range(0, count, MOST_ROWS):
                yield self._finished(start, min(start + MOST_ROWS, count))
            for held in (self._total, self._weight, self._valid, self._entropy):
                if held is not None:
                    _roll_up(held, count)
            self._row += count

    def _finished(self, start: int, stop: int) -> FinishedRows:
        weight = self._weight[start:stop]
        seen = torch.where(weight > 0, weight, 1.0)
        entropy = None if self._entropy is None else self._entropy[:, start:stop] / seen
        valid = self._valid[start:stop].clone()
        return FinishedRows(self._row + start, self._total[:, start:stop] / seen, valid, entropy)


def _roll_up(held: Tensor, count: int) -> None:
    """Move rows (the second last axis) up in place, and zero those that enter from below."""
    rows = held.shape[-2]
    for start in range(0, rows - count, count):  # steps no longer than the move overwrite no row unread
        step = min(count, rows - count - start)
        held[..., start : start + step, :] = held[..., start + count : start + count + step, :]
    held[..., rows - count :, :] = 0
