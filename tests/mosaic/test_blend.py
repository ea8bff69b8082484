"""Patches taller than what is handed on at once: finished rows come in pieces, each at its place."""

from __future__ import annotations

import torch

from lulcseg.grid import Window
from lulcseg.mosaic.blend import MOST_ROWS, RollingBlend


def test_tall_patches_are_handed_on_in_pieces():
    high, wide, top = 2 * MOST_ROWS + 44, 3, 50
    patches = torch.rand(2, 2, high, wide, generator=torch.Generator().manual_seed(0))
    part = Window(top, 0, 2 * high, wide)
    blend = RollingBlend(part, classes=2, rows=high, device=torch.device("cpu"))

    found = []
    for number, patch in enumerate(patches):
        row = top + number * high
        blend.add(Window(row, 0, high, wide), patch, torch.ones(high, wide, dtype=torch.bool), torch.ones(high, wide))
        found += list(blend.advance(row + high))

    assert [rows.row - top for rows in found] == [
        0,
        MOST_ROWS,
        2 * MOST_ROWS,
        *(high + MOST_ROWS * i for i in range(3)),
    ]
    assert torch.equal(torch.cat([rows.probabilities for rows in found], dim=1), torch.cat(list(patches), dim=1))
    assert all(rows.valid.all() for rows in found)
