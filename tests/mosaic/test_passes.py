from __future__ import annotations

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.mosaic.blend import RollingBlend
from lulcseg.mosaic.passes import Pass, PassPlan, PatchView
from lulcseg.mosaic.patch_reader import read_patches, read_reflected
from lulcseg.mosaic.tiling import Tiling
from tests.support.pass_plans import CHEAP, CROP, GRIDS, MULTIPLE, ROTATIONS, SINGLE

CPU = torch.device("cpu")


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


def test_the_papers_plans():
    assert SINGLE.passes == (Pass(0, 0, (0,)),)
    assert [p.rotations for p in MULTIPLE.passes] == [(0, 1, 2, 3)] * 2
    assert [p.origin(8) for p in MULTIPLE.passes] == [(0, 0), (-4, -4)]
    assert [p.origin(7) for p in MULTIPLE.passes] == [(0, 0), (-4, -4)]
    assert MULTIPLE.weight == "cone"
    assert CHEAP.passes == (Pass(), Pass(0.5, 0.5, (2,)))
    assert (CROP.passes, CROP.weight) == ((Pass(),), "uniform")
    assert MULTIPLE.views_per_patch == 4
    assert ROTATIONS.passes == MULTIPLE.passes[:1], "what of multiple is rotation"
    assert [(p.offset_rows, p.offset_cols) for p in GRIDS.passes] == [(0, 0), (0.5, 0.5)]
    assert (GRIDS.weight, GRIDS.views_per_patch) == (MULTIPLE.weight, 1), "what of multiple is the second grid"
    assert (SINGLE.cost, MULTIPLE.cost, CHEAP.cost) == (1, 8, 2)
    assert CROP.cost == pytest.approx(16 / 9)


@pytest.mark.parametrize(
    "wrong",
    [{"offset_rows": 1.0}, {"offset_cols": -0.1}, {"rotations": ()}, {"rotations": (0, 4)}, {"rotations": (1, 1)}],
)
def test_passes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(LulcsegError, match="mosaic"):
        Pass(**wrong)


def test_a_plan_needs_a_pass():
    with pytest.raises(LulcsegError, match="no pass"):
        PassPlan(())


@pytest.mark.parametrize("trim", [-0.1, 0.5])
def test_something_must_be_left_of_a_patch(trim):
    with pytest.raises(LulcsegError, match=r"trim is .* below 0\.5"):
        PassPlan((Pass(),), trim=trim)


def test_views_are_all_turns_and_mirror_images_each_once():
    patch = torch.arange(9).reshape(1, 3, 3)
    views = Pass(rotations=(0, 1, 2, 3), flips=True).views
    turned = [view.of(patch) for view in views]
    assert len({tuple(t.flatten().tolist()) for t in turned}) == 8
    assert all(torch.equal(view.undo(t), patch) for view, t in zip(views, turned, strict=True))
    assert [v.flipped for v in views] == [False] * 4 + [True] * 4
    assert PatchView(1).of(patch).tolist() == np.rot90(patch[0], 1)[None].tolist()
    assert PatchView(0, True).of(patch).tolist() == [[[2, 1, 0], [5, 4, 3], [8, 7, 6]]]


def test_a_trimmed_patch_keeps_its_middle():
    assert (CROP.margin(512), CROP.step(512)) == (64, 384)
    first, second, *_ = Tiling(Window(0, 0, 800, 800), CROP, 512).tiles()
    assert first.core == Window(0, 0, 384, 384)
    assert first.window == Window(-64, -64, 512, 512)
    assert second.core.col == 384


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

    read = list(read_patches(reader, Tiling(reader.grid.window, SINGLE, 4).tiles(), ahead=2, wanted=wanted))
    assert [p.tile.window for p in read if not p.is_empty] == [Window(12, 20, 4, 4)] == asked


def test_a_readers_error_comes_through():
    reader = Stripes(10, 10)

    def fail(window):
        raise LulcsegError("tile is damaged", where="a.tif")

    reader.read = fail
    with pytest.raises(LulcsegError, match=r"a\.tif: tile is damaged"):
        list(read_patches(reader, Tiling(reader.grid.window, SINGLE, 4).tiles(), ahead=2))


def test_the_blend_holds_a_patchs_rows_and_gives_weighted_means():
    blend = RollingBlend(Window(0, 0, 1000, 3), classes=2, rows=4, device=CPU)
    assert blend.rows == 4
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
