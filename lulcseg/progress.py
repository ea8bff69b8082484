"""Progress bars of a command's stages, with rates and time left, one under the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
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


_PATIENCE = 2.0


def tracked[T](items: Sequence[T], what: str) -> Iterator[T]:
    """Yield items one by one; once that has taken two seconds, show a bar until the last is done.

    Args:
        items: What to yield.
        what: What is being done, such as "Burning labels".
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=len(items))
    started, shown = time.monotonic(), False
    try:
        for done, item in enumerate(items):
            if not shown and time.monotonic() - started > _PATIENCE:
                bar.start()
                shown = True
            bar.update(task, completed=done)
            yield item
    finally:
        if shown:
            bar.stop()
