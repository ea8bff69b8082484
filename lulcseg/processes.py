"""A run's processes: rank, import path, interruption, console output."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RANKS = (
    "RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
    "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS_PER_NODE",
)  # fmt: skip
"""Environment variables by which a process knows that it is one of several, and which."""

_LOCAL_RANKS = ("LOCAL_RANK", "SLURM_LOCALID", "SUBMITIT_LOCAL_LOCALID")


def is_rank_zero() -> bool:
    """Return whether this process has rank 0: the one that writes."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


def stand_alone() -> int:
    """Forget that this process is one of several that a launcher, ``srun`` or ``torchrun`` started together.

    It then works as a process of its own: nothing waits for the others, and what the first would do, it may do.

    Returns:
        Its number among those of its machine, from 0, by which it chooses a device.
    """
    known = [os.environ[name] for name in _LOCAL_RANKS if os.environ.get(name, "").isdigit()]
    for name in RANKS:
        os.environ.pop(name, None)
    return int(known[0]) if known else 0


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def export_import_path() -> None:
    """Put this lulcseg on ``PYTHONPATH``, so that child processes import the same one."""
    root, known = str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")
    if root not in known.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, known]))


@contextmanager
def as_keyboard_interrupt() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` where Lightning's trainer turns an interruption into ``SystemExit``."""
    try:
        yield
    except SystemExit as left:
        raise KeyboardInterrupt from left


def quiet_lightning() -> None:
    """Silence notices of Lightning and its companions that don't concern users of lulcseg."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning|torchmetrics|torchgeo|torch\.jit|kornia")


def print_line(text: str) -> None:
    """Print a line to stdout, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()  # before what a process started next may write
