"""The rolling band of rows: weighted means, rows it refuses, and patches taller than what is yielded at once."""

from __future__ import annotations

import pytest
import torch

from lulcseg.grid import Window
from lulcseg.mosaic.blend import MOST_ROWS, RollingBlend

CPU = torch.device("cpu")


def test_tall_patches_are_yielded_in_pieces():
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


def test_the_blend_holds_a_patchs_rows_and_gives_weighted_means():
    blend = RollingBlend(Window(0, 0, 1000, 3), classes=2, rows=4, device=CPU)
    one = torch.ones(2, 4, 4)
    yes = torch.ones(4, 4, dtype=torch.bool)
    weight = torch.full((4, 4), 3.0)
    assert list(blend.advance(0)) == []
    blend.add(Window(0, 0, 4, 4), one, yes, torch.ones(4, 4))
    assert [rows.row for rows in blend.advance(2)] == [0]
    blend.add(Window(2, -2, 4, 4), 2 * one, yes, weight)
    (rows,) = blend.advance(6)
    assert rows.row == 2
    expected = torch.tensor([[7 / 4, 7 / 4, 1.0]] * 2 + [[2.0, 2.0, 0.0]] * 2)
    torch.testing.assert_close(rows.probabilities, expected.expand(2, 4, 3))
    assert rows.valid.tolist() == [[True] * 3] * 2 + [[True, True, False]] * 2
    rest = list(blend.advance(5000))
    assert rest[0].row == 6
    assert sum(r.valid.shape[0] for r in rest) == 994
    assert max(r.valid.shape[0] for r in rest) == 4
    assert not any(r.valid.any() or r.probabilities.any() for r in rest)


def test_the_blend_refuses_rows_it_does_not_hold():
    blend = RollingBlend(Window(0, 0, 20, 3), classes=2, rows=4, device=CPU)
    patch = torch.ones(2, 4, 4), torch.ones(4, 4, dtype=torch.bool), torch.ones(4, 4)
    with pytest.raises(ValueError, match="outside the rows held"):
        blend.add(Window(1, 0, 4, 4), *patch)
    list(blend.advance(4))
    with pytest.raises(ValueError, match="outside the rows held"):
        blend.add(Window(3, 0, 4, 4), *patch)


def test_finished_rows_stay_as_they_are():
    blend = RollingBlend(Window(0, 0, 8, 4), classes=1, rows=4, device=CPU)
    yes = torch.ones(4, 4, dtype=torch.bool)
    blend.add(Window(0, 0, 4, 4), torch.full((1, 4, 4), 0.5), yes, torch.ones(4, 4))
    (rows,) = blend.advance(4)
    blend.add(Window(4, 0, 4, 4), torch.full((1, 4, 4), 0.9), ~yes, torch.ones(4, 4))
    assert (rows.probabilities == 0.5).all()
    assert rows.valid.all()
