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
from lulcseg.settings.trial import TrialSettings

COMPLETE = ("finished", "mapped")
"""States of a run that has ended well: a training's, a prediction's."""


@dataclass(frozen=True, kw_only=True)
class TrialEntry(Entry):
    """The trial that a run is a replicate of.

    Attributes:
        name: Name of the trial.
        value: Name of the value that the run tries.
        level: Number that the value represents, if any.
    """

    name: str | None = None
    value: str | None = None
    level: float | None = None

    @classmethod
    def of_settings(cls, trial: TrialSettings) -> TrialEntry | None:
        """Return the entry of a run with these settings; None for a single run."""
        if trial.name is None:
            return None
        return cls(name=trial.name, value=trial.value, level=plain_level(trial.level))


@dataclass(frozen=True, kw_only=True)
class GitEntry(Entry):
    """State of the code's checkout.

    Attributes:
        commit: Hash of the commit.
        dirty: Whether files differ from it.
    """

    commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True, kw_only=True)
class EnvironmentEntry(Entry):
    """What a run ran on.

    Attributes:
        lulcseg: Version of this package.
        python: Version of Python.
        platform: Operating system and processor.
        cpus: Number of processor cores.
        gpus: Names of the GPUs.
        packages: Versions of the packages that results depend on; None: not installed.
    """

    lulcseg: str | None = None
    python: str | None = None
    platform: str | None = None
    cpus: int | None = None
    gpus: Sequence[str] = ()
    packages: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PlanEntry(Entry):
    """The sampling plan that a run's model was trained on; classes by name.

    Counts are those of :func:`lulcseg.sampling.plan_summary.summarise`; absent in a prediction's record, which has
    the digest alone.

    Attributes:
        path: The plan's file, below the run's folder.
        digest: Digest of the patches.
        taken_from: Path of the plan that was given, and whether it was ``edited`` since; None: drawn by the run.
        made: How it was made: settings, and what was found.
        notes: What the user was told of it, a sentence each.
        train: Training patches.
        validation: Validation patches.
        per_class: Patches drawn for each class.
        shifted: Patches shifted to stay inside the imagery.
        redrawn: Patches drawn again for lack of imagery.
        dropped: Patches left out across the edge of held-out ground.
        valid: Share of valid pixels in a patch: ``mean``, ``least``, and ``partly``, patches with less than all.
        touches: Patches that meet each class.
        per_feature: Of each class, the distribution of patches over its features.
        overlap: How far training patches overlap: ``ground``, ``shared``, ``mean``, ``most``.
        prior: Of each class, its share of the ground, of the pixels trained on, and the ``shift`` of its log prior.
        sampled: Share of the ground under the patches that was looked at for ``overlap`` and ``prior``.
    """

    path: str | None = None
    digest: str | None = None
    taken_from: Mapping[str, Any] | None = None
    made: Mapping[str, Any] | None = None
    notes: Sequence[str] = ()
    train: int = 0
    validation: int = 0
    per_class: Mapping[str, int] | None = None
    shifted: int = 0
    redrawn: int = 0
    dropped: int = 0
    valid: Mapping[str, Any] | None = None
    touches: Mapping[str, int] | None = None
    per_feature: Mapping[str, Mapping[str, Any]] | None = None
    overlap: Mapping[str, Any] | None = None
    prior: Mapping[str, Mapping[str, float]] | None = None
    sampled: float | None = None

    @property
    def prior_shift(self) -> list[float]:
        """Shift of each class's log prior, in the legend's order; empty where it wasn't counted."""
        return [float(entry["shift"]) for entry in (self.prior or {}).values()]


@dataclass(frozen=True, kw_only=True)
class SceneEntry(Entry):
    """A scene that a run trained on or mapped.

    Attributes:
        imagery_preview: Small picture of its imagery, below the run's folder.
        labels_preview: The same of its labels; None without labels.
        grid: Its grid (:class:`lulcseg.grid.Grid`).
        legend: Its classes (:meth:`lulcseg.legend.Legend.from_plain`).
    """

    imagery_preview: str | None = None
    labels_preview: str | None = None
    grid: Mapping[str, Any] | None = None
    legend: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class MapEntry(Entry):
    """A map that a run made.

    Attributes:
        scene: Name of the scene.
        mosaic: What its passes are called ("single", "multiple").
        scaled_over: What intensities were scaled over at prediction.
        path: The class map, below the run's folder.
        files: All files of the map, likewise.
        bytes: Size of the class map's file.
        checkpoint: Path of the model.
        patches: Patches predicted, over all passes and processes.
        samples: Forward samples: patches times their views.
        seconds: Wall time, in seconds.
        forward_seconds: Time in the model, in seconds.
        strips_resumed: Strips taken from a prediction that was interrupted.
        areas: Of each class, its area.
    """

    scene: str
    mosaic: str | None = None
    scaled_over: str | None = None
    path: str
    files: Sequence[str] = ()
    bytes: int | None = None
    checkpoint: str | None = None
    patches: int | None = None
    samples: int | None = None
    seconds: float = 0.0
    forward_seconds: float | None = None
    strips_resumed: int = 0
    areas: Sequence[Mapping[str, Any]] = ()


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
        notes: What was noted of each scene, a sentence each.
        environment: What it ran on.
        git: State of the code; None: not a checkout.
        plan: The sampling plan; None for a prediction whose model's plan isn't known.
        scenes: The scenes, by name.
        shown: Where its curves and maps are displayed (:attr:`lulcseg.loggers.display.Display.address`).
        checkpoint: The model: below the run's folder; for a prediction's record an absolute path.
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
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    environment: EnvironmentEntry | None = None
    git: GitEntry | None = None
    plan: PlanEntry | None = None
    scenes: Mapping[str, SceneEntry] = field(default_factory=dict)
    shown: Mapping[str, str] | None = None
    checkpoint: str | None = None
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


def plain_level(level: float | None) -> float | int | None:
    """Return a whole number as an integer.

    >>> plain_level(96.0), plain_level(0.5)
    (96, 0.5)
    """
    return int(level) if level is not None and float(level).is_integer() else level
