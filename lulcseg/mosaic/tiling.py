"""Positions of the patches of all passes, in the order of prediction."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from lulcseg.grid import Window
from lulcseg.mosaic.passes import PassPlan


@dataclass(frozen=True, slots=True)
class Tile:
    """A patch's position in a pass.

    Attributes:
        pass_index: Index of the pass in the plan.
        window: (P, P) pixels; it may reach outside the mosaic on any side.
        core: The centred part whose prediction is kept: the whole patch unless the plan trims edges.
    """

    pass_index: int
    window: Window
    core: Window


class Tiling:
    """The patches of all passes over a mosaic.

    They lie on lattices anchored at the mosaic's first pixel, so that a part is predicted with the same patches as the
    whole.

    Args:
        frame: The mosaic, (0, 0, H, W).
        plan: The passes.
        patch_size: Patch size P, in pixels.

    Attributes:
        margin: Pixels cut off at each edge of a patch.
        step: Distance from one patch to the next, and size of a core, in pixels.

    Example:
        >>> from lulcseg.mosaic.passes import Pass, PassPlan
        >>> tiling = Tiling(Window(0, 0, 10, 6), PassPlan((Pass(),)), 8)
        >>> [(tile.core.row, tile.core.col) for tile in tiling.tiles()]
        [(0, 0), (8, 0)]
    """

    def __init__(self, frame: Window, plan: PassPlan, patch_size: int) -> None:
        self.frame, self.plan, self.patch_size = frame, plan, patch_size
        self.margin, self.step = plan.margin(patch_size), plan.step(patch_size)

    def tiles(self, part: Window | None = None) -> Iterator[Tile]:
        """Yield the patches of all passes, sorted by first row, then pass, then column.

        Each pass covers every pixel of the mosaic exactly once. In this order rows become final from the top: once a
        patch whose core begins at row r is yielded, nothing is added above r. Since all cores have one height, the
        rows that are not final fit in that many rows.

        Args:
            part: Part of the mosaic to predict; None: all of it.

        Yields:
            The patches whose cores intersect it, lazily.
        """
        walks = (self._tiles_of_pass(index, part or self.frame) for index in range(len(self.plan.passes)))
        # At equal rows the merge takes from the earlier pass.
        return heapq.merge(*walks, key=lambda tile: tile.core.row)

    def count(self, part: Window | None = None) -> int:
        """Return the number of patches that :meth:`tiles` yields."""
        return sum(self._counts(part or self.frame))

    def count_samples(self, part: Window | None = None) -> int:
        """Return the number of their forward samples: one for each view of each patch."""
        counts = self._counts(part or self.frame)
        return sum(count * len(each.views) for count, each in zip(counts, self.plan.passes, strict=True))

    def _counts(self, part: Window) -> list[int]:
        spans = [self._spans(index, part) for index in range(len(self.plan.passes))]
        return [len(rows) * len(cols) for rows, cols in spans]

    def _spans(self, pass_index: int, part: Window) -> tuple[range, range]:
        """Return the first rows and first columns of a pass's cores that intersect a part of the mosaic."""
        row, col = self.plan.passes[pass_index].origin(self.step)
        inside = part.intersection(self.frame)
        return (
            _positions_reaching(row, self.step, inside.row, inside.row_end),
            _positions_reaching(col, self.step, inside.col, inside.col_end),
        )

    def _tiles_of_pass(self, pass_index: int, part: Window) -> Iterator[Tile]:
        rows, cols = self._spans(pass_index, part)
        for row in rows:
            for col in cols:
                window = Window(row - self.margin, col - self.margin, self.patch_size, self.patch_size)
                yield Tile(pass_index, window, Window(row, col, self.step, self.step))


def _positions_reaching(origin: int, step: int, start: int, end: int) -> range:
    """Return the positions origin + i · step at which a span of length ``step`` intersects start…end."""
    first = origin + (start - origin) // step * step
    return range(first, end, step) if end > start else range(0)
