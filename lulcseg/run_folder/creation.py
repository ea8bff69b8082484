"""The folder of a run: created by its first process, joined by the others."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lulcseg.errors import LulcsegError
from lulcseg.files import target_of
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.run_folder.sole_writer import sole_writer

_VARIABLE = "LULCSEG_RUN_DIR"
"""Environment variable that passes the run's folder to processes that the first one starts."""

_TIME_OF_DAY = re.compile(r"\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}")
HELD = "choose another run_dir; ckpt_path=<it>/checkpoints/last.ckpt continues its training there"
"""What to do about a folder that holds a run already."""

_LONGEST_WAIT = 900.0
_POLL = 0.2


@contextmanager
def new_run_dir(setting: str, *, again: bool = False) -> Iterator[RunFolder]:
    """Create the folder of a run, as its first process, which alone writes to it.

    Args:
        setting: ``run_dir`` of the configuration.
        again: Whether the folder holds an earlier attempt at this run, to be resumed.

    Yields:
        The folder; it goes again if the run is refused (:func:`lulcseg.run_folder.sole_writer.sole_writer`).

    Raises:
        LulcsegError: It already holds a run, another process writes to it, or it isn't writable.
    """
    folder = RunFolder(target_of(setting, "run_dir").resolve())
    with sole_writer(folder, "run_dir"):
        if not again and folder.record.exists():
            raise LulcsegError(
                "it holds a run already",
                where=folder.path,
                remedy=HELD,
            )
        os.environ[_VARIABLE] = str(folder.path)
        yield folder


def join_run_dir(setting: str, longest_wait: float = _LONGEST_WAIT) -> RunFolder:
    """Return the folder of a run, as another process of it, once the first process has written its plan.

    Processes started by the first one get its folder through the environment. Processes started from outside
    (torchrun, srun) must all have the same ``run_dir``, and may start before the folder exists.

    Args:
        setting: ``run_dir`` of the configuration.
        longest_wait: Seconds to wait for the first process.

    Raises:
        LulcsegError: The folder is named after the time, which differs between processes; or no run
            starts there in time.
    """
    inherited = os.environ.get(_VARIABLE)
    remedy = "give every process the same run_dir=…"
    if inherited is None and _TIME_OF_DAY.search(setting):
        raise LulcsegError(
            f"'{setting}' is named after the time, so this run's processes would each use another folder",
            where="run_dir",
            remedy=remedy,
        )
    folder = RunFolder(target_of(inherited or setting, "run_dir").resolve())
    until = time.monotonic() + longest_wait
    while not _is_running(folder):
        if time.monotonic() > until:
            raise LulcsegError(
                f"the run's first process didn't start a run there within {longest_wait:g} seconds",
                where=folder.path,
                remedy=remedy,
            )
        time.sleep(_POLL)
    return folder


def _is_running(folder: RunFolder) -> bool:
    """Whether a run is in progress in a folder, rather than one that ended there earlier."""
    record = RunRecord.read(folder)
    return record is not None and record.state == "running"
