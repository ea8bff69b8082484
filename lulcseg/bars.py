"""Progress bars of a command's stages, with rates and time left, one under the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bars:
    """Bars on the terminal, while it is entered."""

    def __init__(self) -> None:
        """Lay out the columns."""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop drawing; what was drawn stays."""
        self._progress.stop()

    def __call__(self, what: str, unit: str = "sheets") -> Callable[[int, int], None]:
        """Add a bar.

        Args:
            what: What is being done.
            unit: What is counted.

        Returns:
            What is to be told (done, in all).
        """
        task = self._progress.add_task(what, total=None, unit=unit, rate="")

        def progress(done: int, total: int) -> None:
            self._progress.update(task, completed=done, total=total)
            shown = next(t for t in self._progress.tasks if t.id == task)
            speed = shown.finished_speed or shown.speed
            if speed:
                self._progress.update(task, rate=f"{speed:.1f}/s")

        return progress

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Show, while a block runs, that something of unknown length is going on."""
        task = self._progress.add_task(what, total=None, unit="", rate="")
        yield
        self._progress.update(task, completed=1, total=1)
