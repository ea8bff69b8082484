"""Scoring maps, and the labels themselves, at a scene's reference points."""

from __future__ import annotations

from pathlib import Path

from lulcseg.assessment.assess import assess
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.points import LabelSource, MapSource
from lulcseg.sampling.ground import on_training_ground
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.training.record import ModelRecord


def assess_map(scene: Scene, path: Path, record: ModelRecord, mosaic: str, plan: Plan | None) -> Assessment | None:
    """Score a map at its scene's reference points, or return None where there are none."""
    points, spec = scene.points, scene.spec.points
    if points is None or spec is None:
        return None
    inside = None if plan is None else on_training_ground(points.geometry, plan)
    return assess(
        points,
        MapSource(path, record.to_legend()),
        record.to_legend(),
        scene=scene.name,
        compared="map",
        reference=scene.file.place(spec.file),
        mosaic=mosaic,
        design=spec.design,
        in_training=inside,
    )


def assess_labels(scene: Scene) -> Assessment | None:
    """Score a scene's own labels at its reference points: the ceiling of any map trained on them."""
    points, spec, labels = scene.points, scene.spec.points, scene.spec.labels
    if points is None or spec is None or labels is None or scene.labels is None:
        return None
    origin = labels.file or ", ".join(labels.rasters)
    return assess(
        points,
        LabelSource(scene.labels, scene.grid, origin),
        scene.legend,
        scene=scene.name,
        compared="labels",
        reference=scene.file.place(spec.file),
        design=spec.design,
    )
