"""A progress bar for what turns out to be slow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

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
