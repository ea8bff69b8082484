"""The folder in which files are made before they get their place."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lulcseg.locks import has_ended

_BEGINS = ".change"


@contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Make a hidden folder of this process's in another, and remove it at the end.

    Those that processes of this machine left when they were killed are removed first.

    Args:
        folder: Where files shall lie in the end: on the same file system.
    """
    machine = socket.gethostname().replace("-", "_")
    for left in folder.glob(f"{_BEGINS}-{machine}-*-*"):
        number = left.name.split("-")[2]
        if number.isdigit() and has_ended(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_BEGINS}-{machine}-{os.getpid()}-", dir=folder) as staged:
        yield Path(staged)
