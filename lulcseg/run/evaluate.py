"""Mapping and assessing scenes into a run's folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.class_sources import LabelSource, MapSource
from lulcseg.assessment.console import print_areas, print_assessment
from lulcseg.assessment.console_reliability import print_reliability
from lulcseg.assessment.design_based import DesignRequest, with_design_if_possible
from lulcseg.assessment.probability_points import PointProbabilities, probabilities_beside
from lulcseg.assessment.score_points import assess
from lulcseg.files import hide_secrets, make_folder
from lulcseg.loggers.display import NOTHING, Display
from lulcseg.loggers.run_contents import show_assessment, show_map
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.map_model import MapModel
from lulcseg.mosaic.map_share import MapShare
from lulcseg.mosaic.mapping import map_entry, map_scene
from lulcseg.mosaic.passes import plan_from
from lulcseg.mosaic.products import PROBABILITIES
from lulcseg.pictures.previews import put_previews
from lulcseg.run.other_scenes import put_scene_values
from lulcseg.run_folder.record import RecordWriter
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.training_ground import on_training_ground
from lulcseg.scene.scene import Scene
from lulcseg.settings.assess import AssessSettings
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.model_record import ModelRecord


@dataclass(frozen=True)
class MapRun:
    """Maps and assesses scenes with one model, or with the mean of several, into one run's folder.

    Attributes:
        writer: The run's record.
        model: The model, or several that are averaged.
        plans: The plans they were trained on, to tell apart points inside and outside the training patches; empty:
            unknown.
        display: Where maps and their scores are displayed, besides the run's folder.
        pictured: Names of scenes whose previews exist.
        variant: Suffix of maps made with other settings than the model's own.
        shares: This process's part in each scene's map, by the scene's name, if several processes have made them.
    """

    writer: RecordWriter
    model: MapModel | Ensemble
    plans: Sequence[Plan]
    display: Display = NOTHING
    pictured: Sequence[str] = ()
    variant: str | None = None
    shares: Mapping[str, MapShare] = field(default_factory=dict)

    def run(self, scenes: Sequence[Scene], mosaic: MosaicSettings, scoring: AssessSettings) -> float | None:
        """Map scenes and score the maps; if requested, score the labels too.

        Returns:
            Mean F1 of the first scene's map at its reference points, 0…1; None without one.

        Raises:
            LulcsegError: A scene can't be mapped or read, or a file can't be written.
        """
        scores: list[float | None] = []
        for scene in scenes:
            scored = self._map(scene, mosaic)
            scores.append(None if scored is None else scored.scores.mean_f1)
            if scoring.labels and (labels := assess_labels(scene)) is not None:
                self._save(labels, f"{scene.name}_labels")
        first = scores[0] if scores else None
        return None if first is None or math.isnan(first) else first

    def _save(self, scored: Assessment, stem: str) -> None:
        folder = self.writer.folder
        scored.save(folder.assessment(stem))
        self.writer.put_assessment(folder.relative(folder.assessment(stem)))
        show_assessment(self.display, stem, scored)

    def _map(self, scene: Scene, mosaic: MosaicSettings) -> Assessment | None:
        """Map a scene and score the map; None without reference points."""
        folder, model = self.writer.folder, Ensemble.of(self.model)
        label = label_of(mosaic, self.variant, model.adaptation(scene))
        stem = f"{scene.name}_{label}"
        if scene.name not in self.pictured:
            entry = put_previews(scene, folder.path)
            if (values := put_scene_values(scene, model, folder)) is not None:
                entry = entry.updated(values=values)
            self.writer.put_scene(scene.name, entry)
        make_folder(folder.maps, "output")
        path = folder.map_file(stem)
        done = map_scene(model, scene, mosaic, path, label=label, share=self.shares.get(scene.name))
        assert done is not None
        made = map_entry(done, scene, label, model, mosaic.scale)
        self.writer.put_map(made)
        show_map(self.display, folder, made, self.writer.record.scenes[scene.name])
        print_areas(done.areas)
        pixels = [area.pixels for area in done.areas]
        shares = PROBABILITIES in mosaic.outputs
        scored = assess_map(scene, path, model.record, label, self.plans, pixels=pixels, with_probabilities=shares)
        if scored is not None:
            self._save(scored, stem)
            print_assessment(scored)
            print_reliability(scored)
        return scored


def label_of(mosaic: MosaicSettings, *variants: str | None) -> str:
    """Return the name of a map's passes, with what else sets it apart.

    Args:
        mosaic: The settings of the passes.
        *variants: The statistics used in place of the batch's, and how the mosaic was adapted, if chosen.
    """
    label, _ = plan_from(mosaic)
    return "_".join([label, *(variant for variant in variants if variant)])


def assess_map(
    scene: Scene,
    path: Path,
    record: ModelRecord,
    mosaic: str,
    plans: Sequence[Plan],
    *,
    pixels: Sequence[int],
    with_probabilities: bool = False,
) -> Assessment | None:
    """Score a map at its scene's reference points; None without any.

    The result includes the design-based estimates for the whole map that the points' sampling design allows, or the
    reason why it allows none.

    Args:
        scene: The scene.
        path: The map.
        record: The model that made it.
        mosaic: Name of its passes.
        plans: The plans that the models were trained on, to tell apart points inside and outside the training patches;
            empty: unknown.
        pixels: Pixels of each class on the whole map, in the legend's order.
        with_probabilities: Whether the map's probabilities lie beside it, to be scored too.
    """
    points, spec = scene.points, scene.spec.points
    if points is None or spec is None:
        return None
    inside = np.any([on_training_ground(points.geometry, plan) for plan in plans], axis=0) if plans else None
    reference = scene.file.place(spec.file)
    result = assess(
        points,
        MapSource(path, record.to_legend()),
        record.to_legend(),
        scene=scene.name,
        compared="map",
        reference=reference,
        mosaic=mosaic,
        design=spec.design,
        in_training=inside,
    )
    request = DesignRequest(
        design=None if spec.design == "unknown" else spec.design,
        strata_map=None if spec.strata_map is None else scene.file.place(spec.strata_map),
        strata_sizes=None if spec.strata_sizes is None else scene.file.place_here(spec.strata_sizes),
    )
    shares = None
    if with_probabilities and result.scores.n_scored:
        shares = PointProbabilities.read(probabilities_beside(path), path, result, points.geometry)
    return with_design_if_possible(
        result, request, path, reference, points.geometry, pixels=pixels, probabilities=shares
    )


def assess_labels(scene: Scene) -> Assessment | None:
    """Score a scene's own labels at its reference points: the ceiling of any map trained on them; None without any."""
    points, spec, labels = scene.points, scene.spec.points, scene.spec.labels
    if points is None or spec is None or labels is None or scene.labels is None:
        return None
    origin = hide_secrets(labels.file or ", ".join(labels.rasters))
    return assess(
        points,
        LabelSource(scene.labels, scene.grid, origin),
        scene.legend,
        scene=scene.name,
        compared="labels",
        reference=scene.file.place(spec.file),
        design=spec.design,
    )
