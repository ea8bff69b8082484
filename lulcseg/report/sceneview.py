"""What the report shows of one scene: pictures to compare, areas, accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from lulcseg.assessment.areas import class_pixels
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.classraster import ClassRaster
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import Legend
from lulcseg.report.images import map_picture, photo_uri, png_uri
from lulcseg.report.rundata import MapFile, RunData
from lulcseg.report.tables import (
    AreaRow,
    Cell,
    ClassRow,
    area_rows,
    class_rows,
    confusion_cells,
    design_note,
    title_of,
)

_LONGEST = 1600
"""Longer side of a map's picture where there is no imagery preview to match, in pixels."""


@dataclass(frozen=True)
class Layer:
    """One picture of a scene's extent.

    Attributes:
        key: Short name, unique within the scene.
        label: What people read.
        uri: The picture as a data URI.
        is_classes: Whether it shows classes (drawn without smoothing).
    """

    key: str
    label: str
    uri: str
    is_classes: bool


@dataclass(frozen=True)
class AssessmentView:
    """One assessment, ready for the template."""

    key: str
    title: str
    result: Assessment
    rows: list[ClassRow]
    cells: list[list[Cell]]
    note: str


@dataclass(frozen=True)
class SceneView:
    """One scene, ready for the template.

    Attributes:
        key: Its anchor in the page.
        name: Its name.
        layers: Imagery, labels and maps, as far as there are any.
        size: Width and height of the pictures, in pixels.
        legend: Its classes, None where nothing tells them.
        areas: Area of each class on each map.
        area_titles: The maps of ``areas``.
        assessments: Digitised labels first, then maps.
        notes: What is missing, a sentence each.
    """

    key: str
    name: str
    layers: list[Layer]
    size: tuple[int, int]
    legend: Legend | None
    areas: list[AreaRow]
    area_titles: list[str]
    assessments: list[AssessmentView]
    notes: list[str]


def scene_view(run: RunData, scene: str, key: str) -> SceneView:
    """Gather what the report shows of a scene.

    Args:
        run: The run directory's content.
        scene: The scene's name.
        key: Its anchor in the page.
    """
    notes: list[str] = []
    legend = run.legend(scene)
    maps = [m for m in run.maps if m.scene == scene]
    entry = run.scene_entry(scene)
    photo, drawn = _preview(run.path, entry, "imagery_preview"), _preview(run.path, entry, "labels_preview")
    size = _picture_size(photo or drawn, maps, legend)
    layers = []
    if photo is not None:
        layers.append(Layer("imagery", "Imagery", photo_uri(photo), is_classes=False))
    else:
        notes.append("The run directory holds no preview of the imagery.")
    if drawn is not None:
        with Image.open(drawn) as picture:
            layers.append(Layer("labels", "Digitised labels", png_uri(picture), is_classes=True))
    if not maps:
        notes.append("The run directory holds no map of this scene.")
    areas: list[AreaRow] = []
    if legend is not None:
        try:
            layers += [_map_layer(m, legend, size, alone=len(maps) == 1) for m in maps]
            areas = _areas(maps, legend)
        except LulcsegError as error:
            notes.append(str(error))
    results = [a for a in run.assessments if a.scene == scene]
    if not results:
        notes.append("The scene was not assessed: it has no reference points, or the assessment is missing.")
    return SceneView(
        key=key,
        name=scene,
        layers=layers,
        size=size,
        legend=legend,
        areas=areas,
        area_titles=[_map_label(m, alone=len(maps) == 1) for m in maps],
        assessments=[
            AssessmentView(f"{key}-{i}", title_of(a), a, class_rows(a), confusion_cells(a), design_note(a))
            for i, a in enumerate(results, start=1)
        ],
        notes=notes,
    )


def _preview(run_dir: Path, entry: dict[str, Any], key: str) -> Path | None:
    name = entry.get(key)
    return run_dir / str(name) if name and (run_dir / str(name)).is_file() else None


def _picture_size(preview: Path | None, maps: list[MapFile], legend: Legend | None) -> tuple[int, int]:
    """Return the width and height that all of a scene's pictures have."""
    if preview is not None:
        with Image.open(preview) as picture:
            return picture.size
    if maps and legend is not None:
        with ClassRaster(maps[0].path, legend) as raster:
            scale = max(1.0, max(raster.height, raster.width) / _LONGEST)
            return max(1, round(raster.width / scale)), max(1, round(raster.height / scale))
    return 1, 1


def _map_layer(found: MapFile, legend: Legend, size: tuple[int, int], *, alone: bool) -> Layer:
    width, height = size
    picture = map_picture(found.path, legend, height, width)
    return Layer(f"map-{found.mosaic}", _map_label(found, alone=alone), png_uri(picture), is_classes=True)


def _map_label(found: MapFile, *, alone: bool) -> str:
    if found.mosaic in {"single", "multiple"} and not alone:
        return f"Map, {found.mosaic} pass"
    return "Map"


def _areas(maps: list[MapFile], legend: Legend) -> list[AreaRow]:
    if not maps:
        return []
    grid: Grid
    with ClassRaster(maps[0].path, legend) as raster:
        grid = raster.grid
    return area_rows(legend, [class_pixels(m.path, legend).tolist() for m in maps], grid)
