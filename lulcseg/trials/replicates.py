"""One run of a trial, as its directory holds it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.files import read_json

COMPLETE = ("finished", "mapped")
"""States of a run whose scores count."""


@dataclass(frozen=True, eq=False)
class Replicate:
    """One run of a trial.

    Attributes:
        trial: Name of the trial.
        value: Name of its value.
        level: The number that the value stands for, if any.
        seed: Seed of its training; −1 where neither record nor folder names one.
        path: The run directory.
        state: ``running``, ``finished``, ``failed`` or ``mapped``; ``unreadable`` without a sound record.
        error: What went wrong, a sentence.
        training_seconds: Of training, waiting for data included.
        reading_seconds: Of those, waiting for data.
        peak_memory_bytes: Most main memory held.
        energy_wh: Energy used, where it was measured.
        plan_digest: Digest of the sampling plan.
        fingerprint: Of all that the run depends on.
        settings_digest: Of its settings but for the seed and what changes no result.
        commit: Version of the code.
        assessments: What its maps, and the digitised polygons, scored; without their tables of points.
        stems: For each assessment its path without ending.
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
        """Whether the run came to its end, so that its scores count."""
        return self.state in COMPLETE

    def assessment(self, scene: str, mosaic: str | None) -> Assessment | None:
        """Return how a map scored.

        Args:
            scene: Name of the scene.
            mosaic: How the map was made; None takes the scene's map where there is only one.
        """
        maps = [a for a in self.assessments if a.scene == scene and a.compared == "map"]
        if mosaic is not None:
            maps = [a for a in maps if a.mosaic == mosaic]
        return maps[0] if len(maps) == 1 else None


def read_replicate(path: Path, trial: str) -> Replicate:
    """Read a run directory; what is damaged is told in its state and error.

    Args:
        path: The run directory.
        trial: Name of the trial, where the record tells none.
    """
    record = read_json(path / "record.json")
    if record is None:
        record = {"state": "unreadable", "error": "its record can't be read"}
    own = record.get("trial") or {}
    nested = path.name.startswith("seed")
    assessments, stems, damaged = _assessments(path, record)
    plan, git = record.get("plan") or {}, record.get("git") or {}
    return Replicate(
        trial=str(own.get("name") or trial),
        value=str(own.get("value") or (path.parent.name if nested else record.get("name") or path.name)),
        level=None if own.get("level") is None else float(own["level"]),
        seed=_seed(record, path),
        path=path,
        state=str(record.get("state") or "finished"),
        error=record.get("error") or damaged,
        training_seconds=record.get("training_seconds"),
        reading_seconds=record.get("reading_seconds"),
        peak_memory_bytes=record.get("peak_memory_bytes"),
        energy_wh=record.get("energy_wh"),
        plan_digest=plan.get("digest"),
        fingerprint=record.get("fingerprint"),
        settings_digest=_settings_digest(path / "config.yaml"),
        commit=git.get("commit"),
        assessments=assessments,
        stems=stems,
    )


def _seed(record: Mapping[str, Any], path: Path) -> int:
    if isinstance(record.get("seed"), int):
        return int(record["seed"])
    named = re.search(r"seed(\d+)$", path.name)
    return int(named[1]) if named else -1


def _assessments(path: Path, record: Mapping[str, Any]) -> tuple[list[Assessment], list[Path], str | None]:
    """Return a run's assessments, their paths without ending, and what couldn't be read."""
    if isinstance(record.get("assessments"), list):
        stems = [path / stem for stem in dict.fromkeys(record["assessments"])]
    else:
        stems = [found.with_suffix("") for found in sorted((path / "assessment").glob("*.json"))]
    loaded, sound, damaged = [], [], None
    for stem in stems:
        try:
            loaded.append(Assessment.load(stem.with_name(f"{stem.name}.json"), with_points=False))
            sound.append(stem)
        except LulcsegError as error:
            damaged = str(error)
    return loaded, sound, damaged


_FREE_SETTINGS = re.compile(
    r"^(seed|run_dir|output|checkpoint|ckpt_path|cache|name|trial|logger|reading):.*\n(?:[ -].*\n)*", re.MULTILINE
)
"""Entries of ``config.yaml`` in which replicates of one value may differ: the seed, and what changes no result."""


def _settings_digest(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    return hashlib.sha256(_FREE_SETTINGS.sub("", text).encode()).hexdigest()[:16]
