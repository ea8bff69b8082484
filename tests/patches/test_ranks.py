"""Batches dealt to ranks and micro-batches, and the loader that walks them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import asdict
from itertools import chain, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from lulcseg.errors import LulcsegError
from lulcseg.patches import datamodule
from lulcseg.patches.batches import PlanBatches, StepSchedule
from lulcseg.patches.datamodule import PatchData, default_workers
from lulcseg.sampling.plan import Plan, patch_rows
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene

Make = Callable[..., Path]
DEALS = [
    (share * world, world, micro)
    for world in (1, 2, 3, 4)
    for share in (1, 2, 3, 5, 6)
    for micro in (None, 1, 2, 3, 4, 9)
]


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


def test_a_batch_that_does_not_divide_is_told_the_nearest_that_does() -> None:
    for batch, world, nearest in (
        (10, 4, "8 or 12"), (10, 8, "8"), (50, 4, "48 or 52"), (150, 8, "152"), (250, 8, "248"), (3, 8, "8"),
    ):  # fmt: skip
        with pytest.raises(
            LulcsegError, match=rf"={batch} isn't divisible by {world} devices.*nearest.* is {nearest}\.$"
        ):
            StepSchedule(1000, batch, world)
    with pytest.raises(LulcsegError, match="3 training patches cannot be shared among 4"):
        StepSchedule(3, 8, 4)
    with pytest.raises(LulcsegError, match="3 validation patches cannot be shared among 4"):
        StepSchedule.without_steps(3, 4, 2)
    with pytest.raises(ValueError, match="rank 2"):
        PlanBatches([], StepSchedule(8, 4, 2), rank=2)  # type: ignore[arg-type]


def test_each_process_gets_its_part_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datamodule.os, "sched_getaffinity", lambda _: set(range(16)))
    assert [default_workers(n) for n in (1, 2, 4, 8, 32)] == [8, 7, 3, 0, 0]


def data_of(make_scene: Make, cache: Path, patches: int, **settings: Any) -> PatchData:
    scene = Scene.open(str(make_scene()), cache)
    corner = np.arange(patches, dtype=np.int64)
    rows = patch_rows(scene.name, scene.grid, corner * 2, corner * 3, 8)
    return PatchData(
        {scene.name: SceneDataset(scene)}, Plan(rows, {"scenes": {scene.name: asdict(scene.grid)}}), **settings
    )


def test_ranks_loaders_walk_the_plan(make_scene: Make, cache: Path) -> None:
    data = data_of(make_scene, cache, 13, batch_size=6, micro_batch=2, workers=0, seed=3)
    whole = [image for batch in data.train_dataloader() for image in batch["image"]]
    walked = []
    for rank in (0, 1):
        device = torch.device("cpu")
        data.trainer = SimpleNamespace(  # type: ignore[assignment]
            world_size=2, global_rank=rank, num_devices=2, strategy=SimpleNamespace(root_device=device)
        )
        loader = data.train_dataloader()
        batches = list(loader)
        assert len(batches) == len(loader) == 4
        assert not loader.pin_memory
        assert {batch["image"].dtype for batch in batches} == {torch.uint8}
        walked += [image.numpy().tobytes() for batch in batches for image in batch["image"]]
    assert data.steps(2).dropped == 1
    assert sorted(walked) == sorted(image.numpy().tobytes() for image in whole[:12])
    data.trainer.strategy.root_device = torch.device("cuda")  # type: ignore[misc]
    assert data.train_dataloader().pin_memory


def test_loader_processes_may_be_spawned(make_scene: Make, cache: Path) -> None:
    """What a spawned process is sent survives it, after files have been opened here."""
    loader = data_of(make_scene, cache, 5, batch_size=2, workers=0).train_dataloader()
    before = list(loader)
    dataset, collate = pickle.loads(pickle.dumps((loader.dataset, loader.collate_fn)))
    places = list(loader.batch_sampler)  # type: ignore[arg-type]
    for batch, at in zip(before, places, strict=True):
        again = collate([dataset[place] for place in at])
        assert all(torch.equal(batch[key], again[key]) for key in batch)


class Walker(pl.LightningModule):
    """Learns nothing; keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: list[list[bytes]] = []

    def on_train_epoch_start(self) -> None:
        self.seen.append([])

    def training_step(self, batch: Any, batch_index: int) -> torch.Tensor:
        self.seen[-1] += [image.numpy().tobytes() for image in batch["image"]]
        return self.weight.sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        assert self.trainer.estimated_stepping_batches, "makes the loaders before a checkpoint's epoch is restored"
        return torch.optim.SGD(self.parameters(), lr=0.1)


def walk(data: PatchData, epochs: int, folder: Path, resume: Path | None = None) -> list[list[bytes]]:
    walker = Walker()
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        use_distributed_sampler=False, default_root_dir=folder,
        callbacks=[pl.callbacks.ModelCheckpoint(folder, filename="last", save_on_train_epoch_end=True)],
    )  # fmt: skip
    trainer.fit(walker, datamodule=data, ckpt_path=resume, weights_only=True)
    return walker.seen


@pytest.mark.parametrize("workers", [0, 1])
def test_orders_change_by_epoch_and_go_on_from_a_checkpoint(
    make_scene: Make, cache: Path, tmp_path: Path, workers: int
) -> None:
    data = data_of(make_scene, cache, 12, batch_size=4, workers=workers, prefetch=2)
    epochs = walk(data, 3, tmp_path / "whole")
    assert all(sorted(a) == sorted(b) and a != b for a, b in pairwise(epochs))
    assert len(set(epochs[0])) == 12
    assert walk(data, 2, tmp_path / "half") == epochs[:2]
    again = data_of(lambda: make_scene("again"), cache, 12, batch_size=4, workers=workers, prefetch=2)
    assert walk(again, 3, tmp_path / "rest", tmp_path / "half" / "last.ckpt") == epochs[2:]
