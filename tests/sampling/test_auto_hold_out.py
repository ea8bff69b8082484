"""Ground held out by default: a tenth where there is room, else none, with the reason."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapely

from lulcseg.grid import Grid, Window
from lulcseg.legend import LandClass, Legend
from lulcseg.sampling.auto_hold_out import fitting_side
from lulcseg.sampling.plan import Plan
from tests.support.plans import GRID, FakeScene, stratified

WIDE = replace(GRID, height=1000, width=1600)
SCENE = FakeScene(grid=WIDE, features=[(0, Window(0, 0, 1000, 1600)), (1, Window(0, 0, 1000, 1600))])
BERRIES = FakeScene(
    "berries", grid=replace(WIDE, left=400_000.0), features=[(2, Window(i, 0, 30, 30)) for i in (0, 960)]
)
BY_DEFAULT = (None, 2048)


def of(*scenes: Any, **settings: Any) -> Plan:
    plan: Plan = stratified(*scenes, **{"patches": 600, "validation": BY_DEFAULT} | settings)
    return plan


def test_a_tenth_is_held_out_where_there_is_room() -> None:
    plan = of(SCENE)
    held = shapely.box(*np.array(plan.meta["validation"]["held_out"]["here"]).T)
    assert shapely.area(shapely.union_all(held)) / (1000 * 1600 * WIDE.pixel_area) == pytest.approx(0.1, abs=0.04)
    assert plan.validates
    side = plan.meta["validation"]["block"]
    assert 3 * 32 <= side <= 400
    assert plan.meta["notes"][-1].startswith(f"{(plan.rows['split'] == 'validation').sum()} patches in ")
    assert f"blocks of {side} pixels are held out" in plan.meta["notes"][-1]
    again = of(SCENE, validation=(0.1, side))
    assert plan.digest() == again.digest(), "not the blocks that the same numbers give when they are stated"


def test_two_dates_hold_out_the_same_ground_by_default() -> None:
    held = of(SCENE, replace(SCENE, name="earlier")).meta["validation"]["held_out"]
    assert held["here"] == held["earlier"]


def test_without_room_nothing_is_held_out_and_the_reason_is_said() -> None:
    whole = of(SCENE, validation=None, patch_size=160)
    plan = of(SCENE, patch_size=160)
    assert (plan.digest(), plan.meta["validation"], plan.validates) == (whole.digest(), None, False)
    assert plan.meta["notes"] == [
        "No ground is held out for validation: a tenth of scene 'here' is a block of 400 pixels, less than 3 patches "
        "of 160."
    ]
    small = FakeScene("small", features=SCENE.features)
    assert "scene 'small' is a block of 219" in of(SCENE, small, patch_size=80).meta["notes"][0]


def test_no_class_loses_all_its_patches() -> None:
    small = (2, Window(500, 700, 20, 30))
    scene = FakeScene(grid=WIDE, features=[*SCENE.features, small])
    plans = [of(scene, seed=seed) for seed in range(12)]
    without = [plan for plan in plans if not plan.validates]
    assert 0 < len(without) < 12
    for plan in without:
        assert "training would lose all patches drawn for Berry" in plan.meta["notes"][0]
    for plan in plans:
        assert (plan.rows.loc[plan.rows["split"] == "train", "class_index"] == 2).any()


def test_an_empty_side_is_no_error_by_default() -> None:
    far = FakeScene(grid=WIDE, features=[(1, Window(0, 0, 40, 40)), (2, Window(0, 40, 40, 40))])
    plan = of(far, patches=20)
    assert not plan.validates
    assert "leaves no patch for" in plan.meta["notes"][0]


def test_too_few_validation_patches_are_not_held_out() -> None:
    plan = of(SCENE, patches=150)
    assert not plan.validates
    assert plan.digest() == of(SCENE, patches=150, validation=None).digest()
    (note,) = plan.meta["notes"]
    assert re.fullmatch(r"No ground is held out .*: a tenth would be \d+ patches, fewer than 20\.", note)


def test_ground_of_one_class_is_not_held_out() -> None:
    # stripes 100 wide: a block shows few of the five classes
    legend = Legend(tuple(LandClass(i, f"Class {i}", f"#0000{i:02}") for i in range(5)))
    strips = [(0, Window(0, 0, 1000, 1200)), *((i, Window(0, 1100 + 100 * i, 1000, 100)) for i in range(1, 5))]
    scene = FakeScene(grid=WIDE, legend=legend, features=strips)
    plans = [of(scene, seed=seed, patches=2000) for seed in range(6)]
    notes = [plan.meta["notes"][0] for plan in plans if not plan.validates]
    assert 0 < len(notes) < 6
    for note in notes:
        assert re.search(r"a tenth would be \d+ patches that show [12] of 5 classes \(less than 1,000 pixels of ", note)


def test_a_stated_share_is_held_out_and_what_it_does_not_show_is_said() -> None:
    plan = of(SCENE, BERRIES, patches=150, validation=(0.1, 200))
    assert plan.validates
    n = (plan.rows["split"] == "validation").sum()
    assert plan.meta["notes"] == [
        f"The {n} validation patches show 2 of 3 classes (less than 1,000 pixels of Berry): too little to judge by."
    ]
    assert of(SCENE, validation=(0.3, 200)).meta["notes"] == []


def test_a_class_that_validation_does_not_show_is_named_by_default() -> None:
    plan = of(SCENE, BERRIES, patches=1200)
    assert plan.validates
    assert plan.meta["notes"][-1].endswith("show 2 of 3 classes (less than 1,000 pixels of Berry).")


@pytest.mark.parametrize(
    ("height", "width", "least", "most"),
    [(2048, 2048, 384, 647), (1000, 1600, 96, 400), (600, 600, 96, 189), (500, 500, 400, 400)],
)
def test_blocks_leave_little_ground_in_incomplete_ones(height: int, width: int, least: int, most: int) -> None:
    grid = Grid("EPSG:28355", 0.0, 0.0, 1.0, 1.0, height, width)
    found = fitting_side([grid], least, most)

    def left_over(one: int) -> int:
        return height * width - height // one * one * (width // one) * one

    every = [one for one in range(most, least - 1, -1) if one >= 0.7 * most]
    assert found == max(every, key=lambda one: (-left_over(one), one))
