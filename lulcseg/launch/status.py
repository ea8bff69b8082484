"""How far a trial is: what is done, running, failed or missing, and how long the rest may take."""

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

STATES = ("done", "running", "failed", "cut off", "missing")


@dataclass(frozen=True)
class Standing:
    """How one replicate stands.

    Attributes:
        value: Name of its value.
        seed: Its seed.
        state: One of :data:`STATES`; ``cut off`` goes on where it was once the sweep is started again.
        seconds: What it took, training and mapping, if it is done.
        epochs: Epochs had and wanted, where it says.
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
        """Share of it that is to be done, 0…1."""
        if self.state == "done":
            return 0.0
        if self.state in {"running", "cut off"} and self.epochs is not None:
            return max(0.0, 1 - self.epochs[0] / self.epochs[1])
        return 1.0


def survey(folder: Path) -> list[Standing]:
    """Look at all replicates of a trial, by value and seed.

    Raises:
        LulcsegError: The folder is no trial's.
    """
    trial_folder = TrialFolder(folder)
    trial = read_json(trial_folder.description)
    if trial is None:
        remedy = f"give a folder that holds {trial_folder.description.name}"
        raise LulcsegError("it is no trial's folder", where=folder, remedy=remedy)
    return [_standing(trial_folder, value["name"], seed) for value in trial["values"] for seed in trial["seeds"]]


def seconds_left(runs: Sequence[Standing]) -> float | None:
    """Estimate the seconds that the rest takes, from what is done: of the same value, or else of any.

    Runs that go on at once share the time. None where nothing is done yet, 0 where all is.
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


def print_status(folder: Path, runs: Sequence[Standing]) -> None:
    """Print a table with a row a value, and a line for each run that is running or failed."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    trial = read_json(TrialFolder(folder).description) or {}
    console = Console(highlight=False)
    console.print(f"\n[bold]{escape(str(trial.get('title')))}[/bold]  {escape(str(folder))}", soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
    table.add_column("value")
    for name in (*STATES, "time left"):
        table.add_column(name, justify="right")
    for value in dict.fromkeys(run.value for run in runs):
        own = [run for run in runs if run.value == value]
        table.add_row(escape(value), *_counts(own), _duration(_left_of(value, runs)))
    table.add_row("all", *_counts(runs), _duration(seconds_left(runs)), style="bold")
    console.print(table)
    for run in runs:
        told = f"{run.value}, seed {run.seed}"
        if run.state in {"running", "cut off"} and run.epochs is not None:
            had, wanted = run.epochs
            console.print(f"  {escape(told)}: {run.state}, {had} of {wanted} epochs done", soft_wrap=True)
        if run.state == "failed":
            console.print(f"  {escape(told)}: [red]failed[/red] {escape(str(run.error))}", soft_wrap=True)


def _left_of(value: str, runs: Sequence[Standing]) -> float | None:
    """Estimate the seconds that one value's runs take, one after another."""
    whole = [run if run.value == value else Standing(run.value, run.seed, "done", run.seconds) for run in runs]
    return seconds_left(whole)


def _counts(runs: Sequence[Standing]) -> list[str]:
    return [str(sum(run.state == state for run in runs) or "·") for state in STATES]


def _standing(folder: TrialFolder, value: str, seed: int) -> Standing:
    run = folder.run(value, seed)
    record = RunRecord.read(run)
    if record is not None and record.is_complete:
        return Standing(value, seed, "done", seconds=_took(record))
    epochs = _epochs(run)
    if is_locked(run.path):
        return Standing(value, seed, "running", epochs=epochs)
    if record is None:
        return Standing(value, seed, "missing")
    if record.state == "failed":
        return Standing(value, seed, "failed", epochs=epochs, error=record.error)
    return Standing(value, seed, "cut off", epochs=epochs)


def _took(record: RunRecord) -> float:
    """Return the seconds that a run took; a prediction's training was another run's."""
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
