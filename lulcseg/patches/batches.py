"""How an epoch's patches are split into optimiser steps, devices and micro-batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from torch.utils.data import Sampler

from lulcseg.errors import LulcsegError


@dataclass(frozen=True)
class StepSchedule:
    """An epoch's patches in optimiser steps: which rank takes which, in how many micro-batches.

    Each ``batch_size`` consecutive patches in the epoch's order make one step. Within a step the ranks take
    patches in turn, so that their shares are disjoint and differ by one patch at most, whether or not the batch is a
    multiple of the ranks; a share larger than ``micro_batch`` is cut into as few micro-batches as possible, of sizes
    that differ by one at most. Every rank has the same number of micro-batches in every step: a rank with one more
    would wait forever for the others' collective call.

    The last step takes the remaining patches. Dropped are only patches that can't be split evenly: fewer than
    ranks, or, if a device holds a single patch at a time, a last round in which not every rank has one.
    As the order changes each epoch, other patches are dropped each time.

    Args:
        patches: Patches of the epoch, over all ranks.
        batch_size: Patches of one optimiser step, over all ranks.
        world_size: Number of ranks.
        micro_batch: Most patches a rank holds at once; None: its whole share.

    Raises:
        LulcsegError: There are fewer patches, or patches of a batch, than ranks; or the ranks hold a single patch at
            a time and the batch is no multiple of them.

    Examples:
        The paper's 9,635 patches of 512² in batches of 64 make 151 steps (Table 5):

        >>> schedule = StepSchedule(patches=9635, batch_size=64, world_size=2, micro_batch=16)
        >>> len(schedule), schedule.accumulate, schedule.dropped
        (151, 2, 0)
        >>> list(schedule.micro_batches(rank=1))[:2]
        [range(1, 33, 2), range(33, 65, 2)]
    """

    patches: int
    batch_size: int
    world_size: int = 1
    micro_batch: int | None = None

    def __post_init__(self) -> None:
        """Refuse what leaves a rank without a patch in some micro-batch."""
        if self.batch_size < self.world_size:
            raise LulcsegError(
                f"trainer.batch_size={self.batch_size} leaves some of {self.world_size} devices without a patch",
                where="configuration",
                remedy=f"use trainer.devices={self.batch_size}, or batches of {self.world_size} or more",
            )
        if self.batch_size % self.world_size and self.micro_batch == 1:
            raise LulcsegError(
                f"with trainer.micro_batch=1, trainer.batch_size={self.batch_size} can't be split across "
                f"{self.world_size} devices: in the last round of a step some would have no patch",
                where="configuration",
                remedy=f"set trainer.micro_batch=2, or trainer.batch_size={_nearest(self.batch_size, self.world_size)}",
            )
        if self.patches < self.world_size:
            raise LulcsegError(
                f"{self.patches} training patches cannot be shared among {self.world_size} devices",
                where="plan",
                remedy="use fewer devices",
            )

    @classmethod
    def without_steps(cls, patches: int, world_size: int, micro_batch: int) -> StepSchedule:
        """Split an epoch that has no optimiser steps (validation): nothing is dropped or repeated.

        Args:
            patches: Patches of the epoch, over all ranks.
            world_size: Number of ranks.
            micro_batch: Most patches a rank holds at once; 1 counts as 2, as single patches can't always be
                split evenly.

        Raises:
            LulcsegError: There are fewer patches than ranks.
        """
        if patches < world_size:
            raise LulcsegError(
                f"{patches} validation patches cannot be shared among {world_size} devices",
                where="plan",
                remedy="use fewer devices, or set validation.fraction higher or to 0",
            )
        share = math.ceil(patches / world_size)
        return cls(patches, share * world_size, world_size, max(2, micro_batch))

    @property
    def limit(self) -> int:
        """Most patches of one micro-batch."""
        return min(self._share, self.micro_batch or self._share)

    @property
    def accumulate(self) -> int:
        """Micro-batches of a full step."""
        return self._parts(self.batch_size)

    @property
    def dropped(self) -> int:
        """Patches that no rank gets in an epoch."""
        rest = self.patches % self.batch_size
        if rest < self.world_size:
            return rest
        return rest % self.world_size if self.limit == 1 else 0

    def __len__(self) -> int:
        """Return the number of optimiser steps of an epoch."""
        return math.ceil((self.patches - self.dropped) / self.batch_size)

    def micro_batches(self, rank: int) -> Iterator[range]:
        """Yield, for each micro-batch of a rank, its positions in the epoch's order."""
        kept = self.patches - self.dropped
        for start in range(0, kept, self.batch_size):
            stop = min(start + self.batch_size, kept)
            parts = self._parts(stop - start)
            own = range(start + rank, stop, self.world_size)
            cuts = [len(own) * i // parts for i in range(parts + 1)]
            yield from (own[low:high] for low, high in pairwise(cuts))

    @property
    def batches(self) -> int:
        """Number of micro-batches of each rank in an epoch."""
        last = self.patches - self.dropped - (len(self) - 1) * self.batch_size
        return (len(self) - 1) * self.accumulate + self._parts(last)

    @property
    def smallest(self) -> int:
        """Patches of the smallest micro-batch of an epoch, over all ranks.

        >>> StepSchedule(patches=16, batch_size=5).smallest, StepSchedule(patches=16, batch_size=6).smallest
        (1, 4)
        """
        kept = self.patches - self.dropped
        last = kept - (len(self) - 1) * self.batch_size
        steps = {last, self.batch_size} if len(self) > 1 else {last}
        return min(patches // self.world_size // self._parts(patches) for patches in steps)

    def without_singles(self) -> str:
        """Return which setting would leave no micro-batch of a single patch, as the beginning of a remedy.

        It is the nearest batch size, else the smallest micro-batch, else both; "" if there are too few patches.

        >>> StepSchedule(patches=16, batch_size=5).without_singles()
        'set trainer.batch_size=4, '
        >>> StepSchedule(patches=16, batch_size=4, micro_batch=1).without_singles()
        'set trainer.micro_batch=2, '
        """
        if self.micro_batch != 1 and (size := self._nearest_size()) is not None:
            return f"set trainer.batch_size={size}, "
        for micro in range(2, self._share + 1):
            if replace(self, micro_batch=micro).smallest > 1:
                return f"set trainer.micro_batch={micro}, "
        size = replace(self, micro_batch=None)._nearest_size()
        return "" if size is None else f"set trainer.batch_size={size} trainer.micro_batch=null, "

    def _nearest_size(self) -> int | None:
        """Return the nearest batch size by which no micro-batch is a single patch, or None."""
        stride = self.world_size if self.micro_batch == 1 else 1
        for distance in range(0, self.patches + self.batch_size + self.world_size, stride):
            for size in (self.batch_size - distance, self.batch_size + distance):
                if size >= self.world_size and replace(self, batch_size=size).smallest > 1:
                    return size
        return None

    @property
    def _share(self) -> int:
        """Most patches of one rank in a step."""
        return math.ceil(self.batch_size / self.world_size)

    def _parts(self, patches: int) -> int:
        """Return the number of micro-batches of each rank in a step."""
        return math.ceil(math.ceil(patches / self.world_size) / self.limit)


class PlanBatches(Sampler[list[Any]]):
    """Yield one rank's micro-batches of an epoch.

    Args:
        sampler: Yields the whole epoch's order, the same on all ranks. Lightning finds it here, and
            calls its ``set_epoch`` if it has one.
        steps: How that order is split.
        rank: This process's number, from 0.
    """

    def __init__(self, sampler: Sampler[Any], steps: StepSchedule, rank: int = 0) -> None:
        if not 0 <= rank < steps.world_size:
            raise ValueError(f"rank {rank} is not within a world of {steps.world_size}")
        self.sampler = sampler
        self.steps = steps
        self.rank = rank

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield lists of the sampler's items, one for each micro-batch."""
        order = list(self.sampler)
        for places in self.steps.micro_batches(self.rank):
            yield [order[place] for place in places]

    def __len__(self) -> int:
        """Return the number of micro-batches of an epoch, the same on all ranks."""
        return self.steps.batches


def _nearest(batch: int, world: int) -> str:
    """Return the multiple of ``world`` nearest to ``batch``, as text; both if two are."""
    below = batch // world * world
    above = below + world
    if below == 0 or above - batch < batch - below:
        return str(above)
    return str(below) if batch - below < above - batch else f"{below} or {above}"
