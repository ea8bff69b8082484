"""Joins the pieces of regions that lie on several sheets.

Two pieces of a region meet along edges that both have, in opposite directions. Those edges are removed and the rings'
ends connected; all other edges, and all rings that are not on a seam, remain unchanged. This takes time linear in the
number of corners; a general union of a region with thousands of holes takes quadratic time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lulcseg.grid import Window
from lulcseg.maps.rings import CornerLattice, Rings, concatenated_ranges


@dataclass(frozen=True, slots=True)
class Regions:
    """Regions: 4-connected pixels of one value.

    Attributes:
        outline: (n,) shapely polygons, in pixels.
        value: (n,) int64, the pixels' value.
        pixels: (n,) int64, the number of pixels (before simplification of the outline).
        total: (n,) int64, sum of the confidence raster's values over the pixels that have one.
        counted: (n,) int64, number of pixels that have one.
    """

    outline: NDArray[Any]
    value: NDArray[np.int64]
    pixels: NDArray[np.int64]
    total: NDArray[np.int64]
    counted: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self.value)

    def __getitem__(self, which: NDArray[Any]) -> Regions:
        """Return a selection of the regions, by indices or a mask."""
        return Regions(*(column[which] for column in self._columns))

    @classmethod
    def joined(cls, parts: Sequence[Regions]) -> Self:
        """Concatenate one or more groups of regions."""
        return cls(*(np.concatenate(column) for column in zip(*(p._columns for p in parts), strict=True)))

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Mean of the confidence raster's values, (n,); NaN where no pixel has one."""
        mean = np.full(len(self), np.nan)
        np.divide(self.total, self.counted, out=mean, where=self.counted > 0)
        return mean

    @property
    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.outline, self.value, self.pixels, self.total, self.counted


class Seams:
    """Keeps the pieces of regions on seams, and joins those of a region once all of them have been added.

    Args:
        lattice: The raster's pixel corners.
        sheet: Sheet size, in pixels.
    """

    def __init__(self, lattice: CornerLattice, sheet: int) -> None:
        self._lattice = lattice
        self._sheet = sheet
        self._pieces: list[Regions] = []
        self._count = 0
        self._edges: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # edges' numbers, and their pieces
        self._links: list[NDArray[np.int64]] = []  # (k, 2) pairs of pieces of one region
        self._meeting: list[NDArray[np.int64]] = []

    def add(self, window: Window, found: Regions, meeting: NDArray[np.int64]) -> Regions:
        """Keep the regions of a sheet that touch a seam, and return the others.

        Args:
            window: The sheet; sheets are added row by row.
            found: Its regions. Along seams, their outlines have the same corners as those on the other side.
            meeting: Numbers (by row) of the corners on seams where three or more regions meet.
        """
        self._meeting.append(meeting)
        box = shapely.bounds(found.outline).reshape(-1, 4)
        cut = np.zeros(len(found), dtype=bool)
        for low, high, start, end, size in (
            (box[:, 0], box[:, 2], window.col, window.col_end, self._lattice.width),
            (box[:, 1], box[:, 3], window.row, window.row_end, self._lattice.height),
        ):
            cut |= (low == start) & (start > 0) | (high == end) & (end < size)
        pieces = found[cut]
        rings = Rings.from_polygons(pieces.outline)
        numbers, edges = _seam_edges(rings, self._lattice, self._sheet)
        self._edges.append((numbers, rings.polygon_of_corner()[edges] + self._count))
        self._pieces.append(pieces)
        self._count += len(pieces)
        return found[~cut]

    def close(self, strip: Window) -> Regions:
        """Join and return the regions that are complete.

        Args:
            strip: The row of sheets that has been added completely.

        Returns:
            The complete regions, in the order of their first pieces.
        """
        pieces = Regions.joined(self._pieces)
        numbers, owners = (np.concatenate(part) for part in zip(*self._edges, strict=True))
        one, two = (owners[found] for found in _twins(numbers))
        alike = pieces.value[one] == pieces.value[two]
        links = np.concatenate([*self._links, np.column_stack([one[alike], two[alike]])]).astype(np.int64)
        graph = coo_array((np.ones(len(links), dtype=bool), (links[:, 0], links[:, 1])), shape=(len(pieces),) * 2)
        _, group = connected_components(graph, directed=False)
        waits = self._is_below(numbers, strip)
        stays = np.isin(group, group[owners[waits]])
        # drop the pieces of complete regions, and renumber the others
        renumbered = np.cumsum(stays) - 1
        self._pieces, self._count = [pieces[stays]], int(stays.sum())
        self._edges = [(numbers[waits], renumbered[owners[waits]])]
        self._links = [renumbered[links[stays[links[:, 0]]]]]
        self._meeting = [np.unique(np.concatenate(self._meeting))]
        return self._joined(pieces[~stays], group[~stays])

    def _is_below(self, numbers: NDArray[np.int64], strip: Window) -> NDArray[np.bool_]:
        """Return which edges, given by number, lie on the seam below a row of sheets."""
        first, last = self._lattice.by_row(np.array([strip.row_end] * 2), np.array([0, self._lattice.width]))
        below: NDArray[np.bool_] = (numbers >= first) & (numbers < last) & (strip.row_end < self._lattice.height)
        return below

    def _joined(self, pieces: Regions, group: NDArray[Any]) -> Regions:
        """Join the pieces of each group; groups are in the order of their first pieces."""
        _, first, member = np.unique(group, return_index=True, return_inverse=True)
        place = np.argsort(np.argsort(first))[member]
        rings = Rings.from_polygons(shapely.orient_polygons(pieces.outline))
        rings = stitched(rings, place, *_seam_edges(rings, self._lattice, self._sheet))
        sums = (np.bincount(place, column, len(first)) for column in (pieces.pixels, pieces.total, pieces.counted))
        pixels, total, counted = (s.round().astype(np.int64) for s in sums)
        outline = rings.straightened(self._is_needless(rings.xy)).to_polygons()
        return Regions(outline, pieces.value[np.sort(first)], pixels, total, counted)

    def _is_needless(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which corners lie on a seam where only two regions meet; they may be artefacts of the seam."""
        col, row = xy.astype(np.int64).T
        met = np.isin(self._lattice.by_row(row, col), self._meeting[0])
        needless: NDArray[np.bool_] = ((col % self._sheet == 0) | (row % self._sheet == 0)) & ~met
        return needless


def _seam_edges(rings: Rings, lattice: CornerLattice, sheet: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of all edges on seams, equal on both sides of a seam, and the corners where they begin."""
    (x0, y0), (x1, y1) = rings.xy[:-1].astype(np.int64).T, rings.xy[1:].astype(np.int64).T
    edge = rings.is_edge()[:-1]
    flat = np.flatnonzero(edge & (y0 == y1) & (y0 % sheet == 0) & (y0 > 0) & (y0 < lattice.height))
    upright = np.flatnonzero(edge & (x0 == x1) & (x0 % sheet == 0) & (x0 > 0) & (x0 < lattice.width))
    by_row = lattice.by_row(y0[flat], np.minimum(x0, x1)[flat])
    by_col = lattice.by_col(np.minimum(y0, y1)[upright], x0[upright]) + (lattice.height + 1) * (lattice.width + 1)
    return np.concatenate([by_row, by_col]), np.concatenate([flat, upright])


def _twins(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of the first and of the second occurrence of every number that occurs twice."""
    order = np.argsort(numbers, kind="stable")
    twice = np.flatnonzero(numbers[order][1:] == numbers[order][:-1])
    return order[twice], order[twice + 1]


def stitched(rings: Rings, group: NDArray[np.int64], numbers: NDArray[np.int64], edges: NDArray[np.int64]) -> Rings:
    """Join polygons that share edges.

    Args:
        rings: (p) polygons, outer rings counter-clockwise (x to the right, y up) and holes clockwise.
        group: (p,) int64, each polygon's group, 0…g − 1. The polygons of a group must be connected by edges.
        numbers: (k,) numbers of the edges that may be shared; equal numbers mean the same edge.
        edges: (k,) corners at which those edges begin.

    Returns:
        (g) polygons.

    Raises:
        RuntimeError: The polygons of a group are not connected.
    """
    owner = rings.polygon_of_corner()
    one, two = (edges[found] for found in _twins(numbers))
    shared = group[owner[one]] == group[owner[two]]
    one, two = one[shared], two[shared]
    twin = np.full(len(rings.xy), -1)
    twin[one], twin[two] = two, one
    number = np.repeat(np.arange(len(rings.rings) - 1), np.diff(rings.rings))  # of each corner's ring
    is_cut = np.zeros(len(rings.rings) - 1, dtype=bool)
    is_cut[number[one]] = is_cut[number[two]] = True
    left = np.flatnonzero(rings.is_edge() & is_cut[number] & (twin < 0))
    following = _following(rings, twin, left)
    _part_at_pinches(rings.xy, group[owner], left, following)
    index, starts = _cycles(left, following)
    # a polygon's first ring is the outer one; among joined rings it is the counter-clockwise one
    whole, outer_whole = np.flatnonzero(~is_cut), np.zeros(len(is_cut), dtype=bool)
    outer_whole[rings.polygons[:-1]] = True
    turns = _twice_area(rings.xy[index].astype(np.int64), starts)
    xy = np.concatenate([rings.xy, rings.xy[index]])
    begin = np.concatenate([rings.rings[whole], starts[:-1] + len(rings.xy)])
    length = np.concatenate([np.diff(rings.rings)[whole], np.diff(starts)])
    belongs = np.concatenate([group[owner[rings.rings[whole]]], group[owner[index[starts[:-1]]]]])
    outer = np.concatenate([outer_whole[whole], turns > 0])
    order = np.lexsort((~outer, belongs))
    count = int(group.max()) + 1 if len(group) else 0
    if not np.array_equal(belongs[outer][np.argsort(belongs[outer])], np.arange(count)):
        raise RuntimeError("pieces of a region are not connected")
    polygons = np.searchsorted(belongs[order], np.arange(count + 1))
    return Rings(
        xy[concatenated_ranges(begin[order], length[order])], np.concatenate([[0], np.cumsum(length[order])]), polygons
    )


def _twice_area(xy: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return twice the signed area of each ring, (r,) int64, positive if it runs counter-clockwise."""
    (x, y), (x1, y1) = xy.T, np.roll(xy, -1, axis=0).T
    terms = x * y1 - x1 * y
    terms[starts[1:] - 1] = 0  # connects two rings
    return np.add.reduceat(terms, starts[:-1]) if len(terms) else terms


def _following(rings: Rings, twin: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the edge after each edge once the shared ones are removed; only the entries of ``left`` are valid."""
    following = np.arange(len(twin)) + 1
    following[rings.rings[1:] - 2] = rings.rings[:-1]
    after = following.copy()
    while (gone := left[twin[after[left]] >= 0]).size:
        # cross the shared edge to the piece on its other side, and take the next edge around the same corner there
        after[gone] = following[twin[after[gone]]]
    return after


def _part_at_pinches(
    xy: NDArray[np.float64],
    group: NDArray[np.int64],
    left: NDArray[np.int64],
    following: NDArray[np.int64],
) -> None:
    """Split rings that would pass twice through one corner, in place.

    Where two pixels of a region touch only at a corner and their pieces are connected elsewhere, the region separates
    the ground on the other two sides of the corner. It needs a ring for each side, so each ring continues along the
    other piece. Within a piece GDAL already does so, and one of the two rings is a hole that is not cut.
    """
    corner = xy[following[left]]
    order = np.lexsort((corner[:, 0], corner[:, 1], group[left]))
    same = (corner[order][1:] == corner[order][:-1]).all(axis=1) & (group[left][order][1:] == group[left][order][:-1])
    one, two = left[order[:-1][same]], left[order[1:][same]]
    following[one], following[two] = following[two], following[one]


def _cycles(left: NDArray[np.int64], following: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Follow edges to closed rings.

    Args:
        left: (n,) the edges, in ascending order.
        following: The edge after each edge.

    Returns:
        (m,) corners of the closed rings, and (r + 1,) offset of each ring, and the end.
    """
    ends = np.flatnonzero(following[left] != left + 1)  # of runs of consecutive edges
    begins = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    after = np.searchsorted(left[begins], following[left[ends]]).tolist()
    walk: list[int] = []
    stops: list[int] = []
    seen = bytearray(len(ends))
    for first in range(len(ends)):
        run = first
        while not seen[run]:
            seen[run] = True
            walk.append(run)
            run = after[run]
        stops.append(len(walk))
    runs = np.array(walk, dtype=np.int64)
    length = (ends - begins + 1)[runs]
    stop = np.concatenate([[0], np.cumsum(length)])[np.unique(stops).astype(np.int64)]
    start = np.concatenate([[0], stop[:-1]])[: len(stop)]
    index = left[concatenated_ranges(begins[runs], length)]
    # close each ring with its own first corner
    return np.insert(index, stop, index[start]), np.concatenate([[0], stop + np.arange(1, len(stop) + 1)])
