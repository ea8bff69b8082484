"""Progress: bars that a terminal redraws, lines that a log keeps."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from lulcseg import progress
from lulcseg.progress import Bars, format_rate, progress_bar, tracked


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    monkeypatch.setattr(
        progress, "_console", lambda: Console(file=text, force_terminal=True, width=100, _environ={"TERM": "xterm"})
    )
    return text


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    written = capsys.readouterr()
    assert written.out == ""
    return written.err.splitlines()


def test_log_gets_the_first_report_some_and_the_last(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        report = bars("Mapping west", "patches")
        for done in range(0, 1201, 10):
            report(done, 1200)
            clock.now += 1
    written = lines(capsys)
    assert written == [
        "Mapping west: 0 of 1,200 patches",
        "Mapping west: 300 of 1,200 patches (25%), 10.0/s, 0:01:30 left",
        "Mapping west: 600 of 1,200 patches (50%), 10.0/s, 0:01:00 left",
        "Mapping west: 900 of 1,200 patches (75%), 10.0/s, 0:00:30 left",
        "Mapping west: 1,200 patches done in 0:02:00 (10.0/s)",
    ]


def test_slow_work_gets_a_line_each_tenth_or_ten_minutes(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        report = bars("Scoring", "runs")
        for done in range(100):  # two minutes each: five make ten minutes
            report(done, 100)
            clock.now += 120
    assert [line.split()[1] for line in lines(capsys)] == [str(n) for n in range(0, 100, 5)]


def test_rate_of_resumed_work_counts_what_was_done_now(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        report = bars("Mapping", "patches")
        report(500, 1000)
        clock.now += 100
        report(600, 1000)
    assert lines(capsys)[-1] == "Mapping: 600 of 1,000 patches (60%), 1.0/s, 0:06:40 left"


def test_activity_of_unknown_length_has_a_beginning_and_an_end(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with Bars() as bars, bars.busy("Writing the map"):
        clock.now += 61
    assert lines(capsys) == ["Writing the map: begun", "Writing the map: done in 0:01:01"]


def test_work_that_is_quick_is_not_mentioned(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked([1, 2, 3], "Burning labels")) == [1, 2, 3]
    assert lines(capsys) == []


def test_work_that_takes_long_is(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in tracked(range(4), "Burning labels", "blocks"):
        clock.now += 1.5
    assert lines(capsys) == ["Burning labels: 2 of 4 blocks", "Burning labels: 4 blocks done in 0:00:03 (0.7/s)"]


def test_terminal_shows_count_unit_and_what_is_busy(terminal: io.StringIO) -> None:
    with Bars() as bars:
        bars("Mapping west", "patches")(1200, 1200)
        with bars.busy("Writing the map"):
            pass
    last = [line for line in terminal.getvalue().splitlines() if "━" in line][-2:]
    assert "Mapping west" in last[0]
    assert "1,200/1,200 patches" in last[0]
    assert "Writing the map" in last[1]
    assert "1/1" not in last[1]


def test_bars_within_bars_share_the_terminal(terminal: io.StringIO) -> None:
    with Bars() as bars:
        bars("Mapping west", "patches")(1, 2)
        with progress_bar("Looking for nodata") as report:
            report(1, 2)
            outer = progress._displayed()
            assert outer is not None
            assert [t.description for t in outer._progress.tasks] == ["Mapping west", "Looking for nodata"]  # type: ignore[attr-defined]
        assert [t.description for t in outer._progress.tasks] == ["Mapping west"]  # type: ignore[attr-defined]
    assert progress._displayed() is None


@pytest.mark.parametrize(("rate", "text"), [(1234.5, "1,234/s"), (2.345, "2.3/s"), (0.05, "3.0/min")])
def test_rates(rate: float, text: str) -> None:
    assert format_rate(rate) == text


def test_bars_are_entered_first() -> None:
    with pytest.raises(RuntimeError, match="enter Bars"):
        Bars()("Mapping")
