"""Training's lines in a log file."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lulcseg import progress
from lulcseg.training.progress_bar import PatchProgress, training_progress
from lulcseg.training.progress_lines import TrainingLines


def trained(monkeypatch: pytest.MonkeyPatch, until: int, *, first: bool = True) -> TrainingLines:
    """Take 100 steps of ten seconds each, or fewer."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    trainer = SimpleNamespace(is_global_zero=first, global_step=0, estimated_stepping_batches=100)
    lines = TrainingLines()
    lines.on_train_start(trainer, None)  # type: ignore[arg-type]
    for step in range(1, until + 1):
        for _ in range(2):  # micro-batches of a step
            now[0] += 5
            trainer.global_step = step
            lines.on_train_batch_end(trainer)  # type: ignore[arg-type]
    lines.on_train_end(trainer, None)  # type: ignore[arg-type]
    return lines


def test_lines_give_rate_and_time_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    trained(monkeypatch, 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Training: 0 of 100 steps"
    assert lines[1].startswith("Training: 10 of 100 steps (10%), 6.3/min, 0:14:")
    assert len(lines) == 11
    assert lines[-1] == "Training: 100 steps done in 0:16:40 (6.0/min)"


def test_a_training_that_stops_early_says_its_steps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(monkeypatch, 42)
    assert capsys.readouterr().err.splitlines()[-1] == "Training: 42 steps done in 0:07:00 (6.0/min)"


def test_other_processes_write_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    trained(monkeypatch, 10, first=False)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(training_progress(), TrainingLines)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    assert isinstance(training_progress(), PatchProgress)
