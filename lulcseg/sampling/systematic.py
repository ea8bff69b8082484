"""The paper's grid sampling: cells that meet a class of interest, split down to the patch size.

The same cells at every patch size, so that 1024, 512, 256 and 128 pixel patches cover exactly
the same ground (Clark, Phinn & Scarth, section 2.5.2.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.sampling.extents import check_fits, meeting


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of the systematic grid, by their first row and column.

    Attributes:
        row: First rows, (n,) int64, pixels.
        col: First columns, (n,) int64, pixels.
        size: Side of a cell, pixels.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    size: int

    def __len__(self) -> int:
        """Return the number of cells."""
        return self.row.size

    def split(self, patch: int) -> Cells:
        """Split each cell in four, again and again, down to a patch size; row by row within a cell."""
        steps = np.arange(0, self.size, patch, dtype=np.int64)
        row = self.row[:, None, None] + steps[None, :, None] + np.zeros_like(steps)[None, None, :]
        col = self.col[:, None, None] + np.zeros_like(steps)[None, :, None] + steps[None, None, :]
        return Cells(row.ravel(), col.ravel(), patch)

    def where(self, keep: NDArray[np.bool_]) -> Cells:
        """Return the cells that a mask keeps."""
        return Cells(self.row[keep], self.col[keep], self.size)


def check_cell(cell: int, patch: int) -> None:
    """Refuse a cell that cannot be split in four down to the patch.

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


def all_cells(grid: Grid, cell: int, patch: int, scene: str) -> Cells:
    """Lay cells from the grid's origin; only those wholly inside the grid.

    Ground at the right and lower edges that does not fill a cell is left out: a patch there would
    reach outside the imagery, or overlap its neighbour.

    Args:
        grid: The scene's grid.
        cell: Side of a cell, pixels.
        patch: Side of the patches that the cells will be split into, pixels.
        scene: The scene's name for error messages.

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
    row, col = np.meshgrid(
        np.arange(grid.height // cell, dtype=np.int64) * cell,
        np.arange(grid.width // cell, dtype=np.int64) * cell,
        indexing="ij",
    )
    return Cells(row.ravel(), col.ravel(), cell)


def keep_meeting(cells: Cells, grid: Grid, geometries: ArrayLike) -> Cells:
    """Keep the cells that have ground in common with at least one polygon.

    Args:
        cells: Cells of the grid.
        grid: The scene's grid.
        geometries: Polygons of the classes of interest, (n,), in the grid's CRS. The paper leaves
            out those of the background class, Other.

    Returns:
        The cells kept, in their order.
    """
    _, met = meeting(grid, cells.row, cells.col, cells.size, geometries)
    keep = np.zeros(len(cells), dtype=np.bool_)
    keep[met] = True
    return cells.where(keep)
