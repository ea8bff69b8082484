"""Scoring maps, and the labels themselves, at a scene's reference points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lulcseg.assessment.assess import assess
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.design_based import DesignRequest, with_design_if_possible
from lulcseg.assessment.points import LabelSource, MapSource
from lulcseg.sampling.ground import on_training_ground
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.training.record import ModelRecord


def assess_map(
    scene: Scene,
    path: Path,
    record: ModelRecord,
    mosaic: str,
    plan: Plan | None,
    *,
    pixels: Sequence[int],
) -> Assessment | None:
    """Score a map at its scene's reference points, or return None where there are none.

    What the points' design allows to be said of the whole map is with it; where it allows nothing, why.

    Args:
        scene: The scene.
        path: The map.
        record: The model that made it.
        mosaic: In which passes.
        plan: The plan that the model was trained by, to tell points on training ground apart.
        pixels: Pixels of each class on the whole map, in the legend's order.
    """
    points, spec = scene.points, scene.spec.points
    if points is None or spec is None:
        return None
    inside = None if plan is None else on_training_ground(points.geometry, plan)
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
        strata_sizes=None if spec.strata_sizes is None else scene.file.place(spec.strata_sizes),
    )
    return with_design_if_possible(result, request, path, reference, points.geometry, pixels=pixels)


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
