"""Two processes (gloo) train as one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from lulcseg.grid import Window
from lulcseg.legend import IGNORE
from lulcseg.run import fit as fitting
from lulcseg.scene.dataset import SceneDataset
from lulcseg.scene.scene import Scene
from lulcseg.training.record_reading import load_checkpoint
from tests.e2e import two_ranks
from tests.e2e.two_ranks import MICRO, SIZE, TRAIN, fingerprint, places
from tests.support.checkout import ROOT

Diaries = list[dict[str, Any]]


def diaries(folder: Path, ranks: int) -> Diaries:
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(ranks)]


SHARES = {  # patches of each rank's micro-batches in an epoch, by the batch
    8: [[2, 2, 2, 2, 1, 2], [2, 2, 2, 2, 1, 1]],
    7: [[2, 2, 2, 2, 2, 2], [1, 2, 1, 2, 1, 2]],  # no multiple of two
}


@pytest.mark.parametrize(("loss", "batch"), [("cross_entropy", 8), pytest.param("lovasz", 7, marks=pytest.mark.slow)])
def test_two_processes_train_as_one(
    make_scene: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str, batch: int
) -> None:
    labels = {"file": "labels.gpkg", "column": "class", "uncovered": "ignore"}
    path, cache = make_scene(labels=labels), tmp_path / "cache"
    monkeypatch.setattr(fitting, "SegmentationTask", fitting.SegmentationTask)  # put back what train() replaces
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    alone = two_ranks.train(path, cache, tmp_path / "one", devices=1, micro_batch=None, loss=loss, batch=batch)
    arguments = [str(a) for a in (path, cache, tmp_path / "two", loss, batch)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.e2e.two_ranks", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]

    dataset = SceneDataset(Scene.open(str(path), cache))
    patches = [dataset.read(Window(row, col, SIZE, SIZE)) for row, col in places()]
    names = [fingerprint(patch["image"]) for patch in patches]
    labelled = [int((patch["mask"] != IGNORE).sum()) for patch in patches]
    assert len(set(names)) == len(names)
    assert 0 in labelled[:TRAIN], "no patch is without labels: weighting isn't tried"
    assert sum(labelled[TRAIN:]) > 0

    one, (first, second) = diaries(tmp_path / "one", 1)[0], diaries(tmp_path / "two", 2)
    check_shares(first, second, names, SHARES[batch])
    check_steps(one, first, second, batch)
    for epoch_counts in zip(first["confusion"]["val"], second["confusion"]["val"], strict=True):
        assert set(epoch_counts) == {sum(labelled[TRAIN:])}, "validation patches are counted not just once"
    assert set(first["confusion"]["train"]) == {sum(labelled[:TRAIN])}
    assert alone.dropped_patches == 0
    check_weights(tmp_path)
    assert first["metrics"].keys() == one["metrics"].keys()
    for key, value in one["metrics"].items():
        assert first["metrics"][key] == pytest.approx(value, abs=1e-4), key


def check_shares(first: dict[str, Any], second: dict[str, Any], names: list[str], shares: list[list[int]]) -> None:
    """Ranks are disjoint, together the plan, in another order each epoch, with as many batches as each other."""
    orders = []
    for epoch in (0, 1):
        batches = [[batch[1:] for batch in d["train"] if batch[0] == epoch] for d in (first, second)]
        assert [[len(b) for b in rank] for rank in batches] == shares
        seen = list(chain.from_iterable(chain.from_iterable(batches)))
        assert sorted(seen) == sorted(names[:TRAIN])
        orders.append(seen)
        held = [[batch[1:] for batch in d["validation"] if batch[0] == epoch] for d in (first, second)]
        assert [[len(b) for b in rank] for rank in held] == [[1, 2], [1, 1]]
        assert sorted(chain.from_iterable(chain.from_iterable(held))) == sorted(names[TRAIN:])
    assert orders[0] != orders[1]
    assert max(len(batch) - 1 for batch in first["train"]) <= MICRO


def check_steps(one: dict[str, Any], first: dict[str, Any], second: dict[str, Any], batch_size: int) -> None:
    """Steps follow Table 5's rule, and each step is of the same patches as in a single process."""
    steps = -(-TRAIN // batch_size)
    assert one["steps"] == first["steps"] == second["steps"] == 2 * steps
    for step in range(2 * steps):
        whole = one["train"][step][1:]
        parts = [batch[1:] for diary in (first, second) for batch in diary["train"][2 * step : 2 * step + 2]]
        assert sorted(whole) == sorted(chain.from_iterable(parts))


def check_weights(folder: Path) -> None:
    """Both ranks end with the same weights, those of the checkpoint and, but for rounding, of a single process."""
    one = torch.load(folder / "one" / "rank0.pt")
    first, second = (torch.load(folder / "two" / f"rank{rank}.pt") for rank in (0, 1))
    saved = load_checkpoint(folder / "two" / "checkpoints" / "last.ckpt")[1]["state_dict"]
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), name
        assert torch.equal(weight, saved[f"network.{name}"]), name
        torch.testing.assert_close(weight, one[name], rtol=0, atol=1e-5)
    assert (folder / "two" / "checkpoints" / "best.ckpt").is_file()
