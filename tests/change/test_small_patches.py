"""Small patches, found strip by strip, against a flood fill of the whole."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from lulcseg.change.small_patches import SmallPatches


def flooded(values: np.ndarray, least: int) -> np.ndarray:
    """The pixels of patches below the least size, by filling each."""
    small, seen = np.zeros(values.shape, dtype=bool), values == 0
    for start in np.argwhere(values):
        if seen[tuple(start)]:
            continue
        patch, queue = [], deque([tuple(start)])
        seen[tuple(start)] = True
        while queue:
            row, col = queue.popleft()
            patch.append((row, col))
            for r, c in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
                inside = 0 <= r < values.shape[0] and 0 <= c < values.shape[1]
                if inside and not seen[r, c] and values[r, c] == values[row, col]:
                    seen[r, c] = True
                    queue.append((r, c))
        if len(patch) < least:
            small[tuple(np.transpose(patch))] = True
    return small


@pytest.mark.parametrize("least", [2, 5, 20, 1000])
@pytest.mark.parametrize("rows", [1, 2, 7, 40])
def test_patches_over_any_number_of_strips(least: int, rows: int) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        values = rng.choice(np.array([0, 1, 258], dtype=np.uint16), (40, 31), p=[0.4, 0.4, 0.2])
        found = SmallPatches(least)
        strips = [values[row : row + rows] for row in range(0, 40, rows)]
        for strip in strips:
            found.add(strip)
        found.finish()
        whole = np.concatenate([found.find(k, strip) for k, strip in enumerate(strips)])
        assert (whole == flooded(values, least)).all()
