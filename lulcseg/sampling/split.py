"""Splitting a plan by place: blocks of ground held out for validation, which no training patch touches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from lulcseg.errors import LulcsegError
from lulcseg.grid import Bounds, Grid, Window
from lulcseg.sampling.patch_extents import find_intersections
from lulcseg.sampling.plan import TRAIN, VALIDATION, Plan
from lulcseg.seeds import generator

DROPPED = "dropped"
"""Split of a patch across the edge of held-out ground; it is in no plan."""


class HoldOut:
    """Blocks of a scene's ground held out for validation.

    The blocks depend on the grid, the block size, the fraction and the generator, not on the
    patches: plans of every patch size and method hold out the same ground.

    Args:
        grid: The scene's grid.
        block: Side of a block, pixels. Blocks at the right and lower edges may be smaller.
        fraction: Requested share of the grid's pixels for validation, between 0 and 1; the nearest number of
            blocks is used, at least one and never all.
        rng: Source of randomness.

    Attributes:
        grid: The scene's grid.
        block: Side of a block, pixels.
        held: Whether each block is held out, (block rows, block columns) bool.

    Raises:
        LulcsegError: The fraction is not between 0 and 1, or there are fewer than two blocks.
    """

    def __init__(self, grid: Grid, block: int, fraction: float, rng: np.random.Generator) -> None:
        if not 0 < fraction < 1:
            raise LulcsegError(
                f"a fraction of {fraction:g} cannot be held out",
                where="validation.fraction",
                remedy="use a number between 0 and 1, or 0 for no validation ground",
            )
        heights = np.diff(np.append(np.arange(0, grid.height, block), grid.height))
        widths = np.diff(np.append(np.arange(0, grid.width, block), grid.width))
        pixels = np.outer(heights, widths)
        if pixels.size < 2:
            raise LulcsegError(
                f"blocks of {block} pixels leave a single block in a scene of {grid.height} × {grid.width}",
                where="validation.block",
                remedy=f"use blocks of at most {max(grid.height, grid.width) // 2} pixels, or hold nothing out",
            )
        order = rng.permutation(pixels.size)
        shares = np.cumsum(pixels.ravel()[order]) / pixels.sum()
        n_held = 1 + int(np.argmin(np.abs(shares[:-1] - fraction)))
        held = np.zeros(pixels.size, dtype=np.bool_)
        held[order[:n_held]] = True
        self.grid = grid
        self.block = block
        self.held: NDArray[np.bool_] = held.reshape(pixels.shape)

    @property
    def fraction(self) -> float:
        """The share of the grid's pixels that is held out."""
        windows = (w.intersection(self.grid.window) for w in self._windows())
        return sum(w.height * w.width for w in windows) / (self.grid.height * self.grid.width)

    def assign(self, row: NDArray[np.int64], col: NDArray[np.int64], size: int) -> NDArray[np.str_]:
        """Return the split of each patch.

        Args:
            row: First rows of patches inside the grid, (n,).
            col: First columns, (n,).
            size: Side of the patches, pixels.

        Returns:
            ``'validation'`` for a patch wholly on held-out ground, ``'train'`` for one that touches
            none of it, ``'dropped'`` for one across its edge, (n,) str.
        """
        counts = np.pad(np.cumsum(np.cumsum(self.held, axis=0, dtype=np.int64), axis=1), ((1, 0), (1, 0)))
        top, left = row // self.block, col // self.block
        bottom, right = (row + size - 1) // self.block + 1, (col + size - 1) // self.block + 1
        held = counts[bottom, right] - counts[top, right] - counts[bottom, left] + counts[top, left]
        total = (bottom - top) * (right - left)
        return np.where(held == 0, TRAIN, np.where(held == total, VALIDATION, DROPPED))

    def touched_by(self, grid: Grid, row: NDArray[np.int64], col: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
        """Return which patches of another scene touch this scene's held-out ground.

        Two dates of the same ground are two scenes: one must not train on what the other holds out.

        Args:
            grid: The other scene's grid, in the same CRS.
            row: First rows of its patches, (n,).
            col: First columns, (n,).
            size: Side of the patches, pixels.

        Returns:
            (n,) bool.
        """
        found = np.zeros(row.size, dtype=np.bool_)
        ground = shapely.box(*np.array(self.bounds()).T)
        _, met = find_intersections(grid, row, col, size, ground)
        found[met] = True
        return found

    def bounds(self) -> list[Bounds]:
        """Return the extents of the held-out blocks inside the grid, in map units."""
        return [self.grid.bounds(w.intersection(self.grid.window)) for w in self._windows()]

    def _windows(self) -> list[Window]:
        b = self.block
        return [Window(int(r) * b, int(c) * b, b, b) for r, c in np.argwhere(self.held)]


def hold_out(plan: Plan, *, fraction: float, block: int, seed: int) -> Plan:
    """Split a plan by place: hold out blocks of each scene's ground for validation.

    The blocks depend on the seed and the grid, so that two dates on one grid hold out the same
    ground; on other grids of the same CRS, a patch that touches ground held out in another scene is
    dropped as well. Scenes with different CRS are assumed not to overlap.

    Args:
        plan: A plan whose ``split`` is still 'train' throughout.
        fraction: Requested share of each scene's ground for validation, between 0 and 1.
        block: Side of a block, pixels.
        seed: Seed of the blocks.

    Returns:
        The plan without the patches across an edge; ``meta`` counts them (``dropped``) and
        lists the extents held out (``validation``). Its other counts are updated by
        :func:`lulcseg.sampling.plan_recount.recounted`.

    Raises:
        LulcsegError: A block is smaller than a patch, or one side of the split is left empty; and
            as :class:`HoldOut`.
    """
    rows, size = plan.rows, plan.meta["patch_size"]
    if block < size:
        raise LulcsegError(
            f"no patch of {size} pixels lies within a block of {block}",
            where="validation.block",
            remedy=f"use blocks of at least {2 * size} pixels",
        )
    grids = {scene: plan.grid(scene) for scene in plan.scenes}
    held = {name: HoldOut(grid, block, fraction, _generator(seed, grid)) for name, grid in grids.items()}
    split = pd.Series(TRAIN, index=rows.index, dtype="str")
    for scene in plan.scenes:
        mine = rows["scene"] == scene
        split[mine] = _sides(scene, rows.loc[mine, "row"].to_numpy(), rows.loc[mine, "col"].to_numpy(), size, held)
    keep = split != DROPPED
    rows = rows.assign(split=split)[keep].reset_index(drop=True)
    dropped = int((~keep).sum())
    for side in (TRAIN, VALIDATION):
        if not (rows["split"] == side).any():
            raise LulcsegError(
                f"the split leaves no patch for '{side}' ({dropped} lie across its edge)",
                where="validation.block",
                remedy="use other blocks, another fraction or another seed",
            )
    extents = {name: [list(b) for b in h.bounds()] for name, h in held.items()}
    validation = {"fraction": fraction, "block": block, "held_out": extents}
    return Plan(rows, plan.meta | {"dropped": plan.meta["dropped"] + dropped, "validation": validation})


def _sides(
    scene: str, row: NDArray[np.int64], col: NDArray[np.int64], size: int, held: Mapping[str, HoldOut]
) -> NDArray[np.str_]:
    """Return the split of each patch of a scene, given the ground held out in any scene."""
    own = held[scene]
    split = own.assign(row, col, size)
    crs = CRS.from_user_input(own.grid.crs)
    for name, other in held.items():
        if name != scene and CRS.from_user_input(other.grid.crs) == crs:
            split[(split == TRAIN) & other.touched_by(own.grid, row, col, size)] = DROPPED
    return split


def _generator(seed: int, grid: Grid) -> np.random.Generator:
    place = (grid.left, grid.top, grid.xres, grid.yres, grid.height, grid.width)
    return generator(seed, f"blocks of {place}")
