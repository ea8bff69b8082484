"""A run's processes: which one this is, and what Lightning says in them."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def is_lead() -> bool:
    """Whether this process is the first of a run's: the one that writes."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


def import_from_here() -> None:
    """Let processes that this one starts, or has others start, import the same lulcseg as it does."""
    root, known = str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")
    if root not in known.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, known]))


@contextmanager
def interruptible() -> Iterator[None]:
    """Let an interruption of Lightning's trainer be one: it takes it for itself and exits with code 1."""
    try:
        yield
    except SystemExit as left:
        raise KeyboardInterrupt from left


def quiet_lightning() -> None:
    """Silence notices that tell a user of lulcseg nothing."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning|torchmetrics|torchgeo|torch\.jit|kornia")


def say(text: str) -> None:
    """Write a line to the user."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()  # before what a process started next may write
