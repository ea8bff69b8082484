"""Which number format this processor trains faster in: measured once, and kept for all runs."""

from __future__ import annotations

import platform
import time
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from lulcseg.errors import LulcsegError
from lulcseg.files import default_cache, read_json, write_json

SPEEDS = "speed.json"
"""File of the default cache that holds the measured seconds, by processor and version of PyTorch."""

FORMATS = {"float32": None, "bfloat16": torch.bfloat16}
_ROUNDS = 5
_CPU_INFO = Path("/proc/cpuinfo")


@lru_cache(maxsize=1)
def bf16_is_faster() -> bool:
    """Return whether a training step of a small network is faster in bfloat16 than in float32 on this processor.

    The first answer for a processor and a version of PyTorch is kept in the default cache, so that runs on one machine,
    and processes of one run, agree; where nothing can be kept it is measured by each process.
    """
    key, path = f"{processor_name()}, torch {torch.__version__}", default_cache() / SPEEDS
    if (kept := _kept(path, key)) is None:
        measured = {name: round(seconds, 5) for name, seconds in step_seconds().items()}
        try:
            write_json(path, {key: measured} | (read_json(path) or {}))
        except LulcsegError:  # a cache that can't be written: measured again next time
            return measured["bfloat16"] < measured["float32"]
        kept = _kept(path, key) or measured  # of two processes at once, the later one's
    return kept["bfloat16"] < kept["float32"]


def step_seconds(channels: int = 32, side: int = 64) -> dict[str, float]:
    """Measure a forward and backward pass of two convolutions in each format: the least seconds of alternating rounds.

    One thread computes: several wait for each other where the machine is busy, which says nothing of a format.

    Args:
        channels: Filters of a convolution.
        side: Of its 8 patches, in pixels.
    """
    with torch.random.fork_rng(devices=[]):
        network = nn.Sequential(*(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)))
        image = torch.rand(8, channels, side, side)
    network = network.to(memory_format=torch.channels_last)
    image = image.contiguous(memory_format=torch.channels_last)
    taken: dict[str, list[float]] = {name: [] for name in FORMATS}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(1 + _ROUNDS):
            for name, kind in FORMATS.items():
                began = time.perf_counter()
                with torch.enable_grad(), torch.autocast("cpu", kind or torch.bfloat16, enabled=kind is not None):
                    loss = network(image).float().mean()
                loss.backward()
                taken[name].append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return {name: min(seconds[1:]) for name, seconds in taken.items()}  # the first round prepares


def processor_name() -> str:
    """Return the processor's name, as the system knows it."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _kept(path: Path, key: str) -> dict[str, float] | None:
    found = (read_json(path) or {}).get(key)
    if not isinstance(found, dict) or not all(isinstance(found.get(name), float) for name in FORMATS):
        return None
    return found
