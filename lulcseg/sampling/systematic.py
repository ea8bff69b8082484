"""The paper's grid sampling: cells that meet a class of interest, split down to the patch size.

The cells are the same at every patch size, so that patches of 1024, 512, 256 and 128 pixels cover exactly
the same ground (Clark, Phinn & Scarth, section 2.5.2.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.sampling.patch_extents import check_fits, find_intersections

type Edge = Literal["drop", "shift"]
"""What becomes of cells that reach over the imagery's edge: left out, or moved inside."""

_ON_LATTICE = 1e-3
"""Pixels by which an origin may be off a pixel's corner and still count as on it."""

_FARTHEST = 2.0**31
"""Largest distance of an origin from the grid's corner, pixels: well within exact float64 and int64 integers."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A corner of the cells: a pixel's corner, not necessarily inside the grid.

    Attributes:
        row: Its row, pixels.
        col: Its column, pixels.
        easting: Its x, map units.
        northing: Its y, map units.
        snapped: Whether it was moved to a pixel's corner.
    """

    row: int
    col: int
    easting: float
    northing: float
    snapped: bool


def origin_on(grid: Grid, wanted: Sequence[float] | None) -> Origin:
    """Return the pixel corner nearest to a requested origin; None means the grid's upper left corner.

    Raises:
        LulcsegError: ``wanted`` is not two finite numbers, or is more than 2³¹ pixels away.
    """
    if wanted is None:
        return Origin(0, 0, grid.left, grid.top, snapped=False)
    point = np.asarray(wanted, dtype=np.float64)
    if point.shape != (2,) or not np.isfinite(point).all():
        raise LulcsegError(
            f"{list(wanted)} is not an origin of cells",
            where="sampling.origin",
            remedy="write [easting, northing] in map units, or null for the scene's upper left corner",
        )
    col, row = (float(point[0]) - grid.left) / grid.xres, (grid.top - float(point[1])) / grid.yres
    if max(abs(row), abs(col)) > _FARTHEST:
        raise LulcsegError(
            f"{list(wanted)} is {max(abs(row), abs(col)):.2g} pixels away from the imagery's corner",
            where="sampling.origin",
            remedy="write [easting, northing] in the imagery's map units",
        )
    near_row, near_col = round(row), round(col)
    return Origin(
        near_row,
        near_col,
        grid.left + near_col * grid.xres,
        grid.top - near_row * grid.yres,
        snapped=max(abs(row - near_row), abs(col - near_col)) > _ON_LATTICE,
    )


@dataclass(frozen=True, slots=True)
class GridCells:
    """Cells of the systematic grid, by their first row and column.

    Attributes:
        row: First rows, (n,) int64, pixels.
        col: First columns, (n,) int64, pixels.
        size: Side of a cell, pixels.
        shifted: Whether each was shifted inside the grid, (n,) bool.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    size: int
    shifted: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of cells."""
        return self.row.size

    def split(self, patch: int) -> GridCells:
        """Split each cell in four, repeatedly, down to a patch size; row by row within a cell."""
        steps = np.arange(0, self.size, patch, dtype=np.int64)
        row = self.row[:, None, None] + steps[None, :, None] + np.zeros_like(steps)[None, None, :]
        col = self.col[:, None, None] + np.zeros_like(steps)[None, :, None] + steps[None, None, :]
        return GridCells(row.ravel(), col.ravel(), patch, np.repeat(self.shifted, steps.size**2))

    def where(self, keep: NDArray[np.bool_]) -> GridCells:
        """Return the cells selected by a mask, (n,) bool."""
        return GridCells(self.row[keep], self.col[keep], self.size, self.shifted[keep])


def check_cell(cell: int, patch: int) -> None:
    """Check that a cell can be split in four down to the patch size.

    Raises:
        LulcsegError: ``cell`` is not ``patch`` times a power of two.
    """
    times, rest = divmod(cell, patch)
    if rest or times < 1 or times & (times - 1):
        raise LulcsegError(
            f"a cell of {cell} pixels cannot be split in four down to patches of {patch}",
            where="sampling.cell",
            remedy=f"use the patch size times a power of two, as {patch}, {2 * patch} or {4 * patch}",
        )


def all_cells(
    grid: Grid, cell: int, patch: int, scene: str, *, origin: Origin | None = None, edge: str = "drop"
) -> GridCells:
    """Lay cells edge to edge from an origin, over the grid and never outside it.

    Cells that extend over the grid's edge are left out (``drop``; the ground there is in no cell), or
    shifted inside so that they lie at the edge (``shift``; they then overlap their neighbours, and the
    shared ground counts twice, at every patch size alike).

    Args:
        grid: The scene's grid.
        cell: Side of a cell, pixels.
        patch: Side of the patches that the cells will be split into, pixels.
        scene: The scene's name for error messages.
        origin: A corner of cells, see :func:`origin_on`; None: the grid's upper left corner.
        edge: What becomes of cells that reach over the edge, see :data:`Edge`.

    Returns:
        The cells, row by row.

    Raises:
        LulcsegError: The cell is not the patch times a power of two, or no cell fits the scene.
    """
    check_fits(grid, patch, scene)
    check_cell(cell, patch)
    side = min(grid.height, grid.width)
    if cell > side:
        largest = patch << ((side // patch).bit_length() - 1)
        raise LulcsegError(
            f"no cell of {cell} × {cell} pixels lies wholly inside scene '{scene}' of {grid.height} × {grid.width} "
            "(rows × columns)",
            where="sampling.cell",
            remedy=f"use cells of {largest}, the largest that fits patches of {patch}",
        )
    first_row, first_col = (0, 0) if origin is None else (origin.row, origin.col)
    rows, rows_shifted = _starts(grid.height, cell, first_row, edge)
    cols, cols_shifted = _starts(grid.width, cell, first_col, edge)
    if not rows.size or not cols.size:
        raise LulcsegError(
            f"no cell of {cell} × {cell} pixels laid from there lies wholly inside scene '{scene}'",
            where="sampling.origin",
            remedy="use null for the scene's upper left corner, smaller cells, or sampling.edge=shift",
        )
    row, col = np.meshgrid(rows, cols, indexing="ij")
    return GridCells(row.ravel(), col.ravel(), cell, np.logical_or.outer(rows_shifted, cols_shifted).ravel())


def _starts(length: int, cell: int, first: int, edge: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the first pixels of cells along one axis, and which of the cells were shifted."""
    start = np.arange(first % cell - cell, length, cell, dtype=np.int64)
    start = start[start > -cell]
    inside = np.clip(start, 0, length - cell)
    shifted = inside != start
    if edge == "drop":
        return start[~shifted], shifted[~shifted]
    # On an axis of one cell's length, the first and the last are shifted to the same place.
    inside, index = np.unique(inside, return_index=True)
    return inside, shifted[index]


def keep_meeting(cells: GridCells, grid: Grid, geometries: ArrayLike) -> GridCells:
    """Keep the cells that share ground with at least one polygon.

    Args:
        cells: Cells of the grid.
        grid: The scene's grid.
        geometries: Polygons of the classes of interest, (n,), in the grid's CRS. The paper leaves
            out those of the background class, Other.

    Returns:
        The cells kept, in their order.
    """
    _, met = find_intersections(grid, cells.row, cells.col, cells.size, geometries)
    keep = np.zeros(len(cells), dtype=np.bool_)
    keep[met] = True
    return cells.where(keep)
