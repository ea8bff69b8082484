"""Grids, windows and legends."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.grid import Grid, Window, blocks
from lulcseg.legend import IGNORE, PAPER_LEGEND, LandClass, Legend

GRID = Grid("EPSG:28355", 330_000.0, 8_050_000.25, 0.5, 0.25, 100, 80)
windows = st.builds(Window, st.integers(-50, 150), st.integers(-50, 150), st.integers(1, 90), st.integers(1, 90))


@given(windows)
def test_extent_of_a_window_gives_the_window_back(window: Window) -> None:
    assert GRID.window_of(GRID.bounds(window)) == window


@given(windows, windows)
def test_intersection_is_what_masks_say(one: Window, two: Window) -> None:
    frame = Window(-60, -60, 320, 320)
    masks = []
    for window in (one, two):
        mask = np.zeros((frame.height, frame.width), dtype=bool)
        mask[window.slices_in(frame)] = True
        masks.append(mask)
    common = one.intersection(two)
    assert (masks[0] & masks[1]).sum() == (0 if common.is_empty else common.height * common.width)
    assert one.contains(two) == (not (masks[1] & ~masks[0]).any())


@given(st.integers(1, 60), st.integers(1, 60))
def test_blocks_cover_a_window_once(height: int, width: int) -> None:
    window = Window(3, 5, 77, 101)
    count = np.zeros((200, 200), dtype=int)
    for block in blocks(window, height, width):
        count[block.slices_in(Window(0, 0, 200, 200))] += 1
    assert (count[window.slices_in(Window(0, 0, 200, 200))] == 1).all()
    assert count.sum() == 77 * 101


def test_rowcol_and_xy_are_inverse() -> None:
    row, col = np.array([0, 99, -1]), np.array([0, 79, 200])
    back = GRID.rowcol(*GRID.xy(row, col))
    assert back[0].tolist() == row.tolist()
    assert back[1].tolist() == col.tolist()


def test_shared_pixels_are_recognised() -> None:
    crop = GRID.crop(Window(7, 11, 5, 5))
    assert GRID.offset_of(crop) == (7, 11)
    moved = Grid(GRID.crs, crop.left + 0.2, crop.top, crop.xres, crop.yres, 5, 5)
    assert GRID.offset_of(moved) is None
    coarser = Grid(GRID.crs, crop.left, crop.top, crop.xres * 1.1, crop.yres, 5, 5)
    assert GRID.offset_of(coarser) is None


def test_codes_and_indices() -> None:
    legend = Legend((LandClass(10, "a", "#000000"), LandClass(30, "b", "#ffffff")))
    assert legend.index_to_code()[[0, 1, 2, 255]].tolist() == [10, 30, IGNORE, IGNORE]
    assert legend.code_to_index()[[10, 30, 0, 255]].tolist() == [0, 1, IGNORE, IGNORE]
    assert Legend.from_plain(legend.to_plain()) == legend
    assert PAPER_LEGEND.names == sorted(PAPER_LEGEND.names)


@pytest.mark.parametrize(
    ("classes", "part"),
    [
        ([(0, "a", "#000000")], "2 to"),
        ([(0, "a", "#000000"), (0, "b", "#000000")], "code 0 is used twice"),
        ([(0, "a", "#000000"), (1, "a", "#000000")], "name a is used twice"),
        ([(0, "a", "#000000"), (255, "b", "#000000")], "outside 0…254"),
        ([(0, "a", "#000000"), (1, "b", "red")], "not #rrggbb"),
    ],
)
def test_unsound_legends_are_refused(classes: list[tuple[int, str, str]], part: str) -> None:
    with pytest.raises(LulcsegError, match=part):
        Legend(tuple(LandClass(*c) for c in classes))


def test_errors_read_as_a_sentence_and_survive_a_worker() -> None:
    error = LulcsegError("it is empty", where="a.tif", remedy="fill it")
    assert str(error) == "a.tif: it is empty; fill it."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert did_you_mean("uniet", ["unet", "smp"]) == "did you mean 'unet'?"
    assert did_you_mean("zzz", ["b", "a"]) == "use one of: a, b"
