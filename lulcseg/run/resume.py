"""One attempt at a run: its record begun, taken up from an earlier attempt, and closed."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from lulcseg.errors import LulcsegError, describe_error, failure_state
from lulcseg.files import replacing
from lulcseg.run_folder.record import RECORD_NAME, RunRecord, timestamp, trial_entry
from lulcseg.sampling.plan import Plan
from lulcseg.settings.programs import PredictConfig, TrainConfig
from lulcseg.training.checkpoints import epochs_done
from lulcseg.training.resources import larger_peaks, peak_memory
from lulcseg.training.training_settings import TrainingSettings

LAST = "checkpoints/last.ckpt"
_OF_TRAINING = (
    "checkpoint", "training_seconds", "reading_seconds", "energy_wh", "energy_of", "steps", "dropped_patches",
)  # fmt: skip
_PEAKS = ("peak_memory_bytes", "peak_device_memory_bytes")


@dataclass(frozen=True)
class Earlier:
    """An earlier attempt at the same run, by the same settings and files.

    Attributes:
        content: Its record.
        trained: Whether its training came to its end.
        last: Checkpoint to go on from, where it was cut off in training.
    """

    content: Mapping[str, Any]
    trained: bool = False
    last: Path | None = None

    def taken_over(self, plan: str | None) -> dict[str, Any]:
        """Return what the next attempt's record starts with.

        Args:
            plan: Digest of the next attempt's plan; what was trained by another doesn't count. None: there is none.
        """
        kept = ["started", *_PEAKS]
        start: dict[str, Any] = {"attempts": int(self.content.get("attempts", 1)) + 1}
        if plan == (self.content.get("plan") or {}).get("digest"):
            start["goes_on_from"] = None if self.last is None else LAST
            kept += _OF_TRAINING if self.trained else []
        return start | {key: self.content[key] for key in kept if key in self.content}


def earlier_attempt(run_dir: Path, fingerprint: str, settings: TrainConfig | PredictConfig) -> Earlier | None:
    """Look for an attempt that a run may go on from.

    Returns:
        The attempt; None where there was none.

    Raises:
        LulcsegError: The folder holds another run, or one that is finished.
    """
    if not (run_dir / RECORD_NAME).is_file():
        return None
    content = RunRecord.load(run_dir).content
    known, state = content.get("fingerprint"), content.get("state")
    if state in {"interrupted", "failed"} and known is None:  # nothing was begun
        return Earlier(content)
    if known != fingerprint or state not in {"running", "interrupted", "failed"}:
        raise LulcsegError("it holds a run already", where=run_dir, remedy="choose another run_dir, or remove it")
    if isinstance(settings, PredictConfig):
        return Earlier(content)
    if "checkpoint" in content and (run_dir / str(content["checkpoint"])).is_file():
        return Earlier(content, trained=True)
    return Earlier(content, last=_usable(run_dir / LAST, TrainingSettings.of(settings)))


def begin_record(
    run_dir: Path,
    config: TrainConfig | PredictConfig,
    start: Mapping[str, Any],
    fingerprint: str,
    command: str | None,
) -> RunRecord:
    """Begin a run's record, and write its settings.

    Args:
        run_dir: The run's folder.
        config: Its settings.
        start: Entries that only this kind of run has, and those taken over.
        fingerprint: The run's.
        command: The command line; None: this process's.
    """
    with replacing(run_dir / "config.yaml") as part:
        part.write_text(yaml.safe_dump(asdict(config), sort_keys=False, allow_unicode=True))
    known = {"trial": trial_entry(config), "fingerprint": fingerprint, "command": command or _command()}
    return RunRecord(run_dir, {"format": 1, **start, **known} | {"started": timestamp(), "attempts": 1} | dict(start))


@contextmanager
def recording_outcome(record: RunRecord, state: str) -> Iterator[None]:
    """Say in a run's record how the block ended, and how much memory it took.

    Args:
        record: The record.
        state: What a run is called that ends well.
    """

    def peaks() -> dict[str, Any]:
        return larger_peaks(peak_memory(), record.content)

    try:
        yield
    except BaseException as error:
        record.update(state=failure_state(error), finished=timestamp(), error=describe_error(error), **peaks())
        raise
    record.update(state=state, finished=timestamp(), **peaks())


def model_entries(checkpoint: Path) -> dict[str, Any]:
    """Return what a prediction's record says of its model: of its training and plan, from the run it was trained in."""
    run = checkpoint.parent.parent
    trained = RunRecord.load(run).content if (run / RECORD_NAME).is_file() else {}
    kept = {key: trained[key] for key in _OF_TRAINING if key in trained}
    plan = (trained.get("plan") or {}).get("digest")
    return kept | {"checkpoint": str(checkpoint), "plan": None if plan is None else {"digest": plan}}


def training_plan(checkpoint: Path) -> Plan | None:
    """Return the plan that a model was trained by, where its run is at hand."""
    run = checkpoint.parent.parent
    has_plan = (run / RECORD_NAME).is_file() and (run / "plan.gpkg").is_file()
    return Plan.load(run / "plan.gpkg") if has_plan else None


def _usable(checkpoint: Path, settings: TrainingSettings) -> Path | None:
    """Return a checkpoint if a training of these settings can go on from it."""
    try:
        epochs_done(checkpoint, settings)
    except LulcsegError:  # there is none, or it is damaged: the training starts anew
        return None
    return checkpoint


def _command() -> str:
    name = Path(sys.argv[0])
    script = os.path.relpath(name) if name.is_absolute() and name.is_relative_to(Path.cwd()) else str(name)
    return "python " + shlex.join([script, *sys.argv[1:]])
