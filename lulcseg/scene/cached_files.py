"""Cached files, made by the first process that asks; others that ask at the same time wait for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.locks import exclusive


def make_once(path: Path, make: Callable[[Path], None]) -> None:
    """Make a file unless it exists, in one of all processes that ask for it.

    The file is written under a temporary name and renamed. A process that is killed on the way leaves a
    hidden part, which the next one removes; never a broken file.

    Args:
        path: The file, named by what it holds: an existing one is never made again.
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
