"""The largest micro-batch that fits a device's memory, found by running training steps and measuring memory."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE
from lulcseg.training.optimizers import build_optimizer
from lulcseg.training.predictor import number_format
from lulcseg.training.task import SegmentationTask

KEPT_FREE = 0.2
"""Share of a CPU's free memory left out of the estimate: training keeps freed memory (``allocator.py``)."""
_OUT_OF_MEMORY = ("out of memory", "unable to find an engine", "32-bit ind")
"""PyTorch's messages on CUDA memory, cuDNN without workspace, and tensors too large for a kernel."""


@dataclass(frozen=True, slots=True)
class StepMeasurement:
    """Memory and speed of training steps of one size.

    Attributes:
        patches: Patches of a micro-batch.
        peak: Most memory held, in bytes; on a CPU beyond what was held before the step.
        rate: Patches per second of the last step, not compiled.
    """

    patches: int
    peak: int
    rate: float


def largest_that_fits(fits: Callable[[int], bool], most: int) -> int:
    """Return the largest number from 1 to ``most`` that fits, 0 if none does: by doubling, then bisecting.

    Args:
        fits: Whether a number fits; if one doesn't, no larger one does.
        most: The largest of interest.

    Examples:
        >>> largest_that_fits(lambda patches: patches <= 11, most=64)
        11
    """
    low, high = 0, 1
    while high <= most and fits(high):
        low, high = high, high * 2
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


class StepMemory:
    """Measures the memory of training steps on a device.

    Args:
        task: The model, in training mode on its device, with the settings of a run.
        read_size: Width and height of patches as they are read, margin included, in pixels.

    Raises:
        LulcsegError: A device whose memory can't be measured.
    """

    def __init__(self, task: SegmentationTask, read_size: int) -> None:
        self.task, self.read_size, self.device = task, read_size, task.device
        if self.device.type != "cuda" and sys.platform != "linux":
            raise LulcsegError(
                "memory can be measured on GPUs, and on CPUs under Linux",
                where=f"accelerator {self.device.type}",
                remedy="try trainer.micro_batch=… in a short training",
            )
        torch.backends.cudnn.benchmark = True  # as in training: the algorithms it tries need workspace
        settings = task.settings
        self._dtype = number_format(settings.trainer.precision, self.device.type.replace("cuda", "gpu"))
        fused = self.device.type == "cuda"
        self._optimizer = build_optimizer(task.network, settings.optim, 10, fused=fused, frozen=task.frozen.parameters)[
            "optimizer"
        ]

    def measure(self, patches: int) -> StepMeasurement | None:
        """Measure two steps of a number of patches; None if they exceed the memory of a GPU."""
        self._forget()
        try:
            self._step(patches)
            before = time.perf_counter()
            self._step(patches)
            return StepMeasurement(patches, self._peak(), patches / (time.perf_counter() - before))
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or any(said in str(error) for said in _OUT_OF_MEMORY):
                return None
            raise
        finally:
            self._optimizer.zero_grad()

    def estimate(self, free: int, sizes: tuple[int, int] = (2, 4)) -> tuple[int, list[StepMeasurement]]:
        """Estimate how many patches fit a CPU's free memory, from steps of a few.

        On a CPU the system ends a process that exceeds its memory, so no larger steps are run.

        Args:
            free: Free memory, in bytes.
            sizes: Numbers of patches that are measured.

        Returns:
            The number of patches, and the measurements.
        """
        self.measure(1)  # memory that libraries take once is not a patch's
        few = [step for step in (self.measure(patches) for patches in sizes) if step is not None]
        each = max(1, (few[1].peak - few[0].peak) // (few[1].patches - few[0].patches))
        fixed = max(0, few[0].peak - each * few[0].patches)
        return max(0, int(free * (1 - KEPT_FREE) - fixed) // each), few

    def _step(self, patches: int) -> None:
        task, side = self.task, self.read_size
        batch = {
            "image": torch.zeros(patches, task.record.bands, side, side, dtype=getattr(torch, task.record.dtype)),
            "mask": torch.zeros(patches, side, side, dtype=torch.uint8),
            "valid": torch.ones(patches, side, side, dtype=torch.bool),
            "scene": torch.zeros(patches, dtype=torch.int64),
        }
        batch["mask"][:, 0] = IGNORE
        image, mask = task.prepared({key: value.to(self.device) for key, value in batch.items()}, 0)
        with torch.autocast(self.device.type, self._dtype or torch.bfloat16, enabled=self._dtype is not None):
            total, pixels = task.loss(task.network(image.contiguous(memory_format=task.layout)), mask)
        (total / pixels).backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _forget(self) -> None:
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the highest mark starts from now
            self._before = _status("VmRSS")

    def _peak(self) -> int:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return max(0, _status("VmHWM") - self._before)


def free_memory(device: torch.device) -> int:
    """Return the free memory of a device, in bytes; for a CPU, of its container or machine."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = _kilobytes(Path("/proc/meminfo"), "MemAvailable")
    return min([free, *_left_of_container()])


def _left_of_container() -> Iterator[int]:
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.is_file() and used.is_file() and (most := limit.read_text(encoding="ascii").strip()) != "max":
        yield int(most) - int(used.read_text(encoding="ascii"))


def _status(key: str) -> int:
    return _kilobytes(Path("/proc/self/status"), key)


def _kilobytes(file: Path, key: str) -> int:
    """Return an entry of one of the kernel's files, in bytes."""
    lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{key}:")).split()[1])
