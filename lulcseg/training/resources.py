"""Energy used, as measured by the machine (NVIDIA devices by NVML, else Intel processors by RAPL), and peak memory."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_RAPL = Path("/sys/class/powercap")
_EVERY = 30.0
"""Seconds between readings; a processor's counter wraps around after minutes or hours."""
_JOULES = 3600.0


@dataclass(frozen=True)
class Counter:
    """A counter of energy.

    Attributes:
        read: Returns joules since an arbitrary time.
        turns: Joules at which it wraps around, or None.
    """

    read: Callable[[], float]
    turns: float | None = None


class EnergyMeter:
    """Accumulates the energy that counters measure, from its construction on.

    Args:
        of: What is measured: "gpu" or "cpu".
        counters: The counters.
    """

    def __init__(self, of: str, counters: Sequence[Counter]) -> None:
        self.of, self._counters = of, list(counters)
        self._last = [counter.read() for counter in self._counters]
        self._joules = 0.0
        self._lock, self._stopped = threading.Lock(), threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="energy").start()

    @property
    def wh(self) -> float:
        """Watt hours used since construction."""
        with self._lock:
            for number, counter in enumerate(self._counters):
                value = counter.read()
                used = value - self._last[number]
                self._joules += used + counter.turns if used < 0 and counter.turns is not None else max(0.0, used)
                self._last[number] = value
            return self._joules / _JOULES

    def stop(self) -> float:
        """Stop the thread that reads the counters, and return the watt hours used."""
        self._stopped.set()
        return self.wh

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY):
            self.wh  # noqa: B018 (reads the counters)


def find_meter(*, gpus: bool) -> EnergyMeter | None:
    """Return a meter of all counters of this machine, or None if it has none that can be read.

    Args:
        gpus: Whether GPUs are what computes; processors are not counted then.
    """
    counters = _nvml() if gpus else []
    if counters:
        return EnergyMeter("gpu", counters)
    counters = rapl(_RAPL)
    return EnergyMeter("cpu", counters) if counters else None


def rapl(root: Path) -> list[Counter]:
    """Return a counter for each processor package whose counter may be read."""
    found = []
    for folder in sorted(root.glob("intel-rapl:*")):
        if folder.name.count(":") != 1:  # a part of a package, which includes it
            continue
        try:
            turns = float((folder / "max_energy_range_uj").read_text()) / 1e6
            (folder / "energy_uj").read_text()
        except (OSError, ValueError):
            continue
        found.append(Counter(_micro_joules(folder / "energy_uj"), turns))
    return found


def _micro_joules(path: Path) -> Callable[[], float]:
    return lambda: float(path.read_text()) / 1e6


def _nvml() -> list[Counter]:
    """Return a counter for each NVIDIA device that this process may use."""
    try:
        import pynvml
        import torch

        pynvml.nvmlInit()
        handles = [_handle(pynvml, torch.cuda.get_device_properties(i)) for i in range(torch.cuda.device_count())]
        counters = [Counter(_milli_joules(pynvml, handle)) for handle in handles]
        for counter in counters:
            counter.read()
    except Exception:  # no library, no driver, a device too old: each raises an error of its own
        return []
    return counters


def _handle(pynvml: Any, properties: Any) -> Any:
    return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{str(properties.uuid).removeprefix('GPU-')}".encode())


def _milli_joules(pynvml: Any, handle: Any) -> Callable[[], float]:
    return lambda: float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3


def peak_memory() -> dict[str, Any]:
    """Return the most memory that this process has held so far.

    Returns:
        ``peak_memory_bytes``, resident, of this process (loader processes and other ranks are not counted), None
        if the system doesn't report it; ``peak_device_memory_bytes``, of the device of this process that held the
        most, None without a GPU.
    """
    import torch

    device = None
    if torch.cuda.is_available():
        device = max(torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count()))
    return {"peak_memory_bytes": _resident(), "peak_device_memory_bytes": device}


def larger_peaks(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the larger of two attempts' peaks, by name."""
    return {key: max((v for v in (value, other.get(key)) if v is not None), default=None) for key, value in one.items()}


def _resident() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024
