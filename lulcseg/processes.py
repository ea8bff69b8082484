"""A run's processes: rank, import path, interruption, console output."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def is_rank_zero() -> bool:
    """Return whether this process has rank 0: the one that writes."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


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
