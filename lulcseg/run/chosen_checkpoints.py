"""Which checkpoints a prediction's settings name: files, or the replicates of a trial's value."""

from __future__ import annotations

from pathlib import Path

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import path_of, read_json
from lulcseg.invocation import call_of
from lulcseg.run_folder.folder import RunFolder, TrialFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.config import PredictConfig


def chosen_checkpoints(config: PredictConfig) -> list[Path]:
    """Return the checkpoints of a prediction, in order; several are averaged.

    A folder ``<trial>/<value>`` stands for its replicates by ``members``: all of them, the one of ``seed``, or all
    others, in the order of their seeds.

    Raises:
        LulcsegError: None is named, a folder is no trial's value, a replicate is missing or not trained to the end, or
            ``members`` chooses nothing.
    """
    chosen = [path for entry in _entries(config) for path in _checkpoints_of(entry)]
    if config.members == "all":
        return chosen
    folder = replicates_folder(config)
    if folder is None or config.seed is None:
        raise LulcsegError(
            f"members={config.members} chooses among the replicates of a trial's value by their seed",
            where="configuration",
            remedy="give checkpoint=runs/<trial>/<value> and seed=…",
        )
    own = [path for path in chosen if RunFolder.of_checkpoint(path).named_seed == config.seed]
    found = own if config.members == "one" else [path for path in chosen if path not in own]
    if not own or not found:
        raise LulcsegError(
            f"members={config.members} leaves no model: there is no other replicate than that of seed {config.seed}"
            if own
            else f"it has no replicate of seed {config.seed}",
            where=folder,
            remedy="choose another seed",
        )
    return found


def replicates_folder(config: PredictConfig) -> Path | None:
    """Return the folder of a trial's value whose replicates are predicted with, if it is one; it need not exist."""
    entries = _entries(config)
    return entries[0] if len(entries) == 1 and entries[0].suffix != ".ckpt" and not entries[0].is_file() else None


def first_run(config: PredictConfig) -> RunFolder:
    """Return the folder of the run that the first checkpoint belongs to, whether or not that exists."""
    entry = _entries(config)[0]
    seeds = sorted(_runs_in(entry), key=lambda run: run.named_seed or 0)
    return seeds[0] if seeds else RunFolder.of_checkpoint(entry)


def _entries(config: PredictConfig) -> list[Path]:
    """Return the paths that ``checkpoint`` names."""
    named = config.checkpoint if isinstance(config.checkpoint, list) else [config.checkpoint]
    if config.checkpoint is None:
        raise LulcsegError("checkpoint is missing", where="command line", remedy="write checkpoint=…")
    return [path_of(str(name), "checkpoint").resolve() for name in named]


def _checkpoints_of(entry: Path) -> list[Path]:
    """Return the checkpoint that a path names, or those of a value's replicates."""
    if entry.suffix == ".ckpt" and not entry.is_dir():
        return [entry]
    if entry.exists():
        return _replicates(entry) if entry.is_dir() else [entry]
    trial = TrialFolder(entry.parent)
    if values := _values_of(trial):
        remedy = did_you_mean(entry.name, values)
        raise LulcsegError(f"the trial has no value '{entry.name}'", where=trial.path, remedy=remedy)
    trials = sorted(path.name for path in trial.path.parent.glob("*/") if _values_of(TrialFolder(path)))
    raise LulcsegError(
        f"there is neither a checkpoint {entry} nor a trial {trial.path} with a value '{entry.name}'",
        where="checkpoint",
        remedy=did_you_mean(trial.path.name, trials) if trials else "give the path of a .ckpt, or runs/<trial>/<value>",
    )


def _runs_in(folder: Path) -> list[RunFolder]:
    return [run for path in folder.glob("seed*") if (run := RunFolder(path)).named_seed is not None]


def _replicates(folder: Path) -> list[Path]:
    """Return the checkpoints of all replicates of a trial's value, by seed."""
    runs = {int(run.named_seed or 0): run for run in _runs_in(folder)}
    trial = TrialFolder(folder.parent)
    content = read_json(trial.description) or {}
    if any(value.get("name") == folder.name for value in content.get("values", [])):
        runs = {int(seed): trial.run(folder.name, int(seed)) for seed in content.get("seeds", [])} | runs
    if not runs:
        raise LulcsegError(
            "it is no folder of a trial's value: it holds no seed<k>",
            where=folder,
            remedy=f"give a checkpoint, or one of {_values_in(folder)}",
        )
    records = {seed: RunRecord.read(run) for seed, run in sorted(runs.items())}
    found = {seed: _checkpoint_of(runs[seed], record) for seed, record in records.items()}
    lacking = [f"seed {seed} ({_state(records[seed])})" for seed, path in found.items() if path is None]
    if lacking:
        done = [str(path) for path in found.values() if path is not None]
        raise LulcsegError(
            f"{len(lacking)} of its {len(found)} replicates are not trained to the end: {', '.join(lacking)}",
            where=folder,
            remedy=f"run its sweep to the end ({call_of('train')} -m +sweeps=…)"
            + (f", or give those that are: 'checkpoint=[{','.join(done)}]'" if done else ""),
        )
    return [path for path in found.values() if path is not None]


def _checkpoint_of(run: RunFolder, record: RunRecord | None) -> Path | None:
    """Return a run's checkpoint; None if its training isn't complete, as its record tells."""
    if record is None or not isinstance(record.checkpoint, str):
        return None
    path = run.path / record.checkpoint
    return path if path.is_file() else None


def _state(record: RunRecord | None) -> str:
    return "not begun" if record is None else str(record.state or "without a state")


def _values_in(folder: Path) -> str:
    """Name the values of the trial that a folder is, if it is one."""
    return ", ".join(str(folder / name) for name in _values_of(TrialFolder(folder))) or "its runs' checkpoints"


def _values_of(trial: TrialFolder) -> list[str]:
    """Return the names of a trial's values that have runs, sorted; none of a folder that is no trial's."""
    nested = [run for run in trial.runs() if run.path.parent != trial.path]
    return sorted({run.path.parent.name for run in nested if run.named_seed is not None})
