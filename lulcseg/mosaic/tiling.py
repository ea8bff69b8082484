"""Where the patches of all passes lie, in the order in which they are predicted."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

from lulcseg.grid import Window
from lulcseg.mosaic.passes import Pass, PassPlan


@dataclass(frozen=True, slots=True)
class Tile:
    """A patch's place in a pass.

    Attributes:
        pass_index: Which pass of the plan.
        window: (P, P) pixels; it may reach outside the mosaic on any side.
    """

    pass_index: int
    window: Window


def _counts(frame: Window, tiling: Pass, patch: int) -> tuple[int, int]:
    row, col = tiling.origin(patch)
    return math.ceil((frame.height - row) / patch), math.ceil((frame.width - col) / patch)


def _tiles_of_pass(frame: Window, tiling: Pass, pass_index: int, patch: int) -> Iterator[Tile]:
    rows, cols = _counts(frame, tiling, patch)
    row, col = tiling.origin(patch)
    for i in range(rows):
        for j in range(cols):
            yield Tile(pass_index, Window(row + i * patch, col + j * patch, patch, patch))


def tiles(frame: Window, plan: PassPlan, patch: int) -> Iterator[Tile]:
    """Walk the patches of all passes, sorted by first row, then pass, then column.

    Each pass covers every pixel of the mosaic exactly once. In this order rows become final from the
    top: once a patch that begins at row r comes up, nothing is added above r any more, and since
    patches are P high, all rows in work fit in P rows.

    Args:
        frame: The mosaic, (0, 0, H, W).
        plan: The passes.
        patch: Side of a patch P, in pixels.

    Yields:
        The patches, without a list of them ever being held.
    """
    walks = (_tiles_of_pass(frame, tiling, index, patch) for index, tiling in enumerate(plan.passes))
    # At equal rows the merge takes from the earlier pass.
    return heapq.merge(*walks, key=lambda tile: tile.window.row)


def count_tiles(frame: Window, plan: PassPlan, patch: int) -> int:
    """Return how many patches :func:`tiles` yields."""
    return sum(math.prod(_counts(frame, tiling, patch)) for tiling in plan.passes)


def count_samples(frame: Window, plan: PassPlan, patch: int) -> int:
    """Return how many forward samples the patches make: one for each rotation of each."""
    return sum(math.prod(_counts(frame, tiling, patch)) * len(tiling.rotations) for tiling in plan.passes)
