"""Strips of a map: rows that are predicted and written together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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


def free_run(free: Sequence[bool], busy: Sequence[bool], shares: int) -> range:
    """Return the strips, down to the next that isn't free, from whose top a job of several begins or goes on.

    Jobs take strip after strip downwards, so that rows roll on and nothing is predicted twice. One without work begins
    at the first of the equal shares that is wholly free. If there is none, it takes over the lower half of what lies
    ahead of another job, or a gap that nobody is working towards: whatever leaves it most.

    Args:
        free: For each strip, from the top, whether it is neither done nor in work.
        busy: For each strip whether another job has it in work.
        shares: Number of jobs that the map is meant for.

    Returns:
        Numbers of strips; empty if none is free.

    Example:
        Three jobs: the first begins at the top, the second at the second third, and one that is done early helps.

        >>> free_run([True] * 9, [False] * 9, 3)
        range(0, 9)
        >>> free_run([False] + [True] * 8, [True] + [False] * 8, 3)
        range(3, 9)
        >>> busy = [False] * 6 + [True] + [False] * 2
        >>> free_run([False] * 7 + [True] * 2, busy, 3)
        range(8, 9)
    """
    total = len(free)
    bounds = [share * total // shares for share in range(shares + 1)]
    whole = [a for a, b in pairwise(bounds) if b > a and all(free[a:b])]
    if whole:
        return range(whole[0], _end_of(free, whole[0]))
    found = range(0)
    for top in (i for i in range(total) if free[i] and not (i and free[i - 1])):
        end = _end_of(free, top)
        begin = top + (end - top) // 2 if top and busy[top - 1] else top
        found = max(found, range(begin, end), key=len)
    return found


def _end_of(free: Sequence[bool], start: int) -> int:
    return next((i for i in range(start, len(free)) if not free[i]), len(free))


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
