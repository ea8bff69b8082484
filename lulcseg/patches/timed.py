"""A loader that counts how long is waited for its batches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader


class Stopwatch:
    """Adds up seconds.

    Attributes:
        seconds: The sum.
    """

    def __init__(self) -> None:
        """Start from nothing."""
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the time that the block takes."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began


class TimedLoader(DataLoader[Any]):
    """A data loader whose batches are waited for by a stopwatch.

    Reading that goes on beside the training is not counted.

    Args:
        waited: The stopwatch.
        *arguments: The data loader's.
        **settings: The data loader's.
    """

    def __init__(self, waited: Stopwatch, *arguments: Any, **settings: Any) -> None:
        self.waited = waited
        super().__init__(*arguments, **settings)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Yield batches."""
        with self.waited.running():
            batches = super().__iter__()
        while True:
            with self.waited.running():
                try:
                    batch = next(batches)
                except StopIteration:
                    return
            yield batch
