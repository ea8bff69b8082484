"""Patch extents on a scene's pixel grid: whether they fit, where they lie, which polygons they intersect."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid

_INSET = 1e-3
"""Pixels by which a patch is shrunk before it is tested for intersection: a shared edge is no common ground."""


def check_fits(grid: Grid, patch: int, scene: str) -> None:
    """Refuse a patch that is larger than the scene.

    Raises:
        LulcsegError: The scene has fewer rows or columns than a patch.
    """
    if patch < 1:
        raise LulcsegError(
            f"a patch of {patch} pixels is too small", where="sampling.patch_size", remedy="use 1 or more"
        )
    if patch > min(grid.height, grid.width):
        raise LulcsegError(
            f"a patch of {patch} × {patch} pixels is larger than scene '{scene}' of {grid.height} × {grid.width} "
            "(rows × columns)",
            where="sampling.patch_size",
            remedy=f"use patches of at most {min(grid.height, grid.width)} pixels",
        )


def centred(
    grid: Grid, x: ArrayLike, y: ArrayLike, patch: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Place patches with their centres at map points, snapped to pixels and shifted inside the grid.

    The patch's centre is never more than half a pixel from its point in x and y, unless it had
    to be shifted.

    Args:
        grid: The scene's grid, at least a patch high and wide.
        x: Eastings, (n,), map units.
        y: Northings, (n,), map units.
        patch: Side of a patch, pixels.

    Returns:
        First row and first column of each patch (int64), and whether it was shifted (bool), (n,) each.

    Example:
        >>> grid = Grid("EPSG:28355", 0.0, 100.0, 1.0, 1.0, 100, 100)
        >>> row, col, shifted = centred(grid, [50.0, 1.0], [50.0, 50.0], 16)
        >>> row.tolist(), col.tolist(), shifted.tolist()
        ([42, 42], [42, 0], [False, True])
    """
    col = np.floor((np.asarray(x, dtype=np.float64) - grid.left) / grid.xres - patch / 2 + 0.5).astype(np.int64)
    row = np.floor((grid.top - np.asarray(y, dtype=np.float64)) / grid.yres - patch / 2 + 0.5).astype(np.int64)
    row_inside = np.clip(row, 0, grid.height - patch)
    col_inside = np.clip(col, 0, grid.width - patch)
    return row_inside, col_inside, (row != row_inside) | (col != col_inside)


def boxes(
    grid: Grid, row: NDArray[np.int64], col: NDArray[np.int64], size: ArrayLike, inset: float = 0.0
) -> NDArray[np.object_]:
    """Return patch extents as shapely boxes in map units.

    Without an inset the edges are, to the last bit, those of :meth:`lulcseg.grid.Grid.bounds`.

    Args:
        grid: The scene's grid.
        row: First rows, (n,).
        col: First columns, (n,).
        size: Side of the patches, pixels: one number or (n,).
        inset: Pixels to move each side inwards by; negative: outwards.

    Returns:
        Polygons, (n,) object.

    Example:
        >>> grid = Grid("EPSG:28355", 0.0, 100.0, 0.5, 0.5, 200, 200)
        >>> boxes(grid, np.array([0]), np.array([20]), 10)[0].bounds
        (10.0, 95.0, 15.0, 100.0)
    """
    end_row, end_col = row + np.asarray(size), col + np.asarray(size)
    left = grid.left + (col + inset) * grid.xres
    right = grid.left + (end_col - inset) * grid.xres
    top = grid.top - (row + inset) * grid.yres
    bottom = grid.top - (end_row - inset) * grid.yres
    found: NDArray[np.object_] = shapely.box(left, bottom, right, top)
    return found


def find_intersections(
    grid: Grid, row: NDArray[np.int64], col: NDArray[np.int64], size: ArrayLike, geometries: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find which patches share ground with which geometries.

    Args:
        grid: The scene's grid.
        row: First rows of the patches, (n,).
        col: First columns of the patches, (n,).
        size: Side of the patches, pixels: one number or (n,).
        geometries: Polygons in the grid's CRS, (m,).

    Returns:
        Indices of geometries and of patches, (k,) int64 each: one pair for each intersection.
    """
    tree = shapely.STRtree(boxes(grid, row, col, size, inset=_INSET))
    # The geometries query, not the boxes: GEOS prepares the querying geometry, which pays for polygons with
    # thousands of holes.
    geometry, patch = tree.query(np.asarray(geometries, dtype=object), predicate="intersects")
    return geometry.astype(np.int64), patch.astype(np.int64)
