"""Where the patches of all passes lie, in the order in which they are predicted."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from lulcseg.grid import Window
from lulcseg.mosaic.passes import PassPlan


@dataclass(frozen=True, slots=True)
class Tile:
    """A patch's place in a pass.

    Attributes:
        pass_index: Which pass of the plan.
        window: (P, P) pixels; it may reach outside the mosaic on any side.
        core: What is kept of it, in its middle: all of it unless the plan trims edges.
    """

    pass_index: int
    window: Window
    core: Window


class Tiling:
    """The patches of all passes over a mosaic.

    They lie on lattices that begin at the mosaic's first pixel, whatever part of it is asked for. So a part
    is predicted with the same patches as the whole.

    Args:
        frame: The mosaic, (0, 0, H, W).
        plan: The passes.
        patch: Side of a patch P, in pixels.
    """

    def __init__(self, frame: Window, plan: PassPlan, patch: int) -> None:
        """Keep the parts."""
        self.frame, self.plan, self.patch = frame, plan, patch
        self.margin, self.step = plan.margin(patch), plan.step(patch)

    def tiles(self, part: Window | None = None) -> Iterator[Tile]:
        """Walk the patches of all passes, sorted by first row, then pass, then column.

        Each pass covers every pixel of the mosaic exactly once. In this order rows become final from the
        top: once a patch whose core begins at row r comes up, nothing is added above r any more, and since
        cores are all of one height, all rows in work fit in that many rows.

        Args:
            part: Part of the mosaic whose pixels are wanted; None: all of it.

        Yields:
            The patches whose cores meet it, without a list of them ever being held.
        """
        walks = (self._tiles_of_pass(index, part or self.frame) for index in range(len(self.plan.passes)))
        # At equal rows the merge takes from the earlier pass.
        return heapq.merge(*walks, key=lambda tile: tile.core.row)

    def count(self, part: Window | None = None) -> int:
        """Return how many patches :meth:`tiles` yields."""
        return sum(self._counts(part or self.frame))

    def count_samples(self, part: Window | None = None) -> int:
        """Return how many forward samples they make: one for each view of each."""
        counts = self._counts(part or self.frame)
        return sum(count * len(each.views) for count, each in zip(counts, self.plan.passes, strict=True))

    def _counts(self, part: Window) -> list[int]:
        spans = [self._spans(index, part) for index in range(len(self.plan.passes))]
        return [len(rows) * len(cols) for rows, cols in spans]

    def _spans(self, pass_index: int, part: Window) -> tuple[range, range]:
        """Return the first rows and the first columns of a pass's cores that meet a part of the mosaic."""
        row, col = self.plan.passes[pass_index].origin(self.step)
        inside = part.intersection(self.frame)
        return (
            _met(row, self.step, inside.row, inside.row_end),
            _met(col, self.step, inside.col, inside.col_end),
        )

    def _tiles_of_pass(self, pass_index: int, part: Window) -> Iterator[Tile]:
        rows, cols = self._spans(pass_index, part)
        for row in rows:
            for col in cols:
                window = Window(row - self.margin, col - self.margin, self.patch, self.patch)
                yield Tile(pass_index, window, Window(row, col, self.step, self.step))


def _met(origin: int, step: int, start: int, end: int) -> range:
    """Return the positions origin + i · step from which a span of ``step`` meets start…end."""
    first = origin + (start - origin) // step * step
    return range(first, end, step) if end > start else range(0)
