"""Locks that one process takes: several at once, holders that are killed, file systems without locks."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from pathlib import Path

import filelock
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.locks import LockedElsewhereError, exclusive, replicate_lock

FORK = multiprocessing.get_context("fork")


def test_processes_come_one_after_the_other(tmp_path: Path) -> None:
    """Each reads a number and writes the next: none is lost, though the lock file comes and goes."""
    lock, number = tmp_path / ".lock", tmp_path / "number"
    number.write_text("0")

    def count() -> None:
        for _ in range(25):
            with exclusive(lock) as held:
                assert held
                before = int(number.read_text())
                number.write_text(str(before + 1))

    processes = [FORK.Process(target=count) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert number.read_text() == "100"
    assert [p.name for p in tmp_path.iterdir()] == ["number"]


def hold(lock: Path, ready: object) -> multiprocessing.Process:
    def run() -> None:
        with exclusive(lock):
            ready.set()  # type: ignore[attr-defined]
            signal.pause()

    process = FORK.Process(target=run)
    process.start()
    return process  # type: ignore[return-value]


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    lock, ready, waited = tmp_path / ".lock", FORK.Event(), []
    process = hold(lock, ready)
    assert ready.wait(30)
    with pytest.raises(LockedElsewhereError), exclusive(lock, wait=False):
        pass

    def kill() -> None:
        waited.append(True)
        os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]

    with exclusive(lock, on_wait=kill) as held:
        assert held
    assert waited == [True]
    assert not lock.exists()


def test_the_lock_held_is_the_file_that_others_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opened the file before its holder removed it holds nothing, and starts over."""
    lock, flock, calls = tmp_path / ".lock", filelock._unix.lock_fd_nonblocking, []

    def late(fd: int) -> bool:
        calls.append(fd)
        if len(calls) == 1:
            lock.unlink()
        return flock(fd)

    monkeypatch.setattr("filelock._unix.lock_fd_nonblocking", late)
    with exclusive(lock) as held:
        assert held
        with pytest.raises(LockedElsewhereError), exclusive(lock, wait=False):
            pass


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_nobody_holds_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(fd: int) -> bool:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("filelock._unix.lock_fd_nonblocking", refuse)
    with exclusive(tmp_path / ".lock") as held, exclusive(tmp_path / ".lock", wait=False) as again:
        assert not held
        assert not again


def test_a_lock_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="file"), exclusive(tmp_path / "file" / ".lock"):
        pass


def test_sweeps_are_refused_where_a_lock_would_do_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lulcseg.locks.sys.platform", "win32")
    with pytest.raises(LulcsegError, match="run sweeps on Linux, macOS or WSL"), replicate_lock(tmp_path / "seed0"):
        pass
