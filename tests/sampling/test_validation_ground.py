"""What validation patches show of the classes: ground, counted once, against a count of pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lulcseg.grid import Window
from lulcseg.sampling.feature_pool import pooled
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.validation_ground import LEAST_PIXELS, ValidationGround, _pixels, measure_validation
from tests.support.plans import GRID, WEST, FakeScene, stratified

SCENE = FakeScene(features=[*WEST, (2, Window(500, 700, 20, 30))])


def split(plan: Plan, seed: int = 0) -> Plan:
    """Make every other patch one for validation, at random, so that they overlap."""
    side = np.where(np.random.default_rng(seed).random(len(plan)) < 0.5, "validation", "train")
    return Plan(plan.rows.assign(split=side), plan.meta)


def test_ground_under_several_patches_counts_once() -> None:
    plan = split(stratified(SCENE, patches=400))
    under = np.zeros((GRID.height, GRID.width), dtype=bool)
    mine = plan.rows[plan.rows["split"] == "validation"]
    for row, col, size in mine[["row", "col", "size"]].itertuples(index=False):
        under[row : row + size, col : col + size] = True
    expected = np.zeros(3)
    for index, w in SCENE.features:
        expected[index] += under[w.row : w.row_end, w.col : w.col_end].sum()
    assert 0 < expected.min() < LEAST_PIXELS < expected[:2].min()
    assert _pixels(plan, "here", pooled([SCENE])) == pytest.approx(expected)
    found = measure_validation(plan, pooled([SCENE]))
    assert found == ValidationGround(len(mine), ["Other", "Cane"], ["Berry"])


def test_scenes_add_up_and_a_class_without_polygons_is_not_missing() -> None:
    scenes = [FakeScene(name, features=[(0, Window(0, 0, 600, 800)), (1, Window(9, 9, 25, 25))]) for name in "ab"]
    plan = stratified(*scenes, patches=300)
    every = Plan(plan.rows.assign(split="validation"), plan.meta)
    assert measure_validation(every, pooled(scenes)) == ValidationGround(len(plan), ["Other", "Cane"], [])
    one = Plan(every.rows.assign(split=np.where(every.rows["scene"] == "a", "validation", "train")), every.meta)
    assert measure_validation(one, pooled(scenes)).missing == ["Cane"], "625 pixels are not 1,000"
    none = Plan(every.rows.assign(split="train"), every.meta)
    assert measure_validation(none, pooled(scenes)) == ValidationGround(0, [], ["Other", "Cane"])


def test_more_than_half_of_the_classes_and_two_are_enough() -> None:
    enough = ValidationGround(20, ["a", "b"], ["c"])
    assert enough.shortfall is None
    for little in (
        replace(enough, patches=19),
        replace(enough, missing=["c", "d"]),
        replace(enough, shown=["a"], missing=[]),
    ):
        assert little.shortfall is not None
        assert little.warning is not None
        assert little.warning.endswith("too little to judge by.")
