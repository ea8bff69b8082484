"""A loader that measures how long its batches are waited for, and copies them to a GPU while it computes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lulcseg.errors import LulcsegError

_DIED = re.compile(r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (?:is killed|exited)")
_NO_ROOM = ("out of shared memory", "unable to write to file </torch", "unable to allocate shared memory", "Bus error")
"""What torch says where ``/dev/shm`` has no room left."""


class Stopwatch:
    """Accumulates seconds.

    Attributes:
        seconds: The sum.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the duration of the block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began


@contextmanager
def reporting_lost_loaders() -> Iterator[None]:
    """Turn what torch says of a loader process that died, or found no room to pass a batch, into a sentence.

    A process that was killed interrupts whatever the training does at that moment, by a signal.

    Raises:
        LulcsegError: A loader process died, or ``/dev/shm`` is full.
    """
    try:
        yield
    except (RuntimeError, OSError) as error:
        full = any(words in f"{error} {error.__cause__}" for words in _NO_ROOM)  # its cause names the signal
        if not full and not _DIED.match(str(error)):
            raise
        raise LulcsegError(
            "shared memory is full: the loader processes pass their batches through /dev/shm"
            if full
            else "a process that reads patches was killed, perhaps for want of memory",
            where="reading.workers",
            remedy="set reading.workers=0, or free memory and go on with ckpt_path=<run>/checkpoints/last.ckpt",
        ) from error


class TimedLoader(DataLoader[Any]):
    """A data loader that measures the time its batches are waited for.

    Reading in parallel with training is not counted.

    Args:
        waited: The stopwatch.
        device: Device that batches go to. They are copied to a GPU on a separate stream: the CPU requests the
            next while the GPU still computes on the previous one.
        *arguments: As for the data loader.
        **settings: As for the data loader.
    """

    def __init__(self, waited: Stopwatch, *arguments: Any, device: torch.device | None = None, **settings: Any) -> None:
        self.waited = waited
        self.device = device
        self._copying: torch.cuda.Stream | None = None
        super().__init__(*arguments, **settings)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Yield batches."""
        batches = self._read()
        if self.device is not None and self.device.type == "cuda":
            if self._copying is None:  # one for all epochs: each stream caches memory of its own
                self._copying = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
            return _copied(batches, self.device, self._copying)
        return batches

    def _read(self) -> Iterator[Any]:
        with self.waited.running():
            batches = super().__iter__()
        while True:
            with self.waited.running():
                try:
                    batch = next(batches)
                except StopIteration:
                    return
            yield batch


def _copied(
    batches: Iterator[Mapping[str, Tensor]], device: torch.device, copying: torch.cuda.Stream
) -> Iterator[dict[str, Tensor]]:
    """Yield batches on a GPU; copies from page-locked memory don't block."""
    for batch in batches:
        with torch.cuda.stream(copying):
            there = {key: value.to(device, non_blocking=True) for key, value in batch.items()}
        computing = torch.cuda.current_stream(device)
        computing.wait_stream(copying)
        for value in there.values():
            value.record_stream(computing)  # its memory belongs to the other stream, which must not reuse it too early
        yield there
