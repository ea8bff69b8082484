"""The processor that this process computes on: its name, and the instructions that decide how sums are rounded."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

_CPU_INFO = Path("/proc/cpuinfo")
_INSTRUCTIONS = ("avx2", "avx512_f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_fp16")
"""Sets of instructions for which PyTorch and oneDNN have kernels of their own."""
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
"""Environment variables by which such kernels are left out."""


def processor_name() -> str:
    """Return the processor's name, as the system knows it; virtual machines of several kinds may share one."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cpu_capabilities() -> dict[str, object]:
    """Return what PyTorch knows of the processor: a name for each set of instructions, and whether it has them."""
    found: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return found


def processor_kind() -> str:
    """Return all that may change how a network's sums are rounded here: instructions, their limits, and the name.

    Two processors of one kind give the same pixels; of others they may differ where two classes are nearly tied.
    """
    has = cpu_capabilities()
    level = torch.backends.cpu.get_cpu_capability()
    words = [level, *(name for name in _INSTRUCTIONS if has.get(name))]
    words += [f"{name}={os.environ[name]}" for name in _LIMITS if os.environ.get(name)]
    return f"{processor_name()} ({', '.join(words)})"
