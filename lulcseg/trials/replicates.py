"""One run of a trial, read from its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import COMPLETE, RunRecord
from lulcseg.run_folder.record_parts import TrialEntry
from lulcseg.run_folder.settings_without_effect import settings_digest


@dataclass(frozen=True, eq=False)
class Replicate:
    """One run of a trial.

    Attributes:
        trial: Name of the trial.
        value: Name of its value.
        level: The number that the value represents, if any.
        seed: Seed of its training; −1 if neither record nor folder names one.
        path: The run's folder.
        state: State by its record; ``unreadable`` without a readable record.
        error: What went wrong, a sentence.
        training_seconds: Time in training, waiting for data included, in seconds.
        reading_seconds: Time waiting for data in training, in seconds.
        peak_memory_bytes: Largest main memory held, in bytes.
        energy_wh: Energy used, in watt hours, where it was measured.
        plan_digest: Digest of the sampling plan.
        fingerprint: Digest of all that its result depends on.
        settings_digest: Digest of its settings (:func:`lulcseg.run_folder.settings_without_effect.settings_digest`).
        commit: Commit of the code.
        assessments: Assessments of its maps and of the digitised polygons, without their tables of points.
        stems: Path of each assessment, without file extension.
    """

    trial: str
    value: str
    level: float | None
    seed: int
    path: Path
    state: str
    error: str | None
    training_seconds: float | None
    reading_seconds: float | None
    peak_memory_bytes: int | None
    energy_wh: float | None
    plan_digest: str | None
    fingerprint: str | None
    settings_digest: str | None
    commit: str | None
    assessments: list[Assessment]
    stems: list[Path]

    @property
    def counts(self) -> bool:
        """Whether the run is complete, so that its scores count."""
        return self.state in COMPLETE

    def assessment(self, scene: str, mosaic: str | None) -> Assessment | None:
        """Return a map's assessment; None if there isn't exactly one.

        Args:
            scene: Name of the scene.
            mosaic: Name of the map's passes; None: the scene's only map.
        """
        maps = [a for a in self.assessments if a.scene == scene and a.compared == "map"]
        if mosaic is not None:
            maps = [a for a in maps if a.mosaic == mosaic]
        return maps[0] if len(maps) == 1 else None


def read_replicate(folder: RunFolder, trial: str) -> Replicate:
    """Read a run's folder; what is damaged is described in the replicate's state and error.

    Args:
        folder: The run's folder.
        trial: Name of the trial, if the record doesn't name one.
    """
    path = folder.path
    record = RunRecord.read(folder) or RunRecord.of(state="unreadable", error="its record can't be read")
    own = record.trial or TrialEntry.of()
    nested = path.name.startswith("seed")
    assessments, stems, damaged = _assessments(folder, record)
    return Replicate(
        trial=str(own.name or trial),
        value=str(own.value or (path.parent.name if nested else record.name or path.name)),
        level=None if own.level is None else float(own.level),
        seed=_seed(record, folder),
        path=path,
        state=str(record.state or "finished"),
        error=record.error or damaged,
        training_seconds=record.training_seconds,
        reading_seconds=record.reading_seconds,
        peak_memory_bytes=record.peak_memory_bytes,
        energy_wh=record.energy_wh,
        plan_digest=record.plan_digest,
        fingerprint=record.fingerprint,
        settings_digest=settings_digest(folder.config),
        commit=None if record.git is None else record.git.commit,
        assessments=assessments,
        stems=stems,
    )


def _seed(record: RunRecord, folder: RunFolder) -> int:
    if isinstance(record.seed, int):
        return record.seed
    return -1 if folder.named_seed is None else folder.named_seed


def _assessments(folder: RunFolder, record: RunRecord) -> tuple[list[Assessment], list[Path], str | None]:
    """Return a run's assessments, their paths without file extension, and what couldn't be read."""
    if record.assessments is not None:
        stems = [folder.path / stem for stem in dict.fromkeys(record.assessments)]
    else:
        stems = [found.with_suffix("") for found in folder.assessment_files()]
    loaded, sound, damaged = [], [], None
    for stem in stems:
        try:
            loaded.append(Assessment.load(stem.with_name(f"{stem.name}.json"), with_points=False))
            sound.append(stem)
        except LulcsegError as error:
            damaged = str(error)
    return loaded, sound, damaged
