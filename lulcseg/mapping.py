"""From a checkpoint and a scene to a map and its assessment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lulcseg.assessment.assess import assess
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.points import LabelSource, MapSource
from lulcseg.config import Mosaic
from lulcseg.errors import LulcsegError
from lulcseg.mosaic.passes import PLANS
from lulcseg.mosaic.predict import MosaicResult, predict_mosaic
from lulcseg.sampling.ground import on_training_ground
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.training.predictor import PatchPredictor
from lulcseg.training.record import ModelRecord

_FAR = 0.1


@dataclass(frozen=True)
class Mapped:
    """A map and what it took.

    Attributes:
        path: The class map.
        result: Counts and times.
    """

    path: Path
    result: MosaicResult


def check_fits(record: ModelRecord, scene: Scene) -> None:
    """See that a model can map a scene.

    Raises:
        LulcsegError: Another number of bands, another type, a resolution off by more than a tenth,
            or, where the scene has labels or points, another legend.
    """
    where = scene.file.path
    if scene.bands != record.bands:
        raise LulcsegError(
            f"its imagery has {scene.bands} bands, the model was trained on {record.bands}",
            where=where,
            remedy="choose bands with imagery.bands",
        )
    if scene.dtype.name != record.dtype:
        raise LulcsegError(
            f"its imagery is {scene.dtype.name}, the model was trained on {record.dtype}",
            where=where,
            remedy="convert the imagery",
        )
    for mine, theirs in zip((scene.grid.xres, scene.grid.yres), record.resolution, strict=True):
        if abs(mine / theirs - 1) > _FAR:
            raise LulcsegError(
                f"its pixels measure {scene.grid.xres:g} × {scene.grid.yres:g} m, the model was trained on "
                f"{record.resolution[0]:g} × {record.resolution[1]:g} m",
                where=where,
                remedy=f"set resolution: {record.resolution[0]:g} in the scene file to warp it",
            )
    has_classes = scene.spec.labels is not None or scene.spec.points is not None
    if has_classes and scene.legend.names != record.to_legend().names:
        raise LulcsegError(
            f"its classes ({', '.join(scene.legend.names)}) are not the model's "
            f"({', '.join(record.to_legend().names)})",
            where=where,
            remedy="use the model's legend, with a crosswalk from your class names",
        )


def map_scene(
    predictor: PatchPredictor,
    record: ModelRecord,
    scene: Scene,
    settings: Mosaic,
    out: Path,
    *,
    checkpoint: Path,
) -> Mapped:
    """Map a scene.

    Args:
        predictor: The model on its device; where it scales by the mosaic, that is measured here.
        record: What travels with it.
        scene: What to map.
        settings: Passes, patch and batch.
        out: Path of the class map; probabilities go beside it where asked for.
        checkpoint: Named in the map's tags.
    """
    probabilities = out.with_name(f"{out.stem}_probabilities.tif") if settings.probabilities else None
    if predictor.needs_mosaic:
        statistics = mosaic_statistics(scene.imagery, scene.cache)
        predictor = predictor.of_mosaic(statistics.summary(record.scaling["percentiles"]))
    tags = {
        "checkpoint": str(checkpoint),
        "scene": scene.name,
        "date": scene.date or "",
        "mosaic": settings.passes,
        "run": record.name,
        "scaling": record.scaling["method"],
        "scaled_over": predictor.scaled_over or "",
    }
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("patches"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar:
        task = bar.add_task(f"Mapping {scene.name}, {settings.passes} pass", total=None, rate="")

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            if speed:
                bar.update(task, rate=f"{speed:.1f}/s")

        result = predict_mosaic(
            predictor,
            scene.imagery,
            record.to_legend(),
            PLANS[settings.passes],
            patch=settings.patch_size or record.patch_size,
            batch=settings.batch_size,
            device=predictor.device,
            out=out,
            probabilities=probabilities,
            tags=tags,
            progress=progress,
        )
    return Mapped(out, result)


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


def open_scenes(names: Sequence[str], cache: Path) -> list[Scene]:
    """Open scenes by name or path; each scene's name must be its own.

    Raises:
        LulcsegError: Two scenes of one name.
    """
    scenes = [Scene.open(name, cache) for name in dict.fromkeys(names)]
    by_name: dict[str, Any] = {}
    for scene in scenes:
        if scene.name in by_name:
            raise LulcsegError(
                f"two scenes are named '{scene.name}'", where=scene.file.path, remedy="give one of them another name:"
            )
        by_name[scene.name] = scene
    return scenes
