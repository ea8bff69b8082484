"""Passes and plans: the paper's values, invalid ones refused, views and trims."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.mosaic.passes import Pass, PassPlan, PatchView
from lulcseg.mosaic.tiling import Tiling
from tests.support.pass_plans import CHEAP, CROP, GRIDS, MULTIPLE, ROTATIONS, SINGLE


def test_the_papers_plans():
    assert SINGLE.passes == (Pass(0, 0, (0,)),)
    assert [p.rotations for p in MULTIPLE.passes] == [(0, 1, 2, 3)] * 2
    assert [p.origin(8) for p in MULTIPLE.passes] == [(0, 0), (-4, -4)]
    assert [p.origin(7) for p in MULTIPLE.passes] == [(0, 0), (-4, -4)]
    assert MULTIPLE.weight == "cone"
    assert CHEAP.passes == (Pass(), Pass(0.5, 0.5, (2,)))
    assert (CROP.passes, CROP.weight) == ((Pass(),), "uniform")
    assert MULTIPLE.views_per_patch == 4
    assert ROTATIONS.passes == MULTIPLE.passes[:1], "the effect of rotation alone"
    assert [(p.offset_rows, p.offset_cols) for p in GRIDS.passes] == [(0, 0), (0.5, 0.5)]
    assert (GRIDS.weight, GRIDS.views_per_patch) == (MULTIPLE.weight, 1), "the effect of the second grid alone"


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
    turned = [view.apply(patch) for view in views]
    assert len({tuple(t.flatten().tolist()) for t in turned}) == 8
    assert all(torch.equal(view.undo(t), patch) for view, t in zip(views, turned, strict=True))
    assert [v.flipped for v in views] == [False] * 4 + [True] * 4
    assert PatchView(1).apply(patch).tolist() == np.rot90(patch[0], 1)[None].tolist()
    assert PatchView(0, True).apply(patch).tolist() == [[[2, 1, 0], [5, 4, 3], [8, 7, 6]]]


def test_a_trimmed_patch_keeps_its_middle():
    assert (CROP.margin(512), CROP.step(512)) == (64, 384)
    first, second, *_ = Tiling(Window(0, 0, 800, 800), CROP, 512).tiles()
    assert first.core == Window(0, 0, 384, 384)
    assert first.window == Window(-64, -64, 512, 512)
    assert second.core.col == 384
