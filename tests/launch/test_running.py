"""A replicate's lock, process, folder and state."""

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

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json
from lulcseg.launch import sweep_runs as sweep
from lulcseg.launch.compose import compose
from lulcseg.launch.status import ReplicateStatus, print_status, seconds_left, survey
from lulcseg.launch.sweep_runs import begin_sweep, run_replicate
from lulcseg.launch.trial_folder import check_layout, write_trial
from lulcseg.locks import is_locked, lock_of, replicate_lock
from lulcseg.processes import as_keyboard_interrupt
from lulcseg.run.resume import recording_outcome
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RecordWriter, RunRecord
from tests.support.checkout import ROOT


def wait_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not there():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.005)


def a_run(folder: Path, value: str = "on", seed: int = 0, **changed: Any) -> Any:
    settings = compose("train", ["scene=any", f"seed={seed}", f"name={value}"])
    settings.trial.name, settings.trial.value, settings.trial.level = "t", value, changed.pop("level", None)
    settings.trial.changed = changed.pop("changed", "refuse")
    settings.run_dir = str(changed.pop("run_dir", folder / "t" / value / f"seed{seed}"))
    settings.optim.learning_rate = changed.pop("rate", 0.1)
    return settings


def record(run_dir: Path, **content: Any) -> Path:
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "record.json").write_text(json.dumps(content))
    return run_dir


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders of replicates that were started; their fingerprint is their learning rate."""
    found: list[str] = []

    def run(run_dir: Path, lock: int) -> int:
        found.append("/".join(run_dir.parts[-2:]))
        asked = read_json(run_dir / "replicate.json")
        assert asked is not None
        assert is_locked(run_dir)
        if "broken" in str(run_dir):
            return -9
        record(run_dir, state="finished", fingerprint=str(asked["settings"]["optim"]["learning_rate"]))
        return 0

    monkeypatch.setattr(sweep, "run_child", run)
    monkeypatch.setattr("lulcseg.run.fingerprint.fingerprint_of", lambda s: str(s.optim.learning_rate))
    return found


def test_a_lock_is_one_processs_until_it_lets_go(tmp_path: Path) -> None:
    run_dir = tmp_path / "on" / "seed0"
    assert not is_locked(run_dir)
    with replicate_lock(run_dir) as mine:
        assert mine is not None
        assert is_locked(run_dir)
        with replicate_lock(run_dir) as other:
            assert other is None, "two hold it"
    assert not is_locked(run_dir)
    with replicate_lock(run_dir) as again:
        assert again is not None


def test_a_lock_of_a_process_that_is_ending_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir = tmp_path / "on" / "seed0"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    holder = replicate_lock(run_dir)
    holder.__enter__()
    content = json.loads(lock_of(run_dir).read_text()) | {"pid": dead.pid}
    lock_of(run_dir).write_text(json.dumps(content))
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            holder.__exit__(None, None, None)

    monkeypatch.setattr("lulcseg.locks.time.sleep", nap)
    with replicate_lock(run_dir) as taken:
        assert taken is not None
    assert len(naps) == 3


def stub(folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "wait").mkdir(exist_ok=True)
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "tests.support.replicate_stub", str(folder)], env=env)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_replicate_is_interrupted_with_its_sweep_and_stays_locked_till_then(
    tmp_path: Path, number: signal.Signals
) -> None:
    sweeping = stub(tmp_path / "sweep")
    told = tmp_path / "wait" / "pid"
    wait_for(lambda: told.exists() and bool(told.read_text()) and is_locked(tmp_path / "wait"))
    pid = int(told.read_text())
    assert pid != sweeping.pid
    assert os.getpgid(pid) == pid, "it is in its sweep's group, and Ctrl-C would reach it twice"
    sweeping.send_signal(number)
    sweeping.wait(60)
    wait_for((tmp_path / "wait" / "interrupted").exists)
    wait_for(lambda: not is_locked(tmp_path / "wait"))


def test_a_replicate_hears_an_interruption_though_a_background_job_started_it() -> None:
    code = """
import signal
from lulcseg.launch.child_process import end_with_parent
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
end_with_parent()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("heard")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "heard\n"


def test_a_replicates_exit_code_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lulcseg.launch import child_process as child

    monkeypatch.setattr(child, "_MODULE", "tests.support.replicate_stub")
    monkeypatch.setenv("RANK", "1")
    (tmp_path / "fail").mkdir()
    with replicate_lock(tmp_path / "fail") as lock:
        assert lock is not None
        assert child.run_child(tmp_path / "fail", lock) == 3


def test_only_what_is_missing_is_run(tmp_path: Path, started: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    runs = [a_run(tmp_path, "on", 0), a_run(tmp_path, "on", 1), a_run(tmp_path, "off", 0), a_run(tmp_path, "off", 1)]
    record(tmp_path / "t/on/seed0", state="finished", fingerprint="0.1")
    record(tmp_path / "t/on/seed1", state="failed", fingerprint="0.1")
    record(tmp_path / "t/off/seed0", state="running", fingerprint="0.2")
    begin_sweep(runs)
    for run in runs:
        run_replicate("train", run, "c")
    assert started == ["on/seed1", "off/seed0", "off/seed1"]
    aside = tmp_path / "t/.moved_aside/off/seed0.0.2/record.json"
    assert read_json(aside) == {"state": "running", "fingerprint": "0.2"}, "what was there is lost"
    assert "on, seed 0: done already" in capsys.readouterr().out


def test_finished_runs_by_other_settings_are_refused_kept_or_run_anew(tmp_path: Path, started: list[str]) -> None:
    run_dir = record(tmp_path / "t/on/seed0", state="finished", fingerprint="0.2")
    (run_dir / "config.yaml").write_text("optim: {learning_rate: 0.2}")
    with pytest.raises(LulcsegError, match=r"1 finished run is by other settings.*optim\.learning_rate"):
        begin_sweep([a_run(tmp_path)])
    assert not (tmp_path / "t" / "trial.json").exists()
    run_replicate("train", a_run(tmp_path), "c")
    run_replicate("train", a_run(tmp_path, changed="keep"), "c")
    assert started == []
    begin_sweep([a_run(tmp_path, changed="redo")])
    run_replicate("train", a_run(tmp_path, changed="redo"), "c")
    assert started == ["on/seed0"]
    assert read_json(tmp_path / "t/.moved_aside/on/seed0.0.2/record.json") is not None
    assert (read_json(run_dir / "record.json") or {})["fingerprint"] == "0.1"


def test_a_process_that_dies_is_recorded_and_raises_nothing(tmp_path: Path, started: list[str]) -> None:
    run_replicate("train", a_run(tmp_path, "broken"), "c")
    told = read_json(tmp_path / "t/broken/seed0/record.json") or {}
    assert told["state"] == "failed"
    assert told["error"] == "Its process was ended by signal 9, perhaps for lack of memory."
    assert told["trial"] == {"name": "t", "value": "broken", "level": None}


def test_a_replicate_that_runs_elsewhere_and_other_tasks_run_nothing(
    tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with replicate_lock(tmp_path / "t/on/seed0"):
        run_replicate("train", a_run(tmp_path), "c")
    monkeypatch.setenv("SLURM_PROCID", "1")
    run_replicate("train", a_run(tmp_path), "c")
    assert started == []


def test_runs_lie_as_a_trials_do(tmp_path: Path) -> None:
    assert check_layout([a_run(tmp_path, "on"), a_run(tmp_path, "off")]) == tmp_path / "t"
    for runs, part in (
        ([a_run(tmp_path, run_dir=tmp_path / "elsewhere")], "belongs in …/on/seed0"),
        ([a_run(tmp_path), a_run(tmp_path)], "two runs of the sweep would share it"),
        ([a_run(tmp_path), a_run(tmp_path / "b", "off")], "lie in 2 trials"),
    ):
        with pytest.raises(LulcsegError, match=part):
            check_layout(runs)


def test_a_trials_description_grows_and_is_not_anothers(tmp_path: Path) -> None:
    first, second = a_run(tmp_path, "b10", 0, level=10.0), a_run(tmp_path, "b50", 1, level=50.0)
    for run in (first, second):
        run.trial.contrast.kind, run.trial.contrast.values = "difference", ["b10", "b50"]
    write_trial(tmp_path, [first])
    assert (read_json(tmp_path / "trial.json") or {})["contrast"] == {"kind": None, "values": None}
    write_trial(tmp_path, [second])
    told = read_json(tmp_path / "trial.json") or {}
    assert told["values"] == [{"name": "b10", "level": 10}, {"name": "b50", "level": 50}]
    assert (told["seeds"], told["contrast"]) == ([0, 1], {"kind": "difference", "values": ["b10", "b50"]})
    first.trial.name = "other"
    with pytest.raises(LulcsegError, match="it holds trial 't'"):
        write_trial(tmp_path, [first])


def test_the_state_of_a_trial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial = tmp_path / "t"
    write_trial(trial, [a_run(tmp_path, v, s) for v in ("on", "off") for s in range(3)])
    record(
        trial / "on/seed0",
        state="finished",
        training_seconds=100.0,
        maps=[{"scene": "s", "path": "maps/s.tif", "seconds": 20.0}],
    )
    failed = record(trial / "on/seed1", state="failed", error="It [was] bad.")
    cut = record(trial / "on/seed2", state="interrupted", error="It was interrupted.")
    (cut / "progress.json").write_text('{"epoch": 5, "epochs": 20}')
    running = record(trial / "off/seed0", state="running")
    (running / "progress.json").write_text('{"epoch": 15, "epochs": 20}')
    record(
        trial / "off/seed1",
        state="mapped",
        training_seconds=9000.0,
        maps=[{"scene": "s", "path": "maps/s.tif", "seconds": 60.0}],
    )
    with replicate_lock(running):
        runs = survey(trial)
        print_status(trial, runs)
    assert [run.state for run in runs] == ["done", "failed", "cut off", "running", "done", "missing"]
    assert [run.seconds for run in runs] == [120.0, None, None, None, 60.0, None]
    # on: 1 + 0.75 of 120 s; off: 0.25 + 1 of 60 s
    assert seconds_left(runs) == pytest.approx(1.75 * 120 + 1.25 * 60)
    shown = capsys.readouterr().out
    assert "It [was] bad." in shown
    assert "off, seed 0: running, 15 of 20 epochs done" in shown
    assert failed.is_dir()
    with pytest.raises(LulcsegError, match=r"it is not the folder of a trial; give a folder that holds trial\.json"):
        survey(tmp_path)


def test_an_interrupted_run_has_not_failed(tmp_path: Path) -> None:
    begun = RecordWriter(RunFolder(tmp_path), RunRecord.of(state="running"))
    with pytest.raises(KeyboardInterrupt), recording_outcome(begun, "finished"), as_keyboard_interrupt():
        raise SystemExit(1)  # Lightning's answer to an interruption
    assert begun.record.state == "interrupted"
    assert begun.record.error == "It was interrupted."
    with pytest.raises(ValueError, match="odd"), recording_outcome(begun, "finished"), as_keyboard_interrupt():
        raise ValueError("odd")
    assert (begun.record.state, begun.record.error) == ("failed", "ValueError: odd")


def test_time_left_is_unknown_before_anything_is_done_and_shared_by_what_runs_at_once() -> None:
    assert seconds_left([ReplicateStatus("a", 0, "missing")]) is None
    assert seconds_left([ReplicateStatus("a", 0, "done", 10.0)]) == 0
    runs = [
        ReplicateStatus("a", 0, "done", 10.0),
        ReplicateStatus("b", 0, "running"),
        ReplicateStatus("b", 1, "running"),
    ]
    assert seconds_left(runs) == pytest.approx(10.0)
