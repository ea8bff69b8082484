"""Patches are read ahead, in order, and reflected beyond the mosaic's edge."""

from __future__ import annotations

import numpy as np
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.mosaic.patch_reader import read_patches, read_reflected
from lulcseg.mosaic.tiling import Tiling
from tests.support.pass_plans import SINGLE


class Stripes:
    """Imagery whose value says where it is, and which refuses to be asked for what lies outside."""

    def __init__(self, height, width):
        self.grid = Grid("EPSG:28355", 3e5, 8e6, 0.5, 0.5, height, width)
        self.bands = 2
        self.whole = np.stack([np.indices((height, width))[i] for i in (0, 1)]).astype(np.uint16)
        self.valid = (self.whole.sum(axis=0) % 3) > 0

    def read(self, window):
        assert self.grid.window.contains(window)
        assert not window.is_empty
        rows, cols = window.slices_in(self.grid.window)
        return self.whole[:, rows, cols], self.valid[rows, cols]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (3, 4), (8, 8), (11, 13)])
@pytest.mark.parametrize(("row", "col"), [(0, 0), (-4, -4), (8, 8), (-4, 3), (5, -1)])
def test_reflected_reads_equal_numpys_padding(height, width, row, col):
    reader = Stripes(height, width)
    image, valid = read_reflected(reader, Window(row, col, 8, 8))
    pad = 24
    mode = [("reflect" if n > 1 else "edge") for n in (height, width)]

    def padded(array):
        array = np.pad(array, ((pad, pad), (0, 0)), mode=mode[0])
        array = np.pad(array, ((0, 0), (pad, pad)), mode=mode[1])
        return array[row + pad : row + pad + 8, col + pad : col + pad + 8]

    np.testing.assert_array_equal(image, np.stack([padded(band) for band in reader.whole]))
    np.testing.assert_array_equal(valid, padded(reader.valid))
    assert image.dtype == np.uint16


@pytest.mark.parametrize("ahead", [1, 3, 100])
def test_patches_come_in_order_and_empty_ones_say_so(ahead):
    reader = Stripes(10, 10)
    reader.valid[:] = False
    reader.valid[9, 9] = True
    read = list(read_patches(reader, Tiling(reader.grid.window, SINGLE, 4).tiles(), ahead=ahead))
    assert [p.number for p in read] == list(range(9))
    assert [p.tile for p in read] == list(Tiling(reader.grid.window, SINGLE, 4).tiles())
    assert [p.is_empty for p in read] == [True] * 8 + [False]


def test_a_patch_that_is_valid_only_in_its_reflection_is_empty():
    reader = Stripes(4, 10)
    reader.valid[:] = False
    reader.valid[:, 7] = True
    *_, last = read_patches(reader, Tiling(reader.grid.window, SINGLE, 4).tiles(), ahead=2)
    assert last.tile.window.col == 8
    assert last.valid[:, 3].all()
    assert last.is_empty


def test_no_more_than_ahead_patches_wait():
    reader = Stripes(40, 40)
    asked = []
    inner = reader.read
    reader.read = lambda window: asked.append(window) or inner(window)
    read = read_patches(reader, Tiling(reader.grid.window, SINGLE, 4).tiles(), ahead=5)
    for taken in range(1, 11):
        next(read)
        assert len(asked) <= taken + 5
    read.close()


def test_several_threads_read_with_readers_of_their_own_and_in_order():
    reader = Stripes(40, 40)
    clones = []

    def clone():
        clones.append(Stripes(40, 40))
        return clones[-1]

    reader.clone = clone
    read = list(read_patches(reader, Tiling(reader.grid.window, SINGLE, 4).tiles(), ahead=9, workers=3))
    assert [p.number for p in read] == list(range(100))
    assert len(clones) == 2
    for patch in read:
        rows, cols = patch.tile.window.slices_in(reader.grid.window)
        np.testing.assert_array_equal(patch.image, reader.whole[:, rows, cols])


def test_only_patches_whose_kept_part_is_wanted_are_read():
    reader = Stripes(40, 40)
    reader.valid[:] = True
    asked = []
    inner = reader.read
    reader.read = lambda window: asked.append(window) or inner(window)

    def wanted(window):
        mask = np.zeros((40, 40), bool)
        mask[13, 22] = True
        return mask[window.slices_in(reader.grid.window)]

    read = list(read_patches(reader, Tiling(reader.grid.window, SINGLE, 4).tiles(), ahead=2, mask=wanted))
    assert [p.tile.window for p in read if not p.is_empty] == [Window(12, 20, 4, 4)] == asked


def test_a_readers_error_comes_through():
    reader = Stripes(10, 10)

    def fail(window):
        raise LulcsegError("tile is damaged", where="a.tif")

    reader.read = fail
    with pytest.raises(LulcsegError, match=r"a\.tif: tile is damaged"):
        list(read_patches(reader, Tiling(reader.grid.window, SINGLE, 4).tiles(), ahead=2))
