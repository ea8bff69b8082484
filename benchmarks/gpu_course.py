"""What benchmarks/gpu.py measures, by name, and how it goes from one measurement to the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Row = dict[str, Any]

MEASURED = {
    "plain": "plain LightningModule",
    "step": "(a) step alone",
    "step_again": "(a) once more, at the end",
    "prepared": "(b) with values to 0…1",
    "prepared_paper": "(b) with augmentation, scaling",
    "loop": "(c) whole loop",
    "loop_paper": "(c) with augmentation, scaling",
}
"""What is measured in patches a second, and what it is called."""

SWITCHES = {
    "bf16": "without bf16",
    "channels_last": "without channels-last",
    "compiled": "not compiled",
    "fused": "optimiser not fused",
    "tf32": "without TF32",
    "benchmark": "without cuDNN's benchmark",
    "recomputed": "activation checkpointing",
}
"""Changes to the fast path, one at a time."""


class Course:
    """Takes one measurement after another, and tells which; one that fails has a reason instead of a rate.

    Args:
        free: Gives back what a measurement held.
        total: How many there will be.
    """

    def __init__(self, free: Callable[[], None], total: int) -> None:
        self.free = free
        self.console = Console()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(
            *columns, TimeElapsedColumn(), console=self.console, transient=True, disable=not self.console.is_terminal
        )
        self.task = self.progress.add_task("", total=total)

    def __enter__(self) -> Self:
        """Show the bar."""
        self.progress.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Take it away."""
        self.progress.stop()

    def take(self, words: str, measure: Callable[[], Row], unit: str = "patches/s", *, has_bar: bool = False) -> Row:
        """Return what a measurement gives; one with a bar of its own is not disturbed by this."""
        self.progress.update(self.task, description=words)
        if has_bar:
            self.progress.stop()
        began = time.perf_counter()
        self.free()
        try:
            found = {"failed": None, **measure()}
        except Exception as error:  # whatever a device, a compiler or a driver comes up with
            lines = str(error).strip().splitlines() or [""]
            is_full = type(error).__name__ == "OutOfMemoryError" or "out of memory" in lines[0]
            found = {"failed": "out of memory" if is_full else f"{type(error).__name__}: {lines[0][:200]}"}
        self.free()
        if has_bar:
            self.progress.start()
        told = found["failed"] or (f"{found['rate']:,.4g} {unit}" if "rate" in found else "done")
        self._tell(f"{words}: {told} ({time.perf_counter() - began:.0f} s)")
        return found

    def skip(self, words: str, why: str) -> Row:
        """Leave a measurement out."""
        self._tell(f"{words}: {why}")
        return {"failed": why}

    def _tell(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False)
        self.progress.advance(self.task)


def summed_up(rounds: Sequence[float]) -> Row:
    """Return the median, the least and the most of rates, round by round."""
    return {"rate": median(rounds), "lowest": min(rounds), "highest": max(rounds), "rounds": list(rounds)}
