"""What a run directory holds, read part by part: a part that is missing is no reason to fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.sampling.plan import Plan


@dataclass(frozen=True)
class MapFile:
    """One map of the run.

    Attributes:
        scene: Name of the scene.
        mosaic: Which mosaic setting made it ("single", "multiple").
        path: The file.
        facts: What else the record says: patches, seconds.
    """

    scene: str
    mosaic: str
    path: Path
    facts: dict[str, Any]

    @property
    def files(self) -> list[str]:
        """All files of the map for people to open, relative to the run directory: what is shown and what is read."""
        named = [str(name) for name in self.facts.get("files", [])]
        return [name for name in named if not name.endswith((".qml", ".aux.xml"))]


@dataclass(frozen=True)
class RunData:
    """A run directory's content.

    Attributes:
        path: The directory.
        record: ``record.json``, empty where it is missing.
        config: Text of ``config.yaml``.
        metrics: ``metrics.csv``.
        plan: The sampling plan.
        maps: The maps that are there.
        assessments: All assessments, digitised labels first within a scene.
        missing: What could not be read, a sentence each, by part.
    """

    path: Path
    record: dict[str, Any]
    config: str | None
    metrics: pd.DataFrame | None
    plan: Plan | None
    maps: list[MapFile]
    assessments: list[Assessment]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def scenes(self) -> list[str]:
        """Names of the scenes that were mapped or assessed, in the record's order."""
        named = [*self.record.get("scenes", {}), *(m.scene for m in self.maps), *(a.scene for a in self.assessments)]
        shown = {m.scene for m in self.maps} | {a.scene for a in self.assessments}
        return [scene for scene in dict.fromkeys(named) if scene in shown] or list(self.record.get("scenes", {}))

    def scene_entry(self, scene: str) -> dict[str, Any]:
        """Return what the record says of a scene, empty if nothing."""
        entry = self.record.get("scenes", {}).get(scene, {})
        return entry if isinstance(entry, dict) else {}

    def legend(self, scene: str) -> Legend | None:
        """Return the legend of a scene: the record's, or that of one of its assessments."""
        plain = self.scene_entry(scene).get("legend")
        if plain:
            return Legend.from_plain(plain)
        return next((a.legend for a in self.assessments if a.scene == scene), None)


def read_run(run_dir: Path) -> RunData:
    """Read a run directory.

    Raises:
        LulcsegError: It isn't there.
    """
    if not run_dir.is_dir():
        raise LulcsegError("no such run directory", where=run_dir, remedy="give the folder a run was written to")
    missing: dict[str, str] = {}

    def part[T](name: str, read: Callable[[], T], without: T) -> T:
        try:
            return read()
        except FileNotFoundError as error:
            missing[name] = f"{Path(str(error.filename)).name} is not in the run directory."
        except (LulcsegError, OSError, ValueError, KeyError, TypeError) as error:
            missing[name] = str(error) if isinstance(error, LulcsegError) else f"It could not be read ({error})."
        return without

    nothing: dict[str, Any] = {}
    record = part("record", lambda: read_record(run_dir), nothing)
    return RunData(
        path=run_dir,
        record=record,
        config=part("config", lambda: (run_dir / "config.yaml").read_text(encoding="utf-8"), None),
        metrics=part("metrics", lambda: pd.read_csv(run_dir / "metrics.csv"), None),
        plan=part("plan", lambda: Plan.load(run_dir / "plan.gpkg"), None),
        maps=part("maps", lambda: maps_of(run_dir, record), []),
        assessments=_assessments(run_dir, record, part),
        missing=missing,
    )


def read_record(run_dir: Path) -> dict[str, Any]:
    """Read a run's ``record.json``.

    Raises:
        OSError: It isn't there.
        ValueError: It is no JSON.
        TypeError: It is no record.
    """
    path = run_dir / "record.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"{path.name} is no record")
    return content


def maps_of(run_dir: Path, record: dict[str, Any]) -> list[MapFile]:
    """Return the maps the record names and the folder holds; without a record, those in ``maps/``."""
    if "maps" in record:
        named = [
            MapFile(str(m["scene"]), str(m.get("mosaic") or "map"), run_dir / str(m["path"]), dict(m))
            for m in record["maps"]
        ]
        return [m for m in named if m.path.exists()]
    found = sorted((run_dir / "maps").glob("*.tif"))
    split = [(path, *path.stem.rpartition("_")[::2]) for path in found]
    return [MapFile(scene or path.stem, mosaic, path, {}) for path, scene, mosaic in split]


def _assessments(
    run_dir: Path, record: dict[str, Any], part: Callable[[str, Callable[[], Any], Any], Any]
) -> list[Assessment]:
    """Return the assessments the record lists; where it has no such list, those in ``assessment/``."""
    if isinstance(record.get("assessments"), list):
        paths = [run_dir / f"{stem}.json" for stem in dict.fromkeys(record["assessments"])]
    else:
        paths = sorted((run_dir / "assessment").glob("*.json"))
    loaded = [part(f"assessment {path.name}", partial(Assessment.load, path), None) for path in paths]
    found = [a for a in loaded if a is not None]
    return sorted(found, key=lambda a: (a.scene, a.compared != "labels", {"single": 0}.get(a.mosaic or "", 1)))
