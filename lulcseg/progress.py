"""Progress of long work, on stderr: bars on a terminal, plain lines in a log file.

Whatever takes long reports ``(done, total)`` to a :data:`Progress` callback and knows nothing of how
that is displayed. :class:`Bars` displays several stages, :func:`progress_bar` a single one, and
:func:`tracked` the iteration over a sequence.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

type Progress = Callable[[int, int], None]
"""Progress callback, called with (done, total)."""

_PATIENCE = 2.0
"""Seconds before :func:`tracked` displays anything."""

_BETWEEN = 30.0
"""Shortest time between two lines of a log, seconds."""

_SHARE = 0.1
"""Progress that is worth a line of a log, as a share of the total."""

_SILENCE = 600.0
"""Time after which a log gets a line however little has been done, seconds."""


class Bars:
    """Progress bars, one under the other, displayed while the context is entered.

    On a terminal the bars are redrawn, with count, rate and time left. Elsewhere (a log file, a pipe) each
    writes plain lines: the first report, then one each further 10 % but no more often than every 30 s, and the end.
    Bars that are entered while others are displayed join them.

    Args:
        transient: Whether the bars disappear from the terminal at the end.
    """

    def __init__(self, *, transient: bool = False) -> None:
        self._transient = transient
        self._display: _Display | None = None
        self._joined = False
        self._lines: list[_Line] = []

    def __enter__(self) -> Self:
        """Start displaying."""
        outer = _displayed()
        self._joined = outer is not None
        self._display = outer or _new_display(self._transient)
        if not self._joined:
            self._display.start()
            _set_displayed(self._display)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop displaying; unless transient, the bars stay as they are."""
        if self._display is not None and not self._joined:
            _set_displayed(None)
            self._display.stop()
        elif self._transient:
            for line in self._lines:
                line.remove()

    def __call__(self, what: str, unit: str = "") -> Progress:
        """Add a bar.

        Args:
            what: What is being done, such as "Mapping west".
            unit: What is counted, such as "patches".

        Returns:
            The callback that moves the bar.
        """
        return self._add(what, unit).report

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Display, while a block runs, an activity of unknown length."""
        line = self._add(what, "")
        line.begin()
        yield
        line.report(1, 1)

    def _add(self, what: str, unit: str) -> _Line:
        if self._display is None:
            raise RuntimeError("enter Bars before adding a bar")
        self._lines.append(line := self._display.add(what, unit))
        return line


@contextmanager
def progress_bar(what: str, unit: str = "") -> Iterator[Progress]:
    """Display one bar while a block runs; it disappears from a terminal at the end.

    Args:
        what: What is being done, such as "Drawing contact sheets".
        unit: What is counted, such as "sheets".

    Yields:
        The callback that moves the bar.
    """
    with Bars(transient=True) as bars:
        yield bars(what, unit)


def tracked[T](items: Sequence[T], what: str, unit: str = "") -> Iterator[T]:
    """Yield items one by one; once that has taken two seconds, display a bar until the last is done.

    Args:
        items: What to yield.
        what: What is being done, such as "Burning labels".
        unit: What the items are, such as "blocks".
    """
    started = time.monotonic()
    report: Progress | None = None
    with ExitStack() as stack:
        for done, item in enumerate(items):
            if report is None and time.monotonic() - started > _PATIENCE:
                report = stack.enter_context(progress_bar(what, unit))
            if report is not None:
                report(done, len(items))
            yield item
        if report is not None:
            report(len(items), len(items))


def format_rate(per_second: float) -> str:
    """Return a rate as text.

    Args:
        per_second: Items a second.

    Example:
        >>> format_rate(1234.5), format_rate(2.345), format_rate(0.05)
        ('1,234/s', '2.3/s', '3.0/min')
    """
    if per_second >= 100:
        return f"{per_second:,.0f}/s"
    return f"{per_second:.1f}/s" if per_second >= 0.5 else f"{60 * per_second:.1f}/min"


class _RateColumn(ProgressColumn):
    """Items a second, from the reports of the last half minute; of a finished bar the mean."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(format_rate(speed) if speed else "")


class _CountColumn(ProgressColumn):
    """Items done and in total, with their unit."""

    def render(self, task: Task) -> Text:
        if task.total is None or task.fields["busy"]:
            return Text("")
        return Text(f"{int(task.completed):,}/{int(task.total):,} {task.fields['unit']}".rstrip())


class _TerminalBars:
    """Bars that rich draws on a terminal."""

    def __init__(self, console: Console, *, transient: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), _CountColumn(), _RateColumn(), TimeRemainingColumn())
        # What a command writes to a file or a pipe must not end up on the terminal.
        self._progress = RichProgress(
            *columns, console=console, transient=transient, redirect_stdout=sys.stdout.isatty()
        )

    def start(self) -> None:
        self._progress.start()

    def stop(self) -> None:
        self._progress.stop()

    def add(self, what: str, unit: str) -> _TerminalBar:
        return _TerminalBar(self._progress, what, unit)


class _TerminalBar:
    def __init__(self, progress: RichProgress, what: str, unit: str) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task(what, total=None, unit=unit, busy=False)

    def begin(self) -> None:
        self._progress.update(self._task, busy=True)

    def report(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def remove(self) -> None:
        self._progress.remove_task(self._task)


class _LogLines:
    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def add(self, what: str, unit: str) -> _LogLine:
        return _LogLine(what, unit)


class _LogLine:
    def __init__(self, what: str, unit: str) -> None:
        self._what = what
        self._unit = f" {unit}" if unit else ""
        self._began: float | None = None
        self._counting = self._ended = False
        self._first = self._written = 0
        self._written_at = 0.0

    def begin(self) -> None:
        self._began = time.monotonic()
        self._write("begun")

    def report(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._ended:
            return
        if done >= total:
            self._ended = True
            self._write(self._end(total, now))
        elif self._began is None:
            self._began, self._first, self._counting = now, done, True
            self._note(done, now)
            self._write(f"{done:,} of {total:,}{self._unit}")
        elif self._is_due(done, total, now):
            self._note(done, now)
            self._write(self._middle(done, total, now))

    def remove(self) -> None:
        pass

    def _is_due(self, done: int, total: int, now: float) -> bool:
        since = now - self._written_at
        return since >= _SILENCE or (since >= _BETWEEN and done - self._written >= _SHARE * total)

    def _middle(self, done: int, total: int, now: float) -> str:
        text = f"{done:,} of {total:,}{self._unit} ({done / total:.0%})"
        rate = self._rate(done, now)
        return f"{text}, {format_rate(rate)}, {_duration((total - done) / rate)} left" if rate else text

    def _end(self, total: int, now: float) -> str:
        if self._began is None:
            return f"{total:,}{self._unit} done"
        if not self._counting:
            return f"done in {_duration(now - self._began)}"
        rate = self._rate(total, now)
        return f"{total:,}{self._unit} done in {_duration(now - self._began)}" + (
            f" ({format_rate(rate)})" if rate else ""
        )

    def _rate(self, done: int, now: float) -> float:
        elapsed = 0.0 if self._began is None else now - self._began
        return (done - self._first) / elapsed if elapsed > 0 else 0.0

    def _note(self, done: int, now: float) -> None:
        self._written, self._written_at = done, now

    def _write(self, text: str) -> None:
        sys.stderr.write(f"{self._what}: {text}\n")
        sys.stderr.flush()


type _Display = _TerminalBars | _LogLines
type _Line = _TerminalBar | _LogLine


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _new_display(transient: bool) -> _Display:
    console = _console()
    return _TerminalBars(console, transient=transient) if console.is_interactive else _LogLines()


_console = partial(Console, stderr=True)


_shown: tuple[int, _Display] | None = None
"""Process and display of the bars on the screen."""


def _displayed() -> _Display | None:
    """Return the display of this process; a fork's copy of its parent's draws nothing."""
    return _shown[1] if _shown is not None and _shown[0] == os.getpid() else None


def _set_displayed(display: _Display | None) -> None:
    global _shown  # noqa: PLW0603 (one terminal)
    _shown = None if display is None else (os.getpid(), display)
