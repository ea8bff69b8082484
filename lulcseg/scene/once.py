"""Files made once, whoever asks first: one process makes, the others wait for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing


def make_once(path: Path, make: Callable[[Path], None]) -> None:
    """Make a file unless it is there, in one of all the processes that ask for it at once.

    The file is written beside its name and renamed. A maker that is killed leaves its lock, which
    the kernel opens, and a hidden part, which the next maker removes; never a broken file.

    Args:
        path: The file, named by what it holds: one that is there is never made anew.
        make: Writes the file to the path that it is given.

    Raises:
        LulcsegError: The folder or the file can't be written.
    """
    if path.exists():
        return
    with one_at_a_time(path) as alone:
        if path.exists():
            return
        if alone:
            for stray in path.parent.glob(f".{path.stem}.*.part{path.suffix}"):
                stray.unlink(missing_ok=True)
        with replacing(path) as part:
            make(part)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[bool]:
    """Let one process at a time make a file or a folder; the others wait. Its parent folder is made.

    Args:
        path: What is to be made. Whoever has waited should look whether it is there.

    Yields:
        Whether no other process can be making it; False where the file system has no locks.

    Raises:
        LulcsegError: The folder can't be written, or what is made there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(path.with_name(f".{path.name}.lock"), path) as alone:
            yield alone
    except OSError as error:
        raise LulcsegError(
            f"it can't be written ({error.strerror})", where=path.parent, remedy="set cache= to a folder that can"
        ) from error


@contextmanager
def _held(lock: Path, path: Path) -> Iterator[bool]:
    """Hold a lock file, waiting for it; tell whether it is held (some file systems have no locks)."""
    while True:
        handle = lock.open("w")
        try:
            alone = _take(handle, path)
            # whoever held it before has removed it: those who waited for the old file start over
            if not alone or _still_there(lock, handle):
                break
        except BaseException:
            handle.close()
            raise
        handle.close()
    try:
        yield alone
    finally:
        with suppress(OSError):
            lock.unlink()
        handle.close()


def _take(handle: IO[str], path: Path) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write(f"Waiting for another process that is making {path}\n")
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def _still_there(lock: Path, handle: IO[str]) -> bool:
    try:
        return lock.stat().st_ino == os.fstat(handle.fileno()).st_ino
    except FileNotFoundError:
        return False
