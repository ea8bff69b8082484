"""The folder of a run: its first process makes it, the others join it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder, read_json
from lulcseg.run_folder.record import RECORD_NAME

_VARIABLE = "LULCSEG_RUN_DIR"
"""Tells processes that the first one starts where its run is."""

_TIME_OF_DAY = re.compile(r"\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}")
_LONGEST_WAIT = 900.0
_POLL = 0.2


def new_run_dir(setting: str, *, again: bool = False) -> Path:
    """Make the folder of a run, as its first process.

    Args:
        setting: ``run_dir`` of the configuration.
        again: Whether the run that it may hold is this one, begun before.

    Raises:
        LulcsegError: It holds a run already, or can't be written to.
    """
    run_dir = Path(setting).expanduser().resolve()
    if not again and (run_dir / RECORD_NAME).exists():
        raise LulcsegError("it holds a run already", where=run_dir, remedy="choose another run_dir, or remove it")
    os.environ[_VARIABLE] = str(make_folder(run_dir, "run_dir"))
    return run_dir


def join_run_dir(setting: str, longest_wait: float = _LONGEST_WAIT) -> Path:
    """Return the folder of a run, as another process of it, once the first has written its plan.

    Processes that the first one starts are told where that is. Those started from outside (torchrun, srun)
    must all be given the same folder, and come before it is made.

    Args:
        setting: ``run_dir`` of the configuration.
        longest_wait: Seconds to wait for the first process.

    Raises:
        LulcsegError: The folder is named after the time, which differs between processes; or no run
            is begun there in time.
    """
    told = os.environ.get(_VARIABLE)
    remedy = "give every process the same run_dir=…"
    if told is None and _TIME_OF_DAY.search(setting):
        raise LulcsegError(
            f"'{setting}' is named after the time, by which this run's processes would not meet", where="run_dir",
            remedy=remedy,
        )  # fmt: skip
    run_dir = Path(told or setting).expanduser().resolve()
    until = time.monotonic() + longest_wait
    while not _is_running(run_dir):
        if time.monotonic() > until:
            raise LulcsegError(
                f"the run's first process began no run there within {longest_wait:g} seconds", where=run_dir,
                remedy=remedy,
            )  # fmt: skip
        time.sleep(_POLL)
    return run_dir


def _is_running(run_dir: Path) -> bool:
    """Whether a run is going on in a folder; one that ended there earlier is none."""
    return (read_json(run_dir / RECORD_NAME) or {}).get("state") == "running"
