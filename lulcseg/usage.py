"""How much memory a run has held."""

from __future__ import annotations

import sys
from typing import Any


def peak_memory() -> dict[str, Any]:
    """Return the most memory that this process has held so far.

    Returns:
        ``peak_memory_bytes``, resident, of this process (loader processes and other ranks are not counted), None
        where the system doesn't tell; ``peak_device_memory_bytes``, of the device of this process that held the
        most, None without one.
    """
    import torch

    device = None
    if torch.cuda.is_available():
        device = max(torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count()))
    return {"peak_memory_bytes": _resident(), "peak_device_memory_bytes": device}


def larger(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the larger of two attempts' peaks, by name."""
    return {key: max((v for v in (value, other.get(key)) if v is not None), default=None) for key, value in one.items()}


def _resident() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024
