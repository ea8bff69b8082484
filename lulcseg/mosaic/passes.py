"""Passes over a mosaic, as data: where the patches of each lie, and which rotations it averages."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lulcseg.errors import LulcsegError
from lulcseg.mosaic.weights import WeightName


@dataclass(frozen=True, slots=True)
class Pass:
    """One tiling of the whole mosaic with patches.

    Attributes:
        offset_rows: Where a row of patches begins, as a fraction of the patch from the mosaic's first row, 0 ≤ f < 1.
        offset_cols: The same for columns.
        rotations: Counter-clockwise quarter turns, each 0…3 and none twice, whose class probabilities are averaged.

    Raises:
        LulcsegError: An offset or a rotation outside its range, no rotation, or one that stands twice.
    """

    offset_rows: float = 0.0
    offset_cols: float = 0.0
    rotations: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("offset_rows", "offset_cols"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise LulcsegError(
                    f"{name} is {value}", where="mosaic", remedy="give a fraction of the patch, from 0 to below 1"
                )
        if (
            not self.rotations
            or len(set(self.rotations)) < len(self.rotations)
            or not set(self.rotations) <= set(range(4))
        ):
            raise LulcsegError(
                f"rotations are {list(self.rotations)}",
                where="mosaic",
                remedy="give one or more of the quarter turns 0, 1, 2, 3, each once",
            )

    def origin(self, patch: int) -> tuple[int, int]:
        """Return the row and column of the first patch: 0, or negative so that the mosaic's edge is covered too.

        Args:
            patch: Side of a patch, in pixels. An offset is rounded down to whole pixels.
        """
        shifts = (math.floor(self.offset_rows * patch), math.floor(self.offset_cols * patch))
        row, col = (shift - patch if shift else 0 for shift in shifts)
        return row, col


@dataclass(frozen=True, slots=True)
class PassPlan:
    """The passes that together make a map.

    A pixel's class probabilities are the mean over the passes, weighted by where the pixel lies in
    each pass's patch; within a pass they are the plain mean over its rotations.

    Attributes:
        passes: The passes, at least one.
        weight: Name of the weight window, see :mod:`lulcseg.mosaic.weights`.

    Raises:
        LulcsegError: There is no pass.
    """

    passes: tuple[Pass, ...]
    weight: WeightName = "uniform"

    def __post_init__(self) -> None:
        """Check that there is a pass."""
        if not self.passes:
            raise LulcsegError("no pass is given", where="mosaic", remedy="give at least one")

    @property
    def samples_per_patch(self) -> float:
        """Mean number of forward samples that a patch costs."""
        return sum(len(p.rotations) for p in self.passes) / len(self.passes)


SINGLE = PassPlan((Pass(),))
"""One pass as it is: the mosaic cut into patches."""

MULTIPLE = PassPlan((Pass(rotations=(0, 1, 2, 3)), Pass(0.5, 0.5, (0, 1, 2, 3))), weight="cone")
"""Multiple pass prediction of Clark, Phinn & Scarth: two passes of four rotations, half a patch apart in x and y.

The angles, the offset in both axes and the shape of the weight are inferred: the paper does not print them.
"""

PLANS: dict[str, PassPlan] = {"single": SINGLE, "multiple": MULTIPLE}
"""The plans that have a name."""
