"""Mapping and assessing scenes into a run directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.console import print_areas, print_assessment
from lulcseg.config import Assess
from lulcseg.files import make_folder
from lulcseg.loggers.contents import show_assessment, show_map
from lulcseg.loggers.display import NOTHING, Display
from lulcseg.mapping import map_entry, map_scene
from lulcseg.mosaic.passes import plan_from
from lulcseg.mosaic_settings import Mosaic
from lulcseg.previews import put_previews
from lulcseg.record import RunRecord
from lulcseg.request import Model
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.scoring import assess_labels, assess_map


@dataclass(frozen=True)
class MapRun:
    """Maps and assesses scenes with one model, into one run directory.

    Attributes:
        record: The run's record.
        model: The model.
        plan: The plan it was trained by, to tell points on training ground apart.
        display: What shows the maps and their scores besides the run directory.
        pictured: Names of scenes whose previews are there.
        variant: What tells maps by other settings than the model's own apart.
    """

    record: RunRecord
    model: Model
    plan: Plan | None
    display: Display = NOTHING
    pictured: Sequence[str] = ()
    variant: str | None = None

    def run(self, scenes: Sequence[Scene], mosaic: Mosaic, scoring: Assess) -> None:
        """Map scenes and score the maps, and the labels where that is asked for.

        Raises:
            LulcsegError: What can't be mapped, read or written.
        """
        for scene in scenes:
            self._map(scene, mosaic)
            if scoring.labels and (labels := assess_labels(scene)) is not None:
                self._save(labels, f"{scene.name}_labels")

    def _save(self, scored: Assessment, stem: str) -> None:
        scored.save(self.record.run_dir / "assessment" / stem)
        self.record.put_assessment(f"assessment/{stem}")
        show_assessment(self.display, stem, scored)

    def _map(self, scene: Scene, mosaic: Mosaic) -> None:
        run_dir, model = self.record.run_dir, self.model
        label = label_of(mosaic, self.variant)
        stem = f"{scene.name}_{label}"
        if scene.name not in self.pictured:
            self.record.put_scene(scene.name, put_previews(scene, run_dir))
        path = make_folder(run_dir / "maps", "output") / f"{stem}.tif"
        done = map_scene(model, scene, mosaic, path, label=label)
        assert done is not None
        entry = map_entry(done, scene.name, label, model)
        self.record.put_map(entry)
        show_map(self.display, run_dir, entry, self.record.content["scenes"][scene.name])
        print_areas(done.areas)
        pixels = [area.pixels for area in done.areas]
        scored = assess_map(scene, path, model.record, label, self.plan, pixels=pixels)
        if scored is None:
            return
        self._save(scored, stem)
        print_assessment(scored)


def label_of(mosaic: Mosaic, variant: str | None) -> str:
    """Return what a map's passes are called, with what stands for the batch where that was chosen."""
    label, _ = plan_from(mosaic)
    return f"{label}_{variant}" if variant else label
