"""Progress of a trial: which replicates are done, running, failed or missing, and the time left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json
from lulcseg.locks import is_locked
from lulcseg.run_folder.folder import RunFolder, TrialFolder
from lulcseg.run_folder.record import RunRecord

_WIDTH = 100
"""Terminal columns from which on the table of states is spaced widely."""

STATES = ("done", "running", "failed", "cut off", "missing")


@dataclass(frozen=True)
class ReplicateStatus:
    """Status of one replicate.

    Attributes:
        value: Name of its value.
        seed: Its seed.
        state: One of :data:`STATES`; a replicate that is ``cut off`` is resumed when the sweep is started again.
        seconds: Time of training and mapping in seconds, if it is done.
        epochs: Epochs done and total, if known.
        error: What went wrong, if it failed.
    """

    value: str
    seed: int
    state: str
    seconds: float | None = None
    epochs: tuple[int, int] | None = None
    error: str | None = None

    @property
    def left(self) -> float:
        """Share of its work that is left, 0…1."""
        if self.state == "done":
            return 0.0
        if self.state in {"running", "cut off"} and self.epochs is not None:
            return max(0.0, 1 - self.epochs[0] / self.epochs[1])
        return 1.0


def survey(folder: Path) -> list[ReplicateStatus]:
    """Return the status of all replicates of a trial, by value and seed.

    Raises:
        LulcsegError: The folder is not a trial's.
    """
    trial_folder = TrialFolder(folder)
    trial = read_json(trial_folder.description)
    if trial is None:
        remedy = f"give a folder that holds {trial_folder.description.name}"
        raise LulcsegError("it is not the folder of a trial", where=folder, remedy=remedy)
    return [_standing(trial_folder, value["name"], seed) for value in trial["values"] for seed in trial["seeds"]]


def seconds_left(runs: Sequence[ReplicateStatus]) -> float | None:
    """Estimate the seconds left, from finished replicates of the same value, or else of any value.

    Replicates that run at the same time share it. None before the first is finished, 0 when all are.
    """
    if all(run.state == "done" for run in runs):
        return 0.0
    known = [(run.value, run.seconds) for run in runs if run.seconds is not None]
    if not known:
        return None
    overall = fmean(seconds for _, seconds in known)
    total = 0.0
    for run in runs:
        own = [seconds for value, seconds in known if value == run.value]
        total += run.left * (fmean(own) if own else overall)
    return total / max(1, sum(run.state == "running" for run in runs))


def print_status(folder: Path, runs: Sequence[ReplicateStatus]) -> None:
    """Print a table with a row per value, and a line for each replicate that is running, cut off or failed."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    trial = read_json(TrialFolder(folder).description) or {}
    console = Console(highlight=False)
    console.print(f"\n[bold]{escape(str(trial.get('title')))}[/bold]  {escape(str(folder))}", soft_wrap=True)
    gap = 2 if console.width >= _WIDTH else 1
    table = Table(box=None, padding=(0, gap, 0, gap), header_style="dim")
    table.add_column("value", overflow="fold")  # names often differ at their ends alone
    for heading in (*STATES, "time left"):
        table.add_column(heading, justify="right", no_wrap=True)
    for value in dict.fromkeys(run.value for run in runs):
        own = [run for run in runs if run.value == value]
        table.add_row(escape(value), *_counts(own), _duration(_left_of(value, runs)))
    table.add_row("all", *_counts(runs), _duration(seconds_left(runs)), style="bold")
    console.print(table)
    for run in runs:
        name = f"{run.value}, seed {run.seed}"
        if run.state in {"running", "cut off"} and run.epochs is not None:
            done, total = run.epochs
            console.print(f"  {escape(name)}: {run.state}, {done} of {total} epochs done", soft_wrap=True)
        if run.state == "failed":
            console.print(f"  {escape(name)}: [red]failed[/red] {escape(str(run.error))}", soft_wrap=True)


def _left_of(value: str, runs: Sequence[ReplicateStatus]) -> float | None:
    """Estimate the seconds that one value's runs take, one after another."""
    whole = [run if run.value == value else ReplicateStatus(run.value, run.seed, "done", run.seconds) for run in runs]
    return seconds_left(whole)


def _counts(runs: Sequence[ReplicateStatus]) -> list[str]:
    return [str(sum(run.state == state for run in runs) or "·") for state in STATES]


def _standing(folder: TrialFolder, value: str, seed: int) -> ReplicateStatus:
    run = folder.run(value, seed)
    record = RunRecord.read(run)
    if record is not None and record.is_complete:
        return ReplicateStatus(value, seed, "done", seconds=_took(record))
    epochs = _epochs(run)
    if is_locked(run.path):
        return ReplicateStatus(value, seed, "running", epochs=epochs)
    if record is None:
        return ReplicateStatus(value, seed, "missing")
    if record.state == "failed":
        return ReplicateStatus(value, seed, "failed", epochs=epochs, error=record.error)
    return ReplicateStatus(value, seed, "cut off", epochs=epochs)


def _took(record: RunRecord) -> float:
    """Return the seconds that a run took; the training of a predicted model belongs to another run."""
    training = record.training_seconds or 0.0 if record.state == "finished" else 0.0
    return training + sum(entry.seconds for entry in record.maps or ())


def _epochs(run: RunFolder) -> tuple[int, int] | None:
    content = read_json(run.progress)
    try:
        return None if content is None else (int(content["epoch"]), int(content["epochs"]))
    except (KeyError, TypeError, ValueError):
        return None


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds == 0:
        return "·"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min" if minutes else "< 1 min"
