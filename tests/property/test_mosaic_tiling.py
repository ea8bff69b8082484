from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lulcseg.grid import Window
from lulcseg.mosaic.passes import Pass, PassPlan
from lulcseg.mosaic.patch_reader import reflected
from lulcseg.mosaic.tiling import Tiling
from lulcseg.mosaic.weight_windows import WEIGHTS, weight_window

sizes = st.integers(1, 40)
offsets = st.floats(0, 1, exclude_max=True)
turns = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True).map(tuple)
passes = st.lists(st.builds(Pass, offsets, offsets, turns, st.booleans()), min_size=1, max_size=3).map(tuple)
plans = st.builds(PassPlan, passes, trim=st.floats(0, 0.49))


@given(sizes, sizes, sizes, plans)
def test_every_pass_covers_every_pixel_once(height, width, patch, plan):
    frame = Window(0, 0, height, width)
    seen = np.zeros((len(plan.passes), height, width), int)
    for tile in Tiling(frame, plan, patch).tiles():
        assert (tile.window.height, tile.window.width) == (patch, patch)
        assert tile.window.contains(tile.core)
        inside = tile.core.intersection(frame)
        assert not inside.is_empty
        seen[tile.pass_index, *inside.slices_in(frame)] += 1
    assert (seen == 1).all()


@given(sizes, sizes, sizes, plans)
def test_order_is_by_row_then_pass_then_column_and_counts_agree(height, width, patch, plan):
    tiling = Tiling(Window(0, 0, height, width), plan, patch)
    order = list(tiling.tiles())
    keys = [(t.window.row, t.pass_index, t.window.col) for t in order]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys) == tiling.count()
    assert tiling.count_samples() == sum(len(plan.passes[t.pass_index].views) for t in order)


@given(sizes, sizes, sizes, plans, st.data())
def test_a_part_has_the_wholes_patches_that_meet_it(height, width, patch, plan, data):
    tiling = Tiling(Window(0, 0, height, width), plan, patch)
    row, col = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    part = Window(row, col, data.draw(st.integers(1, height - row)), data.draw(st.integers(1, width - col)))
    expected = [t for t in tiling.tiles() if not t.core.intersection(part).is_empty]
    assert list(tiling.tiles(part)) == expected
    assert tiling.count(part) == len(expected)


@given(st.integers(-100, 100), st.integers(1, 100), st.integers(1, 30))
def test_reflection_is_numpys(start, length, size):
    axis = np.arange(size)
    before, after = max(0, -start), max(0, start + length - size)
    padded = np.pad(axis, (before, after), mode="reflect") if size > 1 else np.zeros(before + size + after, int)
    assert reflected(start, length, size).tolist() == padded[start + before : start + before + length].tolist()


@given(st.sampled_from(WEIGHTS), st.integers(1, 65))
def test_weights_are_positive_and_symmetric(name, patch):
    weight = weight_window(name, patch)
    assert weight.shape == (patch, patch)
    assert weight.dtype == np.float32
    assert weight.min() > 0
    assert weight.max() <= 1
    for turned in (np.rot90(weight), weight[::-1], weight[:, ::-1], weight.T):
        np.testing.assert_array_equal(turned, weight)


@given(st.integers(2, 65))
def test_cone_falls_with_distance_from_the_centre(patch):
    weight = weight_window("cone", patch).astype(float)
    axis = np.arange(patch) - (patch - 1) / 2
    distance = np.sqrt(axis[:, None] ** 2 + axis**2)
    order = np.argsort(distance, axis=None, kind="stable")
    near, far = distance.ravel()[order][:-1], distance.ravel()[order][1:]
    drop = weight.ravel()[order][:-1] - weight.ravel()[order][1:]
    assert (drop[far - near > 1e-9] > 0).all()
    assert (np.abs(drop[far - near <= 1e-9]) < 1e-6).all()
    assert np.isclose(weight[0, 0], 1 / patch)


@given(st.integers(1, 65), st.data())
def test_weights_are_what_their_names_say(patch, data):
    """Each at a pixel, by its formula: distances are from the patch's centre, its edges half a pixel further out."""
    i, j = (data.draw(st.integers(0, patch - 1)) for _ in range(2))
    y, x = (abs(n + 0.5 - patch / 2) / (patch / 2) for n in (i, j))  # 0 in the middle, 1 at the edge
    expected = {
        "uniform": 1.0,
        "cone": 1 - math.sqrt((x**2 + y**2) / 2),
        "pyramid": 1 - max(x, y),
        "hann": (1 + math.cos(math.pi * x)) / 2 * (1 + math.cos(math.pi * y)) / 2,
        "gaussian": math.exp(-2 * (x**2 + y**2)),  # a quarter of the patch is half of the way to the edge
    }
    assert set(expected) == set(WEIGHTS)
    for name, value in expected.items():
        assert math.isclose(weight_window(name, patch)[i, j], value, rel_tol=1e-5, abs_tol=1e-7), name
