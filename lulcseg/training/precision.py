"""How a network is computed on a device: number format, memory layout, threads."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from lulcseg.processes import is_rank_zero, print_line
from lulcseg.progress import progress_bar
from lulcseg.training.kept_speed import keep_measurement, kept_measurement
from lulcseg.training.measured_speed import BFLOAT16, FLOAT32, Measurement, Work, measure
from lulcseg.training.processor import cpu_capabilities

AUTO = "auto"
BY_MEASUREMENT, BY_DEVICE, BY_SETTINGS, BY_CHECKPOINT = "measurement", "device", "settings", "checkpoint"


@dataclass(frozen=True)
class ChosenComputing:
    """How a network is computed, and what decided it.

    Attributes:
        precision: Lightning's.
        channels_last: Whether the memory layout is channels-last.
        threads: Number of threads; None: PyTorch's own.
        decided_by: ``measurement``, ``device``, ``settings`` where nothing was left to decide, or ``checkpoint`` where
            training goes on from one and computes as its run did.
    """

    precision: str
    channels_last: bool = True
    threads: int | None = None
    decided_by: str = BY_SETTINGS


def fast_bf16(accelerator: str) -> bool:
    """Whether a device is known to compute faster in bfloat16: GPUs of today, and processors with AMX.

    Of processors that have AVX-512 BF16 without AMX some do and some don't (:func:`choose_computing` measures).

    Args:
        accelerator: ``cpu``, ``gpu``, ``mps`` or ``auto`` (a GPU if there is one).
    """
    if accelerator in {"auto", "gpu"} and torch.cuda.is_available():
        return torch.cuda.get_device_capability()[0] >= 8
    return is_cpu(accelerator) and bool(cpu_capabilities().get("amx_bf16"))


def is_cpu(accelerator: str) -> bool:
    """Whether an accelerator is the processor itself on this machine."""
    return accelerator == "cpu" or (accelerator == "auto" and not torch.cuda.is_available())


def choose_computing(
    precision: str, accelerator: str, work: Work, *, channels_last: bool | None = True, threads: int | None = None
) -> ChosenComputing:
    """Decide what the settings leave open.

    On a processor what was measured of this work decides (``lulcseg tune``). Where nothing was: a processor with AMX
    computes in bfloat16; one with AVX-512 BF16 alone is measured now, once; others compute in float32. Layout and
    threads that are left open are measured in any case.

    Args:
        precision: As in ``trainer.precision``.
        accelerator: ``cpu``, ``gpu``, ``mps`` or ``auto``.
        work: The network, and patches.
        channels_last: The layout; None: the faster.
        threads: Number of threads; None: PyTorch's own; 0: the fastest.
    """
    by_device = ChosenComputing(
        resolve_precision(precision, accelerator), channels_last is not False, threads or None, BY_DEVICE
    )
    if precision != AUTO and channels_last is not None and threads != 0:
        return replace(by_device, decided_by=BY_SETTINGS)
    if not is_cpu(accelerator):
        return by_device
    capabilities = cpu_capabilities()
    unknown = bool(capabilities.get("avx512_bf16")) and not capabilities.get("amx_bf16")
    found = kept_measurement(work)
    if found is None and (channels_last is None or threads == 0 or unknown):
        found = measure_and_keep(work)
    if found is None:
        return by_device
    asked = None if precision == AUTO else precision
    best = found.fastest_format(precision=asked, channels_last=channels_last).computing
    return ChosenComputing(
        asked or best.precision,
        best.channels_last if channels_last is None else channels_last,
        _threads(found) if threads == 0 else threads,
        BY_MEASUREMENT,
    )


def measure_and_keep(work: Work, *, again: bool = False) -> Measurement:
    """Measure some work on this processor, with a bar, and keep what was found.

    Args:
        work: The network, and patches.
        again: Whether it replaces what was kept.
    """
    if is_rank_zero():
        print_line(f"Measuring what this processor computes fastest in, for {work.use} …")
    with progress_bar(f"Measuring {work.use}", "steps") as progress:
        found = measure(work, progress)
    return keep_measurement(work, found, again=again)


def resolve_precision(precision: str, accelerator: str) -> str:
    """Return Lightning's precision for a setting, by the device alone.

    ``auto`` is bf16-mixed where that is known to be faster (:func:`fast_bf16`; weights, loss and softmax stay
    float32), else 32-true.

    Examples:
        >>> resolve_precision("32-true", "cpu")
        '32-true'
    """
    if precision != AUTO:
        return precision
    return BFLOAT16 if fast_bf16(accelerator) else FLOAT32


def _threads(found: Measurement) -> int | None:
    """Return the fastest number of threads; None, PyTorch's own, where that wasn't measured."""
    return found.fastest.computing.threads if found.threads else None
