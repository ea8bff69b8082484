"""A run's record, ``record.json``: what was run, on what, with what outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json, write_json
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record_entry import Entry
from lulcseg.run_folder.record_parts import EnvironmentEntry, GitEntry, MapEntry, PlanEntry, SceneEntry, TrialEntry
from lulcseg.run_folder.selection_entry import SelectionEntry

MAPPED = "mapped"
"""State of a prediction that has ended well."""

COMPLETE = ("finished", MAPPED)
"""States of a run that has ended well: a training's, a prediction's."""


@dataclass(frozen=True, kw_only=True)
class RunRecord(Entry):
    """A run's record.

    Attributes:
        format: Version of the file's format.
        name: Name of the run.
        seed: Seed of the training.
        trial: The trial it is a replicate of; None: a single run.
        fingerprint: Digest of all that its result depends on.
        command: Command line that started it.
        started: When its first attempt began (ISO 8601).
        attempts: How often it was begun.
        goes_on_from: Checkpoint that it was resumed from, below the run's folder.
        state: ``running``, ``interrupted``, ``failed``, or one of :data:`COMPLETE`.
        train_scenes: Names of the scenes it trained on.
        unlabelled_scenes: Names of the scenes whose imagery it used in training without labels.
        notes: What was noted of each scene, a sentence each.
        environment: What it ran on.
        git: State of the code; None: not a checkout.
        computing: How ``training`` and ``mapping`` are computed: ``precision``, ``channels_last``, ``threads`` (None:
            PyTorch's own number), and what ``decided_by``; None in a prediction's record, whose maps state it.
        plan: The sampling plan; None for a prediction whose model's plan isn't known.
        encoder_weights: The pretrained weights that its encoder started from: source, licence, mean and deviation of
            each band, bands, sha256, notes; None: random ones.
        class_weights: Weight of each class in the training loss, by name in the legend's order; None: all alike.
        scenes: The scenes, by name.
        shown: Where its curves and maps are displayed (:attr:`lulcseg.loggers.display.Display.address`).
        checkpoint: The model: below the run's folder; for a prediction's record an absolute path, or those of all
            models that were averaged.
        checkpoint_sha256: SHA-256 of that file, or of each; None: not kept by the version that wrote the record.
        selection: How the checkpoint's epoch was chosen.
        training_seconds: Time in training, waiting for data included, in seconds.
        reading_seconds: Of it, time waiting for data, in seconds.
        energy_wh: Energy used in training, in watt hours.
        energy_of: What used it: "gpu" or "cpu".
        steps: Optimiser steps.
        dropped_patches: Training patches that no device got in an epoch.
        maps: The maps; None in a record that doesn't list them.
        assessments: Paths of the assessments below the run's folder, without file extension; None: not listed.
        finished: When it ended (ISO 8601).
        error: What went wrong, a sentence.
        peak_memory_bytes: Largest main memory held, in bytes.
        peak_device_memory_bytes: Largest memory held on a device, in bytes.
    """

    format: int = 1
    name: str | None = None
    seed: int | None = None
    trial: TrialEntry | None = None
    fingerprint: str | None = None
    command: str | None = None
    started: str | None = None
    attempts: int = 1
    goes_on_from: str | None = None
    state: str | None = None
    train_scenes: Sequence[str] = ()
    unlabelled_scenes: Sequence[str] = ()
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    environment: EnvironmentEntry | None = None
    git: GitEntry | None = None
    computing: Mapping[str, Mapping[str, Any]] | None = None
    plan: PlanEntry | None = None
    class_weights: Mapping[str, float] | None = None
    encoder_weights: Mapping[str, Any] | None = None
    scenes: Mapping[str, SceneEntry] = field(default_factory=dict)
    shown: Mapping[str, str] | None = None
    checkpoint: str | Sequence[str] | None = None
    checkpoint_sha256: str | Sequence[str] | None = None
    selection: SelectionEntry | None = None
    training_seconds: float | None = None
    reading_seconds: float | None = None
    energy_wh: float | None = None
    energy_of: str | None = None
    steps: int | None = None
    dropped_patches: int | None = None
    maps: tuple[MapEntry, ...] | None = None
    assessments: tuple[str, ...] | None = None
    finished: str | None = None
    error: str | None = None
    peak_memory_bytes: int | None = None
    peak_device_memory_bytes: int | None = None

    readers = {  # noqa: RUF012 (a ClassVar of the base)
        "trial": TrialEntry.from_plain,
        "environment": EnvironmentEntry.from_plain,
        "git": GitEntry.from_plain,
        "plan": PlanEntry.from_plain,
        "selection": SelectionEntry.from_plain,
        "scenes": lambda plain: {name: SceneEntry.from_plain(entry) for name, entry in plain.items()},
        "maps": lambda plain: tuple(MapEntry.from_plain(entry) for entry in plain),
        "assessments": tuple,
    }

    @classmethod
    def load(cls, folder: RunFolder) -> RunRecord:
        """Read a run's record.

        Raises:
            LulcsegError: It doesn't exist or is damaged.
        """
        record = cls.read(folder)
        if record is None:
            raise LulcsegError(
                "not a run's folder, or its record is damaged",
                where=folder.record,
                remedy="give a folder train.py made",
            )
        return record

    @classmethod
    def read(cls, folder: RunFolder) -> RunRecord | None:
        """Read a run's record; None if it doesn't exist or is damaged."""
        plain = read_json(folder.record)
        try:
            return None if plain is None else cls.from_plain(plain)
        except (TypeError, AttributeError):
            return None

    def save(self, folder: RunFolder) -> None:
        """Write the record into a run's folder, whole or not at all."""
        write_json(folder.record, self.to_plain())

    @property
    def is_complete(self) -> bool:
        """Whether the run has ended well."""
        return self.state in COMPLETE

    @property
    def prior_shift(self) -> list[float] | None:
        """Shift of each class's log prior that the sampling plan causes, if it was counted."""
        return None if self.plan is None else self.plan.prior_shift

    @property
    def class_shares(self) -> list[float] | None:
        """Each class's share of the labelled training pixels, if they were counted."""
        return None if self.plan is None else self.plan.class_shares

    @property
    def plan_digest(self) -> str | None:
        """Digest of the sampling plan, if known."""
        return None if self.plan is None else self.plan.digest


class RecordWriter:
    """Keeps a run's record in its folder up to date, rewriting the file whole at each change.

    Args:
        folder: The run's folder.
        record: The record as it is now; nothing is written before the first change.
    """

    def __init__(self, folder: RunFolder, record: RunRecord) -> None:
        self.folder = folder
        self.record = record

    @classmethod
    def load(cls, folder: RunFolder) -> RecordWriter:
        """Read a run's record, to update it.

        Raises:
            LulcsegError: It doesn't exist or is damaged.
        """
        return cls(folder, RunRecord.load(folder))

    def update(self, **changes: Any) -> None:
        """Change attributes of the record (:class:`RunRecord`) and write it."""
        self.record = self.record.updated(**changes)
        self.record.save(self.folder)

    def put_map(self, entry: MapEntry) -> None:
        """Add a map, replacing an earlier one at the same path."""
        others = [known for known in self.record.maps or () if known.path != entry.path]
        self.update(maps=(*others, entry))

    def put_assessment(self, stem: str) -> None:
        """Add an assessment by its path without file extension."""
        others = [known for known in self.record.assessments or () if known != stem]
        self.update(assessments=(*others, stem))

    def put_scene(self, name: str, entry: SceneEntry) -> None:
        """Add a scene."""
        self.update(scenes={**self.record.scenes, name: entry})


def timestamp() -> str:
    """Return the present time, to the second, with its offset from UTC."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
