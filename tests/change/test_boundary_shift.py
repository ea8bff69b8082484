"""The boundary tolerance against its definition, written out pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from lulcseg.change.boundary_shift import boundary_shifts, shift_reach
from tests.support.map_files import scattered


def nearest(index: np.ndarray, wanted: int, row: int, col: int, size: tuple[float, float]) -> float:
    rows, cols = np.nonzero(index == wanted)
    if not len(rows):
        return np.inf
    return float(np.sqrt(((rows - row) * size[0]) ** 2 + ((cols - col) * size[1]) ** 2).min())


def by_definition(before: np.ndarray, after: np.ndarray, tolerance: float, size: tuple[float, float]) -> np.ndarray:
    found = np.zeros(before.shape, dtype=bool)
    for (row, col), a in np.ndenumerate(before):
        b = after[row, col]
        if 255 in (a, b) or a == b:
            continue
        moved = nearest(before, b, row, col, size) + nearest(after, a, row, col, size)
        found[row, col] = moved <= tolerance + np.sqrt(size[0] * size[1]) + 1e-9
    return found


@pytest.mark.parametrize("tolerance", [0.0, 1.0, 2.5, 7.0])
@pytest.mark.parametrize("size", [(1.0, 1.0), (2.0, 0.5)])
def test_pixels_are_those_of_the_definition(tolerance: float, size: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    for seed in range(4):
        base = np.kron(scattered(4, 5, seed), np.ones((6, 6), dtype=np.uint8))
        after = np.roll(base, rng.integers(-3, 4, 2), axis=(0, 1))
        after[rng.random(after.shape) < 0.02] = rng.integers(0, 3)
        found = boundary_shifts(base, after, tolerance, *size)
        assert (found == by_definition(base, after, tolerance, size)).all()
        assert tolerance < 2 or found.any()


def test_what_is_new_or_gone_is_no_shift() -> None:
    before = np.zeros((20, 20), dtype=np.uint8)
    after = before.copy()
    after[8:10, 8:10] = 1  # a hut that wasn't there
    assert not boundary_shifts(before, after, 5.0, 1.0, 1.0).any()
    assert not boundary_shifts(after, before, 5.0, 1.0, 1.0).any()


def test_a_track_that_moved_is_a_shift_and_one_that_widened_far_is_not() -> None:
    before, moved, widened = (np.zeros((9, 30), dtype=np.uint8) for _ in range(3))
    before[:, 10:14], moved[:, 12:16], widened[:, 10:20] = 1, 1, 1
    assert (boundary_shifts(before, moved, 2.0, 1.0, 1.0) == (before != moved)).all()
    assert not boundary_shifts(before, widened, 3.0, 1.0, 1.0).any()


def test_a_window_with_its_reach_decides_as_the_whole_does() -> None:
    before = np.kron(scattered(8, 8, 1), np.ones((5, 5), dtype=np.uint8))
    after = np.roll(before, (1, -2), axis=(0, 1))
    whole = boundary_shifts(before, after, 2.0, 1.0, 1.0)
    rows, cols = shift_reach(2.0, 1.0, 1.0)
    part = (slice(15 - rows, 25 + rows), slice(12 - cols, 20 + cols))
    inner = boundary_shifts(before[part], after[part], 2.0, 1.0, 1.0)[rows:-rows, cols:-cols]
    assert whole.any()
    assert (inner == whole[15:25, 12:20]).all()
