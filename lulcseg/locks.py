"""Locks that say that a replicate is being run; the kernel opens those of processes that have died."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

_DYING = 60.0
"""Seconds to wait for a run whose sweep has been killed: it ends with its sweep, after the step it is in."""
_POLL = 0.2


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
        while not (taken := _take(handle)) and _holder_died(handle) and time.monotonic() < until:
            time.sleep(_POLL)
        if not taken:
            yield None
            return
        handle.truncate(0)
        json.dump({"host": socket.gethostname(), "pid": os.getpid()}, handle)
        handle.flush()
        yield handle.fileno()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock for a moment, waiting for it."""
    with path.open("a", encoding="utf-8") as handle:
        _take(handle, wait=True)
        yield


def is_locked(run_dir: Path) -> bool:
    """Whether some process runs a replicate now."""
    try:
        with lock_of(run_dir).open("r", encoding="utf-8") as handle:
            return not _take(handle, shared=True)
    except FileNotFoundError:
        return False


def _take(handle: IO[str], *, wait: bool = False, shared: bool = False) -> bool:
    """Lock an open file; False where another has. Where the file system has no locks, nobody has."""
    if sys.platform == "win32":
        return True
    import fcntl

    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(handle, kind)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _holder_died(handle: IO[str]) -> bool:
    """Whether the process that took the lock was of this machine and is no more."""
    handle.seek(0)
    try:
        holder: Any = json.loads(handle.read())
        if holder["host"] != socket.gethostname():
            return False
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return True
    except (ValueError, KeyError, TypeError, OSError):
        return False
    return False
