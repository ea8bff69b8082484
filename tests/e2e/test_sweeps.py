"""Sweeps from the command line: cut off, started again, failing in part, and predicting what is trained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.launch.jobs import jobs_of
from lulcseg.launch.status import survey
from lulcseg.launch.sweep_runs import begin_sweep
from lulcseg.locks import is_locked
from lulcseg.run.train import train
from tests.conftest import scene_maker
from tests.support.checkout import ROOT

EPOCHS = 8
SMALL = [
    "sampling.patch_size=32", "sampling.match_total=null", "sampling.patches=96", "model.filters=8", "model.depth=3",
    f"trainer.epochs={EPOCHS}", "trainer.accelerator=cpu", "trainer.precision=32-true", "reading.workers=0",
    "augment=light", "logger=none", "sampling.background=null",
]  # fmt: skip
VALUES = ["+experiment=batch10,batch50", "seed=0,1"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scene, in which sweeps are run."""
    root = tmp_path_factory.mktemp("sweeps")
    scene_maker(root)("ground")
    return root


def settings(folder: Path) -> list[str]:
    return ["+sweeps=batch_size", f"scene={folder}/ground/scene.yaml", f"cache={folder}/cache", *SMALL]


def start(folder: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    env = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    command = [sys.executable, str(ROOT / script), "-m", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def record_of(run_dir: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run_dir / "record.json").read_text())
    return content


def states(trial: Path) -> dict[str, str]:
    return {f"{run.value}/seed{run.seed}": run.state for run in survey(trial)}


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_when(process: subprocess.Popen[str], there: Callable[[], bool]) -> None:
    """Kill a sweep and the replicate that it runs, with no chance to say anything, once something is there."""
    until = time.monotonic() + 200
    while not there():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, "it never came so far"
        time.sleep(0.005)
    replicates = children(process.pid)
    process.kill()
    for pid in replicates:
        os.kill(pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def swept(folder: Path) -> Path:
    """A sweep of two values and two seeds, killed in its second run and started again."""
    trial = folder / "runs" / "batch_size"
    second = trial / "batch10" / "seed1"
    kill_when(start(folder, "train.py", *settings(folder), *VALUES), (second / "checkpoints" / "last.ckpt").exists)
    before = {
        "batch10/seed0": "done",
        "batch10/seed1": "cut off",
        "batch50/seed0": "missing",
        "batch50/seed1": "missing",
    }
    assert states(trial) == before
    assert not is_locked(second)
    done = (trial / "batch10" / "seed0" / "record.json").read_bytes()
    code, output = finish(start(folder, "train.py", *settings(folder), *VALUES))
    assert code == 0, output
    assert set(states(trial).values()) == {"done"}
    assert (trial / "batch10" / "seed0" / "record.json").read_bytes() == done, "a finished run was run again"
    return trial


def test_a_resumed_run_ends_as_one_that_was_never_cut_off(swept: Path, folder: Path, tmp_path: Path) -> None:
    resumed = swept / "batch10" / "seed1"
    record = record_of(resumed)
    assert (record["attempts"], record["goes_on_from"]) == (2, "checkpoints/last.ckpt")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    whole = [o for o in settings(folder) if not o.startswith("+sweeps")]
    train(compose("train", [*whole, "+experiment=batch10", "seed=1", "sampling.seed=0", f"run_dir={tmp_path / 'run'}"]))
    torch.set_num_threads(threads)
    confusion = "assessment/ground_single_confusion.csv"
    assert (resumed / confusion).read_text() == (tmp_path / "run" / confusion).read_text()
    scores = [json.loads((run / "assessment/ground_single.json").read_text()) for run in (resumed, tmp_path / "run")]
    assert scores[0]["kappa"] == scores[1]["kappa"]
    assert scores[0]["kappa"] > 0.3, "nothing was learnt, so that nothing was compared"
    curves = [pd.read_csv(run / "metrics.csv")["train/loss_epoch"].dropna() for run in (resumed, tmp_path / "run")]
    assert len(curves[0]) == len(curves[1]) == EPOCHS
    assert curves[0].to_numpy() == pytest.approx(curves[1].to_numpy(), rel=1e-6)
    weights = [torch.load(r / "checkpoints/last.ckpt", weights_only=True) for r in (resumed, tmp_path / "run")]
    for name, values in weights[0]["state_dict"].items():
        torch.testing.assert_close(values, weights[1]["state_dict"][name], rtol=1e-5, atol=1e-6)
    single = record_of(tmp_path / "run")
    assert single["trial"] is None
    assert single["attempts"] == 1
    assert single["fingerprint"] == record["fingerprint"], "the same settings and files have two fingerprints"


def test_runs_of_a_trial_share_a_plan_and_say_what_they_took(swept: Path) -> None:
    records = [record_of(run_dir) for run_dir in sorted(swept.glob("*/seed*"))]
    assert len({r["plan"]["digest"] for r in records}) == 1
    assert len({r["fingerprint"] for r in records}) == 4
    for r in records:
        assert r["trial"] == {"name": "batch_size", "value": r["name"], "level": int(r["name"].removeprefix("batch"))}
        assert 0 < r["reading_seconds"] < r["training_seconds"]
        assert 50e6 < r["peak_memory_bytes"] < 50e9
        assert r["peak_device_memory_bytes"] is None or torch.cuda.is_available()
        assert r["command"].startswith("python train.py -m +sweeps=batch_size")
    told = json.loads((swept / "trial.json").read_text())
    assert told["values"] == [{"name": "batch10", "level": 10}, {"name": "batch50", "level": 50}]
    assert (told["seeds"], told["contrast"]) == ([0, 1], {"kind": "slope", "values": None})


def test_a_finished_sweep_started_again_trains_nothing(swept: Path, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in swept.rglob("*.ckpt")}
    code, output = finish(start(folder, "train.py", *settings(folder), *VALUES))
    assert code == 0, output
    assert output.count("done already") == 4
    assert {path: path.stat().st_mtime_ns for path in swept.rglob("*.ckpt")} == before


def test_finished_runs_by_other_settings_are_not_taken_for_these(
    swept: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    def runs(*changed: str) -> list[Any]:
        return [job.settings for job in jobs_of("train", [*settings(folder), *VALUES, *changed])]

    begin_sweep(runs("logger=none", "reading.workers=2", f"cache={folder}/cache"))
    with pytest.raises(LulcsegError, match=r"4 finished runs are by other .*: optim.learning_rate\); choose another"):
        begin_sweep(runs("optim.learning_rate=0.5"))
    image = folder / "ground" / "image.tif"
    kept = image.stat()
    os.utime(image, ns=(kept.st_atime_ns, kept.st_mtime_ns + 1))
    try:
        from lulcseg.run import fingerprint

        fingerprint._opened.cache_clear()
        with pytest.raises(LulcsegError, match="a file of a scene"):
            begin_sweep(runs())
    finally:
        os.utime(image, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def test_models_are_predicted_again_and_what_fails_does_not_stop_the_rest(swept: Path, folder: Path) -> None:
    passes = ["+sweeps=passes", "seed=0,7", "mosaic=multiple", f"cache={folder}/cache", "accelerator=cpu"]
    passes.append("checkpoint=runs/batch_size/batch10/seed${seed}/checkpoints/best.ckpt")
    code, output = finish(start(folder, "predict.py", *passes))
    assert code == 1, output
    trial = folder / "runs" / "passes"
    assert states(trial) == {"multiple/seed0": "done", "multiple/seed7": "failed"}
    failed = record_of(trial / "multiple" / "seed7")
    assert "there is no such checkpoint" in failed["error"]
    assert "1 run is not done" in output
    mapped, trained = record_of(trial / "multiple" / "seed0"), record_of(swept / "batch10" / "seed0")
    assert mapped["state"] == "mapped"
    assert mapped["training_seconds"] == trained["training_seconds"], "its training is the model's"
    assert mapped["plan"]["digest"] == trained["plan"]["digest"]
    assert (trial / "multiple/seed0/assessment/ground_multiple.json").is_file()
    assert trained == record_of(swept / "batch10" / "seed0"), "predicting again changed the trained run"


def test_joblib_leaves_what_is_done_alone(swept: Path, folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    options = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    code, output = finish(start(folder, "train.py", *settings(folder), *VALUES, *options))
    assert code == 0, output
    assert output.count("done already") == 4


def test_a_queued_replicate_of_two_processes_makes_one_run(folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    two = ["trainer.devices=2", "trainer.strategy=ddp", "trainer.epochs=1", "trial.name=two", "+experiment=batch10"]
    options = ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=10", "seed=0"]
    code, output = finish(start(folder, "train.py", *settings(folder), *two, *options))
    assert code == 0, output
    trial = folder / "runs" / "two"
    assert states(trial) == {"batch10/seed0": "done"}
    record = record_of(trial / "batch10" / "seed0")
    assert record["steps"] == -(-record["plan"]["train"] // 10)
    assert len(list(trial.rglob("record.json"))) == 1, "the second process made a run of its own"
