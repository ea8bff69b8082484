"""Locks between processes; the kernel releases those of processes that have died.

:func:`exclusive` is a lock that one process takes, with the ``filelock`` library. :func:`replicate_lock` is
inherited by the process that runs the replicate and lasts as long as either lives, which needs ``fcntl`` itself.
Where the file system has no locks, no lock counts as held.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from lulcseg.errors import LulcsegError

_DYING = 60.0
"""Seconds to wait for a run whose sweep has been killed: it ends with its sweep, after the step it is in."""
_POLL = 0.2

_UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
"""What file systems without locks answer."""


class LockedElsewhereError(Exception):
    """Another process holds the lock."""


@contextmanager
def exclusive(path: Path, *, wait: bool = True, on_wait: Callable[[], None] | None = None) -> Iterator[bool]:
    """Hold a lock file, which is removed afterwards.

    Args:
        path: The lock file; its folder exists.
        wait: Whether to wait for another process that holds it.
        on_wait: Called once before waiting.

    Yields:
        Whether the lock is held; False where the file system has no locks.

    Raises:
        LockedElsewhereError: Another process holds it, and ``wait`` is False.
        OSError: The lock file can't be opened.
    """
    lock = FileLock(path, fallback_to_soft=False)
    try:
        _acquire(lock, wait=wait, on_wait=on_wait)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        yield False
        return
    try:
        yield True
    finally:
        # While it is held: those who wait find their open file unlinked, and start over with a new one.
        with suppress(OSError):
            path.unlink()
        lock.release()


def _acquire(lock: FileLock, *, wait: bool, on_wait: Callable[[], None] | None) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        if not wait:
            raise LockedElsewhereError from None
        if on_wait is not None:
            on_wait()
        lock.acquire()


def lock_of(run_dir: Path) -> Path:
    """Return the lock file of a replicate: beside its folder, which may be moved aside under it."""
    return run_dir.with_name(f".{run_dir.name}.lock")


@contextmanager
def replicate_lock(run_dir: Path, longest_wait: float = _DYING) -> Iterator[int | None]:
    """Hold a replicate's lock.

    The process that runs the replicate inherits the descriptor, and with it the lock: it stays locked
    until that process has ended too, whatever becomes of this one.

    Args:
        run_dir: The replicate's folder.
        longest_wait: Seconds to wait where the process that took the lock has died and its run is ending.

    Yields:
        The descriptor; None where another process runs the replicate.
    """
    path = lock_of(run_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        until = time.monotonic() + longest_wait
        while not (taken := _lock(handle)) and _holder_died(handle) and time.monotonic() < until:
            time.sleep(_POLL)
        if not taken:
            yield None
            return
        handle.truncate(0)
        json.dump({"host": socket.gethostname(), "pid": os.getpid()}, handle)
        handle.flush()
        yield handle.fileno()


def is_locked(run_dir: Path) -> bool:
    """Return whether some process runs a replicate now."""
    try:
        with lock_of(run_dir).open("r", encoding="utf-8") as handle:
            return not _lock(handle, shared=True)
    except FileNotFoundError:
        return False


def _lock(handle: IO[str], *, shared: bool = False) -> bool:
    """Lock an open file without waiting; return False where another process holds it."""
    if sys.platform == "win32":
        raise LulcsegError(
            "Windows has no locks that a child process inherits, by which two sweeps keep out of each other's way",
            where="trial",
            remedy="run sweeps on Linux, macOS or WSL; single runs work",
        )
    import fcntl

    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no locks
        return True
    return True


def has_ended(pid: int) -> bool:
    """Return whether this machine has no process of a number; False where that can't be told."""
    if sys.platform == "win32":  # os.kill would end it
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _holder_died(handle: IO[str]) -> bool:
    """Return whether the process that took the lock was of this machine and has ended."""
    handle.seek(0)
    try:
        holder: Any = json.loads(handle.read())
        if holder["host"] != socket.gethostname():
            return False
        return has_ended(int(holder["pid"]))
    except (ValueError, KeyError, TypeError):
        return False
