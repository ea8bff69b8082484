"""The jobs that make one map together, started by Hydra's launcher."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError, describe_error
from lulcseg.files import make_folder, sha256_of
from lulcseg.launch.hydra_runner import run_equal
from lulcseg.launch.slurm import check_slurm
from lulcseg.mosaic.map_progress import MapProgress, maps_in_progress
from lulcseg.mosaic.share_workers import file_system_time
from lulcseg.processes import export_import_path, print_line
from lulcseg.run.chosen_checkpoints import chosen_checkpoints
from lulcseg.run.map_destination import map_destination
from lulcseg.settings.config import PredictConfig

_KILLED = {
    "UncompletedJobError": "a job was killed, or ended before it could say why; submitit's folder has its log",
    "TerminatedWorkerError": "a job was killed, or ran out of memory, and joblib ends the others with it",
}
"""What launchers' errors mean."""

_POLL = 2.0
"""Seconds between two looks at jobs that outlive their launcher."""


def run_map_jobs(hydra: Any, master: Any, settings: PredictConfig, task: Callable[[Any], float | None]) -> None:
    """Start the jobs of a map, wait for them, and say which of them failed.

    A job's failure doesn't end the others, which make its strips too.

    Args:
        hydra: Hydra's object (:func:`lulcseg.launch.compose.hydra_of`).
        master: The configuration, composed for several jobs.
        settings: The typed settings.
        task: Makes the map, as each job does.

    Raises:
        LulcsegError: The folder for the maps can't be written to, a checkpoint can't be found, or Slurm isn't here.
        SystemExit: The map isn't finished.
    """
    check_slurm(master)
    export_import_path()
    checkpoints = chosen_checkpoints(settings)
    maps = map_destination(settings, checkpoints, [sha256_of(path) for path in checkpoints]).maps
    began = file_system_time(make_folder(maps, "output"))
    count = settings.mosaic.shares
    print_line(f"Starting {count} jobs of {master.hydra.runtime.choices.get('hydra/launcher')} for {maps}.")
    print_line(f"How far they are: lulcseg map status {maps}")
    outcomes: list[str | None] = []
    broken = None
    try:
        outcomes = run_equal(hydra, master, partial(_share, task, settings), count)
    except KeyboardInterrupt:
        sys.stderr.write(
            "lulcseg: interrupted; jobs of Slurm go on, others end. Strips that are done are kept: the same command "
            "goes on with the rest.\n"
        )
        raise SystemExit(130) from None
    except Exception as error:  # a job that was killed, or the launcher's own failure
        broken = _KILLED.get(type(error).__name__) or describe_error(error).splitlines()[0]
        sys.stderr.write(f"lulcseg: the launcher failed ({broken[:300]}).\n")
    for failure in filter(None, outcomes):
        sys.stderr.write(f"lulcseg: a job failed. {failure}\n")
    unfinished = _left_unfinished(maps, began)
    made = broken is None or any(path.stat().st_mtime >= began for path in maps.glob("*.tif"))
    if unfinished:
        done = ", ".join(f"{each.done} of {each.total} strips of {each.target.name}" for each in unfinished)
        sys.stderr.write(f"lulcseg: {done} are done and kept; the same command goes on with the rest.\n")
    if unfinished or not made or (outcomes and all(outcomes)):
        raise SystemExit(1)
    print_line(f"Maps: {maps}")


def _share(task: Callable[[Any], float | None], settings: PredictConfig, _: Sequence[str]) -> str | None:
    """Make the map as one of its jobs; return what is wrong, so that the launcher goes on with the others."""
    try:
        task(settings)
    except LulcsegError as error:
        sys.stderr.write(f"lulcseg: {error}\n")
        return f"{socket.gethostname()}: {error}"
    return None


def _left_unfinished(maps: Path, began: float) -> list[MapProgress]:
    """Return the maps that these jobs have left unfinished, once none of them is alive."""
    while True:
        mine = [each for each in maps_in_progress(maps) if any(w.note.since >= began for w in each.workers)]
        if not any(worker.state == "working" for each in mine for worker in each.workers):
            return mine
        time.sleep(_POLL)
