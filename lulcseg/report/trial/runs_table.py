"""The trial page's account of its runs: which finished, failed, are missing; and their sampling plans."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lulcseg.pictures.encoding import jpeg_uri
from lulcseg.run_folder.folder import RunFolder
from lulcseg.trials.replicates import Replicate
from lulcseg.trials.trial_reader import Trial

_MARKS = {"finished": "●", "failed": "✕", "running": "◐", "missing": "○"}
_PLAN_SIDE = 760
"""Longer side of a plan's picture, in pixels."""

_MOST_PLANS = 8


@dataclass(frozen=True)
class RunCell:
    """One run: its mark, and what became of it."""

    state: str
    mark: str
    about: str


@dataclass(frozen=True)
class RunRow:
    """A value's runs, a cell a seed."""

    name: str
    cells: list[RunCell]


@dataclass(frozen=True)
class RunsView:
    """All runs of a trial.

    Attributes:
        seeds: Heading of each column.
        rows: A row a value.
        sentence: How many there are of each kind.
    """

    seeds: list[int]
    rows: list[RunRow]
    sentence: str


@dataclass(frozen=True)
class TrialPlanFigure:
    """A picture of a plan, and whose it is."""

    label: str
    uri: str


@dataclass(frozen=True)
class PlansView:
    """The trial's sampling plans: what is to be known of them, and pictures."""

    sentence: str
    figures: list[TrialPlanFigure]


def runs_view(trial: Trial) -> RunsView:
    """Say of every value and seed what became of its run."""
    seeds = [*trial.seeds, *sorted({r.seed for r in trial.replicates} - set(trial.seeds))]
    by_place = {(r.value, r.seed): r for r in trial.replicates}
    rows = [RunRow(v.name, [_cell(by_place.get((v.name, seed)), v.name, seed) for seed in seeds]) for v in trial.values]
    states = [cell.state for row in rows for cell in row.cells]
    counts = {
        "finished": states.count("finished"),
        "failed": states.count("failed"),
        "not finished": states.count("running"),
        "missing": states.count("absent-run"),
    }
    said = [f"{n} {what}" for what, n in counts.items() if n or what in ("finished", "failed", "missing")]
    return RunsView(seeds, rows, f"{len(states)} planned: {', '.join(said)}")


def plans_view(trial: Trial) -> PlansView | None:
    """Show the plans that the runs were trained by, each once; None where no record names one."""
    by_digest: dict[str, list[Replicate]] = {}
    for r in trial.replicates:
        if r.plan_digest:
            by_digest.setdefault(r.plan_digest, []).append(r)
    if not by_digest:
        return None
    figures = []
    for own in list(by_digest.values())[:_MOST_PLANS]:
        pictured = next(((r, found) for r in own if (found := RunFolder(r.path).plan_pictures())), None)
        if pictured is not None:
            figures += [TrialPlanFigure(_whose(own, trial, path), _small(path)) for path in pictured[1]]
    if len(by_digest) == 1:
        sentence = "All runs were trained by one sampling plan; only the seed of the training varies."
    else:
        sentence = f"The runs were trained by {len(by_digest)} sampling plans."
        if len(by_digest) > _MOST_PLANS:
            sentence += f" The first {_MOST_PLANS} are shown."
    return PlansView(sentence, figures)


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


def _whose(own: list[Replicate], trial: Trial, path: Path) -> str:
    held = {r.value for r in own}
    names = [v.name for v in trial.values if v.name in held]
    shown = "all values" if len(names) == len(trial.values) and len(names) > 1 else ", ".join(names)
    scene = path.stem.removeprefix("plan").lstrip("_")
    return f"{shown}: {scene}" if scene else shown


def _small(path: Path) -> str:
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        smaller = picture.convert("RGB")
        smaller.thumbnail((_PLAN_SIDE, _PLAN_SIDE))
        return jpeg_uri(smaller)
