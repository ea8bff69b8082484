"""One attempt at a run: its record begun, resumed from an earlier attempt, and closed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from lulcseg.errors import LulcsegError, describe_error, failure_state
from lulcseg.files import replacing
from lulcseg.invocation import this_command
from lulcseg.run_folder.creation import HELD
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RecordWriter, RunRecord, timestamp
from lulcseg.run_folder.record_parts import PlanEntry, TrialEntry
from lulcseg.sampling.plan import Plan
from lulcseg.settings.config import PredictConfig, TrainConfig
from lulcseg.training.checkpoints import epochs_done
from lulcseg.training.resources import larger_peaks, peak_memory
from lulcseg.training.training_settings import TrainingSettings

_OF_TRAINING = (
    "checkpoint", "checkpoint_sha256", "selection", "training_seconds", "reading_seconds", "energy_wh", "energy_of",
    "steps", "dropped_patches",
)  # fmt: skip
_SUMMED = ("training_seconds", "reading_seconds", "energy_wh", "steps")
_PEAKS = ("peak_memory_bytes", "peak_device_memory_bytes")


@dataclass(frozen=True)
class Earlier:
    """An earlier attempt at the same run, with the same settings and files.

    Attributes:
        record: Its record.
        trained: Whether its training was completed.
        last: Checkpoint to resume from, if training was interrupted; below the run's folder.
    """

    record: RunRecord
    trained: bool = False
    last: str | None = None

    def taken_over(self, plan: str | None) -> dict[str, Any]:
        """Return the attributes that the next attempt's record starts with.

        Args:
            plan: Digest of the next attempt's plan, None without one; training on another plan isn't taken over.
        """
        kept = ["started", "computing", *_PEAKS]
        start: dict[str, Any] = {"attempts": self.record.attempts + 1}
        if plan == self.record.plan_digest:
            start["goes_on_from"] = self.last
            kept += _OF_TRAINING if self.trained else []
        return start | self.record.pick(*kept)


def earlier_attempt(folder: RunFolder, fingerprint: str, settings: TrainConfig | PredictConfig) -> Earlier | None:
    """Look for an attempt that a run may be resumed from.

    Returns:
        The attempt; None if there was none.

    Raises:
        LulcsegError: The folder holds another run, or a finished one.
    """
    if not folder.has_record:
        return None
    record = RunRecord.load(folder)
    if record.state in {"interrupted", "failed"} and record.fingerprint is None:  # it ended before anything began
        return Earlier(record)
    if record.fingerprint != fingerprint or record.state not in {"running", "interrupted", "failed"}:
        raise LulcsegError(
            "it holds a run already",
            where=folder.path,
            remedy=HELD,
        )
    if isinstance(settings, PredictConfig):
        return Earlier(record)
    if record.checkpoint is not None and (folder.path / str(record.checkpoint)).is_file():
        return Earlier(record, trained=True)
    last = _checkpoint_to_resume(folder, TrainingSettings.of(settings))
    return Earlier(record, last=None if last is None else folder.relative(last))


def begin_record(
    folder: RunFolder,
    config: TrainConfig | PredictConfig,
    start: Mapping[str, Any],
    fingerprint: str,
    command: str | None,
) -> RecordWriter:
    """Begin a run's record, and write its settings.

    Args:
        folder: The run's folder.
        config: Its settings.
        start: Attributes of the record that only this kind of run has, and those taken over.
        fingerprint: The run's.
        command: The command line; None: this process's.
    """
    with replacing(folder.config) as part:
        part.write_text(yaml.safe_dump(asdict(config), sort_keys=False, allow_unicode=True))
    known = {
        "trial": TrialEntry.of_settings(config.trial),
        "fingerprint": fingerprint,
        "command": command or this_command(),
        "started": timestamp(),
        "attempts": 1,
    }
    return RecordWriter(folder, RunRecord.of(**{"format": 1, **start, **known, **start}))


@contextmanager
def recording_outcome(writer: RecordWriter, state: str) -> Iterator[None]:
    """Record how the block ended, and its peak memory.

    Args:
        writer: The run's record.
        state: State of the run if the block ends without an exception.
    """
    try:
        yield
    except BaseException as error:
        ended = {"state": failure_state(error), "finished": timestamp(), "error": describe_error(error)}
        writer.update(**ended, **peaks_with(writer.record))
        raise
    writer.update(state=state, finished=timestamp(), **peaks_with(writer.record))


def peaks_with(record: RunRecord) -> dict[str, Any]:
    """Return the largest memory held by this process or an earlier attempt, as attributes of the record."""
    return larger_peaks(peak_memory(), record.pick(*_PEAKS))


def model_entries(checkpoints: Sequence[Path]) -> dict[str, Any]:
    """Return what a prediction's record says of its models' training and plan, from the runs they were trained in.

    Times, energy and steps of several models are summed, where all of them are known.
    """
    folders = [RunFolder.of_checkpoint(path) for path in checkpoints]
    trained = [RunRecord.load(folder) if folder.has_record else RunRecord.of() for folder in folders]
    digests = {record.plan_digest for record in trained}
    digest = digests.pop() if len(digests) == 1 else None
    plan = None if digest is None else PlanEntry.of(digest=digest)
    if len(checkpoints) == 1:
        return trained[0].pick(*_OF_TRAINING) | {"checkpoint": str(checkpoints[0]), "plan": plan}
    of_all: dict[str, Any] = {}
    for key in (*_SUMMED, "energy_of"):
        values = [record.pick(key).get(key) for record in trained]
        if None not in values and (key in _SUMMED or len(set(values)) == 1):
            of_all[key] = sum(values) if key in _SUMMED else values[0]
    return of_all | {"checkpoint": [str(path) for path in checkpoints], "plan": plan}


def training_plans(checkpoints: Sequence[Path]) -> list[Plan]:
    """Return the plans that models were trained on, each once; none if a model's run has no plan or isn't available."""
    folders = [RunFolder.of_checkpoint(path) for path in checkpoints]
    if not all(folder.has_record and folder.plan.is_file() for folder in folders):
        return []
    plans = [Plan.load(folder.plan) for folder in folders]
    return list({plan.digest(): plan for plan in plans}.values())


def _checkpoint_to_resume(folder: RunFolder, settings: TrainingSettings) -> Path | None:
    """Return the last checkpoint that an interrupted training can resume from, or else its best; None without one.

    What was there and can't be used is reported on stderr.
    """
    for checkpoint in (folder.last, folder.best):
        if not checkpoint.exists():
            continue
        try:
            epochs_done(checkpoint, settings)
        except LulcsegError as error:
            sys.stderr.write(f"lulcseg: not resumed from this checkpoint: {error}\n")
        else:
            return checkpoint
    return None
