"""Measurements of speed, kept in the user's cache by processor, version of PyTorch, network and patch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from lulcseg.errors import LulcsegError
from lulcseg.files import create_once, default_cache, read_json, write_json
from lulcseg.processes import usable_cores
from lulcseg.training.measured_speed import Measurement, Work
from lulcseg.training.processor import processor_kind

TUNED = "tuned"
"""Folder of the default cache that holds the measurements, a file each."""


def place_of(work: Work) -> Path:
    """Return the file that keeps the measurement of some work on this processor."""
    content = [_machine(), work.key]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return default_cache() / TUNED / f"{digest[:16]}.json"


def kept_measurement(work: Work) -> Measurement | None:
    """Return what was measured of some work on this processor; None if nothing was, or the file is damaged."""
    path = place_of(work)
    found = read_json(path)
    try:
        return None if found is None else Measurement.from_plain(found, path)
    except (ValueError, KeyError, TypeError):
        return None


def keep_measurement(work: Work, measured: Measurement, *, again: bool = False) -> Measurement:
    """Keep a measurement, so that this machine decides the same again; of several processes the first's is kept.

    Args:
        work: What was measured.
        measured: The times.
        again: Whether it replaces an earlier one.

    Returns:
        What is kept; where nothing can be written, what was measured.
    """
    path = place_of(work)
    content = _machine() | work.key | measured.to_plain()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if again or kept_measurement(work) is None:
            if again or path.exists():  # damaged
                write_json(path, content)
            else:
                create_once(path, json.dumps(content, indent=1) + "\n")
    except (OSError, LulcsegError):
        return measured
    return kept_measurement(work) or measured


def _machine() -> dict[str, Any]:
    return {"processor": processor_kind(), "cores": usable_cores(), "torch": torch.__version__}
