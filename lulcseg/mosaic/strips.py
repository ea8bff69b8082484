"""Strips of a map: rows that are predicted and written together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from lulcseg.grid import Window


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows of the map that are written together.

    Attributes:
        number: Its position from the top, from 0.
        start: First row, in rows of the mosaic.
        stop: The row after the last.
    """

    number: int
    start: int
    stop: int


def split_rows(part: Window, strip_rows: int) -> list[Strip]:
    """Split a part of the mosaic into strips, from the top; the last may be shorter.

    Example:
        >>> [(strip.start, strip.stop) for strip in split_rows(Window(5, 0, 25, 40), 10)]
        [(5, 15), (15, 25), (25, 30)]
    """
    starts = range(part.row, part.row_end, strip_rows)
    return [Strip(i, start, min(start + strip_rows, part.row_end)) for i, start in enumerate(starts)]


def rank_share(missing: list[Strip], rank: int, world: int) -> list[Strip]:
    """Return the strips that one process predicts: contiguous in the list, and at most one more than any other's.

    Args:
        missing: All strips to predict, from the top.
        rank: Number of the process, from 0.
        world: Number of processes.

    Example:
        >>> strips = [Strip(number, 10 * number, 10 * number + 10) for number in range(5)]
        >>> [[strip.number for strip in rank_share(strips, rank, 2)] for rank in (0, 1)]
        [[0, 1], [2, 3, 4]]
    """
    return missing[rank * len(missing) // world : (rank + 1) * len(missing) // world]


def contiguous_runs(strips: Iterable[Strip]) -> Iterator[list[Strip]]:
    """Split strips into runs without a gap, whose rows can be predicted together.

    Example:
        >>> strips = [Strip(number, 10 * number, 10 * number + 10) for number in (0, 1, 4)]
        >>> [[strip.number for strip in run] for run in contiguous_runs(strips)]
        [[0, 1], [4]]
    """
    ordered = list(strips)
    cuts = [i + 1 for i, (a, b) in enumerate(pairwise(ordered)) if a.number + 1 != b.number]
    for start, stop in pairwise([0, *cuts, len(ordered)]):
        if stop > start:
            yield ordered[start:stop]
