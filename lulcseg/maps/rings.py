"""Polygons as flat arrays of corners, in pixels: x is the column, y the row, both from a raster's first corner.

Operations are vectorised over the corners of all polygons, without a Python loop over polygons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes

from lulcseg.grid import Window


@dataclass(frozen=True, slots=True)
class Rings:
    """Polygons one after the other, each with its outer ring first and then its holes; rings are closed.

    Attributes:
        xy: (n, 2) float64 corners.
        rings: (r + 1,) int64, offset of each ring in ``xy``, and the end.
        polygons: (p + 1,) int64, offset of each polygon in ``rings``, and the end.
    """

    xy: NDArray[np.float64]
    rings: NDArray[np.int64]
    polygons: NDArray[np.int64]

    @classmethod
    def from_polygons(cls, outlines: NDArray[Any]) -> Self:
        """Convert polygons, (p,) shapely."""
        if not len(outlines):
            return cls(np.empty((0, 2)), np.zeros(1, np.int64), np.zeros(1, np.int64))
        _, xy, (rings, polygons) = shapely.to_ragged_array(outlines)
        return cls(xy, rings.astype(np.int64), polygons.astype(np.int64))

    def to_polygons(self) -> NDArray[Any]:
        """Return the polygons, (p,) shapely."""
        if len(self.polygons) == 1:
            return np.empty(0, dtype=object)
        outlines: NDArray[Any] = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, self.xy, (self.rings, self.polygons)
        )
        return outlines

    def polygon_of_corner(self) -> NDArray[np.int64]:
        """Return the index of each corner's polygon, (n,) int64."""
        return np.repeat(np.arange(len(self.polygons) - 1), np.diff(self.rings[self.polygons]))

    def is_edge(self) -> NDArray[np.bool_]:
        """Return whether an edge runs from each corner to the next, (n,) bool: False at the end of a ring."""
        edge = np.ones(len(self.xy), dtype=bool)
        edge[self.rings[1:] - 1] = False
        return edge

    def with_nodes(self, rows: NDArray[np.int64], cols: NDArray[np.int64], lattice: CornerLattice) -> Rings:
        """Return the polygons with a corner wherever an edge passes through one of the given pixel corners.

        Args:
            rows: (k,) rows of distinct pixel corners.
            cols: (k,) their columns.
            lattice: The raster's pixel corners. All edges must run along rows and columns.

        Returns:
            The same polygons with the added corners.
        """
        x, y = self.xy[:, 0].astype(np.int64), self.xy[:, 1].astype(np.int64)
        after, edge = np.minimum(np.arange(len(x)) + 1, len(x) - 1), self.is_edge()
        first, count, step = (np.zeros(len(x), dtype=np.int64) for _ in range(3))
        nodes: list[NDArray[np.int64]] = []
        for along, key, node in (
            (edge & (y == y[after]), lattice.by_row(y, x), lattice.by_row(rows, cols)),
            (edge & (x == x[after]), lattice.by_col(y, x), lattice.by_col(rows, cols)),
        ):
            order = np.argsort(node)
            here, there = key[along], key[after[along]]
            low = np.searchsorted(node[order], np.minimum(here, there), side="right")
            high = np.searchsorted(node[order], np.maximum(here, there), side="left")
            first[along] = np.where(here < there, low, high - 1) + len(nodes) * len(order)
            count[along], step[along] = high - low, np.where(here < there, 1, -1)
            nodes.append(np.column_stack([cols[order], rows[order]]))
        shift = np.concatenate([[0], np.cumsum(count)])
        within = concatenated_ranges(np.zeros(len(x), dtype=np.int64), count)
        xy = np.empty((len(x) + shift[-1], 2))
        old = np.zeros(len(xy), dtype=bool)
        old[np.arange(len(x)) + shift[:-1]] = True
        xy[old] = self.xy
        xy[~old] = np.concatenate(nodes)[np.repeat(first, count) + np.repeat(step, count) * within]
        return Rings(xy, self.rings + shift[self.rings], self.polygons)

    def sums(self, image: NDArray[Any], window: Window) -> NDArray[np.int64]:
        """Sum an image over each polygon.

        By Green's theorem for pixels, the sum over a polygon is a sum along its vertical edges of the image's
        cumulative sums, so that its pixels need not be visited.

        Args:
            image: (h, w) non-negative whole numbers.
            window: Window of the image. The polygons must lie in it, with edges along rows and columns.

        Returns:
            (p,) int64.
        """
        table = np.zeros((window.height + 1, window.width + 1), dtype=np.int64)
        np.cumsum(image, axis=0, dtype=np.int64, out=table[1:, 1:])
        np.cumsum(table[1:, 1:], axis=1, out=table[1:, 1:])
        if len(self.polygons) == 1:
            return np.empty(0, dtype=np.int64)
        x, y = self.xy[:, 0].astype(np.int64) - window.col, self.xy[:, 1].astype(np.int64) - window.row
        upright = np.flatnonzero(self.is_edge()[:-1] & (x[:-1] == x[1:]))
        terms = np.zeros(len(x), dtype=np.int64)
        terms[upright] = table[y[upright + 1], x[upright]] - table[y[upright], x[upright]]
        # GDAL chooses the direction of rings; holes run opposite to the ring around them
        return np.abs(np.add.reduceat(terms, self.rings[self.polygons[:-1]]))

    def straightened(self, candidates: NDArray[np.bool_]) -> Rings:
        """Return the polygons without those candidate corners, (n,) bool, at which the ring doesn't turn."""
        if not len(self.xy):
            return self
        start, end = self.rings[:-1], self.rings[1:] - 1
        before, after = np.arange(len(self.xy)) - 1, np.arange(len(self.xy)) + 1
        before[start] = end - 1
        after[end] = start
        come, go = self.xy - self.xy[before], self.xy[after] - self.xy
        keep = ~candidates | (come[:, 0] * go[:, 1] != come[:, 1] * go[:, 0])
        keep[end] = True  # replaced below by the ring's new first corner
        rings = np.concatenate([[0], np.cumsum(np.add.reduceat(keep, start, dtype=np.int64))])
        xy = self.xy[keep]
        xy[rings[1:] - 1] = xy[rings[:-1]]
        return Rings(xy, rings, self.polygons)


@dataclass(frozen=True, slots=True)
class CornerLattice:
    """Numbers the pixel corners of a raster, by rows or by columns.

    Attributes:
        height: Rows of the raster.
        width: Columns of the raster.

    Example:
        >>> lattice = CornerLattice(height=2, width=3)
        >>> row, col = np.array([0, 1]), np.array([3, 0])
        >>> lattice.by_row(row, col), lattice.by_col(row, col)
        (array([3, 4]), array([9, 1]))
    """

    height: int
    width: int

    def by_row(self, row: NDArray[np.int64], col: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the corners' numbers, counted along rows."""
        return row * (self.width + 1) + col

    def by_col(self, row: NDArray[np.int64], col: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the corners' numbers, counted along columns."""
        return col * (self.height + 1) + row


def concatenated_ranges(start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of (k,) ranges, one range after the other.

    Example:
        >>> concatenated_ranges(np.array([5, 1]), np.array([2, 3]))
        array([5, 6, 1, 2, 3])
    """
    done = np.cumsum(length) - length
    return np.repeat(start - done, length) + np.arange(length.sum())


def trace_outlines(values: NDArray[Any], window: Window, *, leave: int | None) -> tuple[Rings, NDArray[np.int64]]:
    """Trace the regions of an array: 4-connected pixels of one value.

    Args:
        values: (h, w) uint8 or uint16.
        window: Window of the array.
        leave: A value whose regions are not traced; None: all are.

    Returns:
        The regions' pixel-exact outlines, with corners only where they turn, and their values, (p,) int64.
    """
    mask = None if leave is None else values != leave
    parts: list[NDArray[np.float64]] = []
    rings, found = [], []
    for geometry, value in shapes(values, mask=mask, connectivity=4):
        parts += [np.array(ring) for ring in geometry["coordinates"]]
        rings.append(len(geometry["coordinates"]))
        found.append(int(value))
    xy = np.concatenate(parts) + np.array([window.col, window.row]) if parts else np.empty((0, 2))
    starts = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)
    polygons = np.concatenate([[0], np.cumsum(rings)]).astype(np.int64)
    return Rings(xy, starts, polygons), np.array(found, dtype=np.int64)
