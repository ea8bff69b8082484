"""The content of a run directory, read part by part; missing and damaged parts are noted instead of failing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from errno import ENOENT
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.report.map_files import MapFile, list_maps
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import MAPPED, RunRecord
from lulcseg.run_folder.record_parts import SceneEntry
from lulcseg.sampling.plan import Plan


@dataclass(frozen=True)
class RunData:
    """A run directory's content.

    Attributes:
        path: The directory.
        record: Its record, empty if missing.
        config: Text of ``config.yaml``.
        metrics: ``metrics.csv``.
        plan: The sampling plan.
        maps: The maps that exist.
        assessments: All assessments, digitised labels first within a scene.
        missing: By part that could not be read, a sentence that says why.
    """

    path: Path
    record: RunRecord
    config: str | None
    metrics: pd.DataFrame | None
    plan: Plan | None
    maps: list[MapFile]
    assessments: list[Assessment]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def is_prediction(self) -> bool:
        """Whether it holds maps by models of other runs: no training, and no plan."""
        return self.record.state == MAPPED

    @property
    def scenes(self) -> list[str]:
        """Names of the scenes that were mapped or assessed, in the record's order."""
        named = [*self.record.scenes, *(m.scene for m in self.maps), *(a.scene for a in self.assessments)]
        used = {m.scene for m in self.maps} | {a.scene for a in self.assessments}
        return [scene for scene in dict.fromkeys(named) if scene in used] or list(self.record.scenes)

    def scene_entry(self, scene: str) -> SceneEntry:
        """Return the record's entry of a scene, empty without one."""
        return self.record.scenes.get(scene, SceneEntry.of())

    def legend(self, scene: str) -> Legend | None:
        """Return the legend of a scene: the record's, or that of one of its assessments."""
        plain = self.scene_entry(scene).legend
        if plain:
            return Legend.from_plain(plain)
        return next((a.legend for a in self.assessments if a.scene == scene), None)


def read_run(run_dir: Path) -> RunData:
    """Read a run directory.

    Raises:
        LulcsegError: It doesn't exist.
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

    folder = RunFolder(run_dir)
    record = part("record", lambda: read_record(folder), RunRecord.of())
    run = RunData(
        path=run_dir,
        record=record,
        config=part("config", lambda: folder.config.read_text(encoding="utf-8"), None),
        metrics=part("metrics", lambda: pd.read_csv(folder.metrics), None),
        plan=part("plan", lambda: Plan.load(folder.plan), None),
        maps=part("maps", lambda: list_maps(folder, record), []),
        assessments=_read_assessments(folder, record, part),
        missing=missing,
    )
    if run.is_prediction:
        for name, path in {"config": folder.config, "metrics": folder.metrics, "plan": folder.plan}.items():
            if not path.exists():
                missing.pop(name, None)
    return run


def read_record(folder: RunFolder) -> RunRecord:
    """Read a run's record.

    Raises:
        FileNotFoundError: It doesn't exist.
        LulcsegError: It is damaged.
    """
    if not folder.has_record:
        raise FileNotFoundError(ENOENT, "no record", str(folder.record))
    return RunRecord.load(folder)


def _read_assessments(
    folder: RunFolder, record: RunRecord, part: Callable[[str, Callable[[], Any], Any], Any]
) -> list[Assessment]:
    """Return the assessments that the record lists; without such a list, those in ``assessment/``."""
    if record.assessments is not None:
        paths = [folder.path / f"{stem}.json" for stem in dict.fromkeys(record.assessments)]
    else:
        paths = folder.assessment_files()
    loaded = [part(f"assessment {path.name}", partial(Assessment.load, path), None) for path in paths]
    found = [a for a in loaded if a is not None]
    return sorted(found, key=lambda a: (a.scene, a.compared != "labels", {"single": 0}.get(a.mosaic or "", 1)))
