"""The runs of a trial on its page: which finished, failed, or are missing."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.trials.replicates import Replicate
from lulcseg.trials.trial_reader import Trial

_MARKS = {"finished": "●", "failed": "✕", "running": "◐", "missing": "○"}


@dataclass(frozen=True)
class RunCell:
    """One run: its state, its mark, and a description."""

    state: str
    mark: str
    about: str


@dataclass(frozen=True)
class RunRow:
    """A value's runs, one cell per seed."""

    name: str
    cells: list[RunCell]


@dataclass(frozen=True)
class RunsView:
    """All runs of a trial.

    Attributes:
        seeds: The columns.
        rows: One row per value.
        sentence: Number of runs in each state.
    """

    seeds: list[int]
    rows: list[RunRow]
    sentence: str


def runs_view(trial: Trial) -> RunsView:
    """Return the state of the run of every value and seed, without values that exist once."""
    values = [v.name for v in trial.values if trial.has_seeds(v.name)]
    runs = [r for r in trial.replicates if r.value in values]
    seeds = [*trial.seeds, *sorted({r.seed for r in runs} - set(trial.seeds))]
    by_place = {(r.value, r.seed): r for r in runs}
    rows = [RunRow(name, [_cell(by_place.get((name, seed)), name, seed) for seed in seeds]) for name in values]
    states = [cell.state for row in rows for cell in row.cells]
    counts = {
        "finished": states.count("finished"),
        "failed": states.count("failed"),
        "not finished": states.count("running"),
        "missing": states.count("absent-run"),
    }
    parts = [f"{n} {what}" for what, n in counts.items() if n or what in ("finished", "failed", "missing")]
    return RunsView(seeds, rows, f"{len(states)} planned: {', '.join(parts)}")


def _cell(run: Replicate | None, value: str, seed: int) -> RunCell:
    who = f"{value}, seed {seed}"
    if run is None:
        return RunCell("absent-run", _MARKS["missing"], f"{who}: missing")
    if run.counts:
        return RunCell("finished", _MARKS["finished"], f"{who}: finished")
    if run.state in {"running", "interrupted"}:
        return RunCell("running", _MARKS["running"], f"{who}: not finished")
    reason = (run.error or "no reason is recorded").strip().splitlines()[0]
    return RunCell("failed", _MARKS["failed"], f"{who}: failed ({reason})")
