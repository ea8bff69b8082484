"""The benchmark of the study's arms: every group is composed, and ratios are those of each round."""

from __future__ import annotations

import pytest


@pytest.fixture
def study_arms(benchmark_module):
    return benchmark_module("study_arms")


def test_ratios_are_to_the_groups_first_arm_in_the_same_round(study_arms):
    found = {"loss": {"base": [1.0, 2.0, 4.0], "other": [2.0, 2.0, 6.0]}, "batch": {"one": [3.0, 3.0, 3.0]}}
    rows = {(row["group"], row["arm"]): row for row in study_arms.compared(found)}
    other = rows["loss", "other"]
    assert (other["seconds"], other["ratio"], other["least"], other["greatest"]) == (2.0, 1.5, 1.0, 2.0)
    assert rows["batch", "one"]["ratio"] == 1
    assert "| loss | other | 2.00 | 1.50 | 1.00 to 2.00 |" in study_arms.as_table(list(rows.values()))


def test_arms_take_turns_and_each_is_tried_once_before(study_arms, capsys):
    order: list[str] = []

    def work(name: str, pixels: int):
        return lambda: order.append(name) or pixels

    found = study_arms.timed({"g": {"a": work("a", 10), "b": work("b", 20)}}, rounds=2, seconds=0.0)
    assert order == ["a", "b"] * 3
    assert [len(seconds) for seconds in found["g"].values()] == [2, 2]
    assert "round 2 of 2" in capsys.readouterr().out


def test_a_training_step_learns_in_the_experiments_sizes(study_arms):
    step = study_arms.training_step("augment_transfer", "mini")
    assert step() == 4 * 128**2
    assert step() == 4 * 128**2
