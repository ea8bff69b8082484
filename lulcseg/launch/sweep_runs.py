"""Running a sweep: each missing replicate in its own process, none twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json, write_json
from lulcseg.launch.child_process import run_child
from lulcseg.launch.trial_folder import Settings, check_layout, folder_of, write_trial
from lulcseg.locks import replicate_lock
from lulcseg.processes import is_rank_zero, print_line
from lulcseg.run.chosen_checkpoints import first_run
from lulcseg.run_folder.folder import RunFolder, TrialFolder
from lulcseg.run_folder.record import RunRecord, timestamp
from lulcseg.run_folder.record_parts import TrialEntry
from lulcseg.settings.config import PredictConfig

SCORE = "score"
"""Key under which the process adds the run's score to the request."""


def begin_sweep(runs: Sequence[Settings]) -> Path:
    """Check that a sweep can be run, and write its ``trial.json``.

    Args:
        runs: Settings of its runs, in order.

    Returns:
        The trial's folder.

    Raises:
        LulcsegError: Runs whose folders are not laid out as a trial's; or finished runs by other settings, if those are
            refused.
    """
    folder = check_layout(runs)
    refused = [s for s in runs if s.trial.changed == "refuse" and is_finished(s) and not _is_same(s)]
    if refused:
        first = refused[0]
        count = "1 finished run is" if len(refused) == 1 else f"{len(refused)} finished runs are"
        raise LulcsegError(
            f"{count} by other settings or files (this one: {_difference(first)})",
            where=folder_of(first).path,
            remedy="choose another trial.name=…, or trial.changed=keep (they stay) or redo (they are moved aside)",
        )
    write_trial(folder, runs)
    return folder


def run_replicate(program: str, settings: Settings, command: str) -> None:
    """Run one replicate, unless it is finished or another process runs it.

    Its failure is recorded in its folder and raises nothing, so that the rest of the sweep goes on.

    Args:
        program: "train" or "predict".
        settings: Its settings.
        command: The sweep's command line, for the record.
    """
    if not is_rank_zero():
        return  # a launcher's other tasks: the first starts as many processes as there are devices
    settings = with_scene(settings)
    folder = folder_of(settings)
    label = f"{settings.trial.name}: {settings.trial.value}, seed {settings.seed}"
    with replicate_lock(folder.path) as lock:
        if lock is None:
            print_line(f"{label}: another process is running it")
            return
        if not _to_be_run(settings, label):
            return
        print_line(f"{label}: {folder.path}")
        if _started(program, settings, command, lock):
            record = _record_of(folder)
            print_line(f"{label}: {record.state} ({record.error})")


def run_apart(program: str, settings: Settings, command: str) -> float | None:
    """Run one of several runs that are not a trial's replicates, in a process of its own.

    Returns:
        Its score, or None without one.

    Raises:
        LulcsegError: It failed; its record says why.
    """
    folder = folder_of(settings)
    with replicate_lock(folder.path) as lock:
        if lock is None or _started(program, settings, command, lock):
            why = _record_of(folder).error or "another process runs it"
            raise LulcsegError(f"the run failed ({why})", where=folder.path, remedy="see above")
    score = (read_json(folder.request) or {}).get(SCORE)
    return None if score is None else float(score)


def _started(program: str, settings: Settings, command: str, lock: int) -> int:
    """Run a process that starts or resumes a run, and return its exit code."""
    folder = folder_of(settings)
    folder.path.mkdir(parents=True, exist_ok=True)
    request = {"format": 1, "program": program, "command": command, "settings": asdict(settings)}
    write_json(folder.request, request)
    code = run_child(folder.path, lock)
    if code:
        note_failure(folder, settings, "failed", _ended(code))
    return code


def note_failure(folder: RunFolder, settings: Settings, state: str, error: str) -> None:
    """Record that a replicate failed or was interrupted, unless its record has an outcome already."""
    record = _record_of(folder)
    if record.is_complete or record.state in {"interrupted", "failed"}:
        return
    now = timestamp()
    start = RunRecord.of(
        format=1, name=settings.trial.value or getattr(settings, "name", None), seed=settings.seed, started=now
    )
    begun = RunRecord.from_plain(start.to_plain() | record.to_plain())
    begun.updated(trial=TrialEntry.of_settings(settings.trial), state=state, finished=now, error=error).save(folder)


def with_scene(settings: Settings) -> Settings:
    """Return a prediction's settings, with the scene that its model was trained on if none is requested."""
    if not isinstance(settings, PredictConfig) or settings.scene is not None or settings.checkpoint is None:
        return settings
    trained = _config_of(first_run(settings))
    names = (trained.get("scenes") or {}).get("train") or [trained.get("scene")]
    return replace(settings, scene=names[0])


def _to_be_run(settings: Settings, label: str) -> bool:
    """Decide whether a replicate is to be run; an unfinished or outdated run in its folder is moved aside."""
    folder = folder_of(settings)
    if not folder.record.exists():
        return True
    if _is_same(settings):
        if done := is_finished(settings):
            print_line(f"{label}: done already")
        return not done
    if is_finished(settings) and settings.trial.changed != "redo":
        print_line(f"{label}: kept, though by other settings ({_difference(settings)})")
        return False
    print_line(f"{label}: what was there is by other settings, moved to {_move_aside(folder)}")
    return True


def is_finished(settings: Settings) -> bool:
    """Whether a run's folder holds a finished run, by whatever settings."""
    return _record_of(folder_of(settings)).is_complete


def _is_same(settings: Settings) -> bool:
    """Whether a folder's run has these settings and files; without a fingerprint in its record it has not.

    Raises:
        LulcsegError: A finished run's scenes or files can't be read, so that it can't be compared.
    """
    from lulcseg.run.fingerprint import fingerprint_of

    record = _record_of(folder_of(settings))
    known = record.fingerprint
    try:
        return known is not None and known == fingerprint_of(with_scene(settings))
    except LulcsegError:
        if record.is_complete:
            raise
        return known is None  # it failed before anything was known, and may do so again


def _difference(settings: Settings) -> str:
    from lulcseg.run.fingerprint import differing

    found = differing(settings, _config_of(folder_of(settings)))
    return ", ".join(found) or "a file of a scene or of a model, or the version of lulcseg"


def _record_of(folder: RunFolder) -> RunRecord:
    """Return a run's record, empty if it doesn't exist or is damaged."""
    return RunRecord.read(folder) or RunRecord.of()


def _config_of(folder: RunFolder) -> dict[str, Any]:
    try:
        content = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        content = None
    if isinstance(content, dict):
        return content
    settings = (read_json(folder.request) or {}).get("settings")
    return settings if isinstance(settings, dict) else {}


def _move_aside(run: RunFolder) -> Path:
    """Move a run to a folder where it does not count as one of the trial's."""
    known = _record_of(run).fingerprint or "unknown"
    folder = TrialFolder.of_run(run).moved_aside / run.path.parent.name
    folder.mkdir(parents=True, exist_ok=True)
    name, number = f"{run.path.name}.{known[:8]}", 1
    while (folder / name).exists():
        number += 1
        name = f"{run.path.name}.{known[:8]}.{number}"
    return run.path.rename(folder / name)


def _ended(code: int) -> str:
    if code < 0:
        why = ", perhaps for lack of memory" if code == -9 else ""
        return f"Its process was ended by signal {-code}{why}."
    return f"Its process ended with exit code {code}."
