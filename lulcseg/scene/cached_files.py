"""Cached files, made by the first process that asks; others that ask at the same time wait for it.

Beside each lies its SHA-256, which a process compares when it first uses the file: what was damaged since is made anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing, sha256_of
from lulcseg.locks import exclusive

_VERIFIED: dict[Path, tuple[int, int]] = {}
"""Files that this process has verified, with the size and the time of change that they had."""


def make_once(path: Path, make: Callable[[Path], None]) -> None:
    """Make a file unless it exists and is as it was made, in one of all processes that ask for it.

    The file is written under a temporary name and renamed. A process that is killed on the way leaves a
    hidden part, which the next one removes; never a broken file.

    Args:
        path: The file, named by what it holds: an existing one is never made again.
        make: Writes the file to the path that it is given, and raises unless all of it was written.

    Raises:
        LulcsegError: The folder or the file can't be written.
    """
    if _is_whole(path):
        return
    with one_at_a_time(path) as alone:
        if _is_whole(path):
            return
        if path.exists():
            sys.stderr.write(f"{path} is damaged, or of an earlier version: it is made anew\n")
        if alone:
            for stray in path.parent.glob(f".{path.stem}.*.part{path.suffix}"):
                stray.unlink(missing_ok=True)
        with replacing(path) as part:
            make(part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            with replacing(digest_of(path)) as digest:  # first: a file without its digest is not used
                digest.write_text(sha256_of(part) + "\n", encoding="ascii")
        _VERIFIED[path] = _stamp(path)


def digest_of(path: Path) -> Path:
    """Return the file that holds a cached file's SHA-256."""
    return path.with_name(path.name + ".sha256")


def _is_whole(path: Path) -> bool:
    """Return whether a cached file exists with the content that it was made with."""
    try:
        stamp = _stamp(path)
        if _VERIFIED.get(path) == stamp:
            return True
        stated = digest_of(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return False
    if sha256_of(path) != stated:
        return False
    _VERIFIED[path] = stamp
    return True


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


@contextmanager
def one_at_a_time(path: Path) -> Iterator[bool]:
    """Let one process at a time make a file or a folder; others wait. Its parent folder is created.

    Args:
        path: What is to be made. Check once more whether it exists: another process may have made it meanwhile.

    Yields:
        Whether no other process can be making it; False where the file system has no locks.

    Raises:
        LulcsegError: The folder, or what is made in it, can't be written.
    """

    def say_waiting() -> None:
        sys.stderr.write(f"Waiting for another process that is making {path}\n")

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(path.with_name(f".{path.name}.lock"), on_wait=say_waiting) as alone:
            yield alone
    except OSError as error:
        raise LulcsegError(
            f"it can't be written ({error.strerror})", where=path.parent, remedy="set cache= to a folder that can"
        ) from error
