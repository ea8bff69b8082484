"""Batches split across ranks and micro-batches."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.patches.batches import PlanBatches, StepSchedule

DEALS = [
    (share * world, world, micro)
    for world in (1, 2, 3, 4)
    for share in (1, 2, 3, 5, 6)
    for micro in (None, 1, 2, 3, 4, 9)
] + [(batch, world, micro) for batch, world in ((5, 4), (10, 4), (7, 2), (10, 8), (20, 8)) for micro in (None, 2, 3)]


@pytest.mark.parametrize(("batch", "world", "micro"), DEALS)
def test_ranks_share_every_step_in_equally_many_micro_batches(batch: int, world: int, micro: int | None) -> None:
    for patches in range(world, 3 * batch + 2):
        steps = StepSchedule(patches, batch, world, micro)
        dealt = [list(steps.micro_batches(rank)) for rank in range(world)]
        assert {len(share) for share in dealt} == {steps.batches}
        assert all(1 <= len(part) <= (micro or batch) for part in chain.from_iterable(dealt))
        assert sorted(chain.from_iterable(chain.from_iterable(dealt))) == list(range(patches - steps.dropped))
        sizes = [[len(part) for part in share] for share in dealt]
        for step in range(len(steps)):
            now = slice(step * steps.accumulate, (step + 1) * steps.accumulate)
            places = sorted(chain.from_iterable(chain.from_iterable(share[now] for share in dealt)))
            assert places == list(range(step * batch, min((step + 1) * batch, patches - steps.dropped)))
            shares = [sum(share[now]) for share in sizes]
            assert max(shares) - min(shares) <= 1
            assert all(max(share[now]) - min(share[now]) <= 1 for share in sizes)


@pytest.mark.parametrize(("batch", "world", "micro"), DEALS)
def test_the_smallest_micro_batch_is_known_and_how_to_have_none_of_one_patch(
    batch: int, world: int, micro: int | None
) -> None:
    for patches in range(world, 3 * batch + 2):
        steps = StepSchedule(patches, batch, world, micro)
        dealt = chain.from_iterable(steps.micro_batches(rank) for rank in range(world))
        assert steps.smallest == min(len(part) for part in dealt)
        advice = steps.without_singles()
        if advice == "":
            assert patches < 2 * world
            continue
        parts = [part.split("=") for part in advice.removeprefix("set ").removesuffix(", ").split()]
        better = replace(steps, **{n.removeprefix("trainer."): None if v == "null" else int(v) for n, v in parts})
        assert all(len(part) > 1 for rank in range(world) for part in better.micro_batches(rank))


@pytest.mark.parametrize(("batch", "world", "micro"), DEALS)
def test_only_what_cannot_be_dealt_is_dropped(batch: int, world: int, micro: int | None) -> None:
    for patches in range(world, 3 * batch + 2):
        steps = StepSchedule(patches, batch, world, micro)
        rest = patches % batch
        if rest < world:
            assert steps.dropped == rest
            assert len(steps) == patches // batch
        else:
            alone = micro == 1  # one patch a device at a time: a round in which some have none is left out
            assert steps.dropped == (rest % world if alone else 0)
            assert len(steps) == -(-patches // batch)


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize("micro", [1, 2, 3, 8])
def test_validation_is_neither_padded_nor_cut(world: int, micro: int) -> None:
    for patches in range(world, 30):
        steps = StepSchedule.without_steps(patches, world, micro)
        dealt = [list(steps.micro_batches(rank)) for rank in range(world)]
        assert sorted(chain.from_iterable(chain.from_iterable(dealt))) == list(range(patches))
        assert len({len(share) for share in dealt}) == 1
        lengths = [sum(map(len, share)) for share in dealt]
        assert max(lengths) - min(lengths) <= 1
        assert all(1 <= len(part) <= max(2, micro) for part in chain.from_iterable(dealt))


@pytest.mark.parametrize("world", [1, 2, 4, 8])
@pytest.mark.parametrize("micro", [None, 1, 2, 24])
def test_table_5_on_any_number_of_devices(world: int, micro: int | None) -> None:
    for patches, batch in ((9_635, 64), (2_412, 16), (38_533, 256), (154_514, 1024)):
        steps = StepSchedule(patches, batch, world, micro)
        assert len(steps) == 151
        assert -(-steps.batches // steps.accumulate) == 151, "Lightning steps after each full count, and at the end"


def test_batches_that_are_no_multiple_of_the_devices() -> None:
    steps = StepSchedule(1000, 10, 8)
    assert [list(next(steps.micro_batches(rank))) for rank in range(8)] == [
        [0, 8], [1, 9], [2], [3], [4], [5], [6], [7]
    ]  # fmt: skip
    with pytest.raises(LulcsegError, match=r"=3 leaves some of 8 devices without a patch; use trainer.devices=3, or"):
        StepSchedule(1000, 3, 8)
    for batch, world, nearest in ((10, 4, "8 or 12"), (10, 8, "8"), (50, 4, "48 or 52"), (150, 8, "152")):
        with pytest.raises(
            LulcsegError,
            match=rf"=1, trainer.batch_size={batch} can't be split across {world} devices.*=2, or.*={nearest}\.$",
        ):
            StepSchedule(1000, batch, world, 1)


def test_fewer_patches_than_devices_are_refused() -> None:
    with pytest.raises(LulcsegError, match="3 training patches cannot be shared among 4"):
        StepSchedule(3, 8, 4)
    with pytest.raises(LulcsegError, match="3 validation patches cannot be shared among 4"):
        StepSchedule.without_steps(3, 4, 2)
    with pytest.raises(ValueError, match="rank 2"):
        PlanBatches([], StepSchedule(8, 4, 2), rank=2)  # type: ignore[arg-type]
