"""How a run computes is decided when it begins, recorded, and kept by what goes on from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lulcseg.launch.jobs import jobs_from
from lulcseg.run.resume import Earlier
from lulcseg.run.settled_computing import decide_computing, mapping_precision, with_computing
from lulcseg.run.train import train
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.config import TrainConfig
from lulcseg.training.kept_speed import keep_measurement
from lulcseg.training.measured_speed import Computing, Measured, Measurement, Work

QUICK = [
    "sampling.patch_size=16", "sampling.patches=8", "model.filters=2", "model.depth=1",
    "trainer.batch_size=4", "trainer.epochs=2", "reading.workers=0", "logger.name=none", "mosaic=single",
]  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LULCSEG_CACHE", str(tmp_path / "cache"))


def settings(*words: str) -> TrainConfig:
    (job,) = jobs_from("train", [*QUICK, *words])
    return job.settings


def keep(config: TrainConfig, *, training: str, mapping: str, threads: int = 0) -> None:
    """Keep measurements by which each number format is half as fast as the given one."""
    for kind, use in ((training, True), (mapping, False)):
        work = Work(config.model, 3, config.sampling.patch_size, training=use)
        formats = tuple(
            Measured(Computing(p, layout, 1), 1.0, (0.5 if p == kind else 1.0) * (1 if layout else 0.8))
            for layout in (True, False)
            for p in ("32-true", "bf16-mixed")
        )
        counts = (Measured(replace(formats[0].computing, threads=threads), 1.0, 0.1),) if threads and use else ()
        keep_measurement(work, Measurement(formats, counts), again=True)


def test_tuned_leaves_all_to_the_measurement_and_auto_the_format() -> None:
    tuned, auto = settings("trainer=tuned"), settings("trainer=cpu")
    keep(tuned, training="bf16-mixed", mapping="32-true", threads=3)
    found = decide_computing(tuned, 3)
    assert found["training"] == {
        "precision": "bf16-mixed", "channels_last": False, "threads": 3, "decided_by": "measurement",
    }  # fmt: skip
    trainer = with_computing(tuned, found).trainer
    assert (trainer.precision, trainer.channels_last, trainer.threads) == ("bf16-mixed", False, 3)
    found = decide_computing(auto, 3)
    trainer = with_computing(auto, found).trainer
    assert (trainer.precision, trainer.channels_last, trainer.threads) == ("bf16-mixed", True, None)
    assert mapping_precision(auto, found) == "32-true"
    assert decide_computing(replace(auto, stop_after="plan"), 3) == {}
    assert with_computing(auto, None) == with_computing(auto, {}) == auto


def test_what_a_user_sets_stays() -> None:
    config = settings("trainer=cpu", "trainer.precision=32-true", "trainer.threads=1")
    keep(config, training="bf16-mixed", mapping="bf16-mixed", threads=3)
    found = decide_computing(config, 3)
    assert found["training"] == {
        "precision": "32-true", "channels_last": True, "threads": 1, "decided_by": "settings",
    }  # fmt: skip
    assert mapping_precision(config, found) == "32-true"


def test_the_next_attempt_takes_over_what_was_decided() -> None:
    decided = {"training": {"precision": "32-true"}}
    earlier = Earlier(RunRecord.of(attempts=1, computing=decided))
    assert earlier.taken_over("another plan")["computing"] == decided


def test_a_run_computes_as_measured_and_whatever_goes_on_keeps_it(
    make_scene: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["trainer=tuned", f"scene={make_scene()}", f"cache={tmp_path / 'scenes'}"]
    config = settings(*words, f"run_dir={tmp_path / 'run'}")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    keep(config, training="32-true", mapping="bf16-mixed", threads=1)
    train(config)
    out = capsys.readouterr().out
    assert "Computing in 32-true, contiguous, threads: 1, as was measured to be fastest here" in out
    record = RunRecord.load(RunFolder(tmp_path / "run"))
    assert record.computing is not None
    assert record.computing["training"]["precision"] == "32-true"
    assert record.computing["mapping"]["precision"] == "bf16-mixed"
    (item,) = (tmp_path / "run" / "maps").glob("*.json")
    assert 'precision": "torch.bfloat16"' in item.read_text()
    keep(config, training="bf16-mixed", mapping="32-true", threads=2)
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    found = decide_computing(settings(*words, f"ckpt_path={last}"), 3)["training"]
    assert (found["precision"], found["channels_last"], found["threads"]) == ("32-true", False, 1)
    assert found["decided_by"] == "checkpoint"
    found = decide_computing(settings(*words, f"ckpt_path={last}", "trainer.precision=bf16-mixed"), 3)["training"]
    assert found["precision"] == "bf16-mixed"
    assert decide_computing(config, 3)["training"]["precision"] == "bf16-mixed"
