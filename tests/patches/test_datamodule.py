"""From a plan to batches."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from lulcseg.grid import Window
from lulcseg.patches import datamodule
from lulcseg.patches.datamodule import PatchData, default_workers
from lulcseg.sampling.plan import Plan, patch_rows
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene


def test_batches_an_epoch_are_table_5s(make_scene: Callable[..., Path], cache: Path) -> None:
    """The paper's 9,635 patches in batches of 64 make 151 steps; so do its other sizes."""
    scene = Scene.open(str(make_scene()), cache)
    data = SceneDataset(scene)
    for patches, batch in ((9_635, 64), (2_412, 16), (38_533, 256), (154_514, 1024)):
        corner = np.zeros(patches, dtype=np.int64)
        rows = patch_rows(scene.name, scene.grid, corner, corner, 8)
        plan = Plan(rows, {"scenes": {scene.name: asdict(scene.grid)}})
        loader = PatchData({scene.name: data}, plan, batch_size=batch, workers=0).train_dataloader()
        assert len(loader) == 151


def test_loaders_walk_their_own_split(make_scene: Callable[..., Path], cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    corner = np.arange(10, dtype=np.int64)
    rows = patch_rows(scene.name, scene.grid, corner * 4, corner, 8)
    rows["split"] = ["train"] * 7 + ["validation"] * 3
    plan = Plan(rows, {"scenes": {scene.name: asdict(scene.grid)}})
    data = PatchData({scene.name: SceneDataset(scene)}, plan, batch_size=4, workers=0)
    seen = [sum(len(batch["mask"]) for batch in loader) for loader in (data.train_dataloader(), data.val_dataloader())]
    assert seen == [7, 3]
    first = next(iter(data.val_dataloader()))["image"][0]
    assert torch.equal(first, SceneDataset(scene).read(Window(28, 7, 8, 8))["image"])


Make = Callable[..., Path]


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
