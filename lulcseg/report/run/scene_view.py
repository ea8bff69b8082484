"""One scene on the page of a run: pictures to compare, mapped areas, accuracy."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend
from lulcseg.maps.areas import class_pixels
from lulcseg.maps.classraster import ClassRaster, carried_legend, open_raster
from lulcseg.pictures.class_map import join_classes
from lulcseg.pictures.encoding import photo_uri, png_uri
from lulcseg.pictures.map_names import map_title
from lulcseg.pictures.painting import map_picture
from lulcseg.report.accuracy_table import ClassRow, assessment_title, class_rows, design_note
from lulcseg.report.area_table import AreaRow, area_rows
from lulcseg.report.map_files import MapFile
from lulcseg.report.matrix_cells import MatrixCell, matrix_cells
from lulcseg.report.picture_layers import PictureLayer
from lulcseg.report.run.points_view import PointsView, points_view
from lulcseg.report.run.reliability_view import ReliabilityView, reliability_view
from lulcseg.report.run.run_data import RunData
from lulcseg.report.run.shared_photos import SharedPhoto
from lulcseg.run_folder.map_models import model_sentences

_LONGEST = 1600
"""Longer side of a map's picture without an imagery preview to match, in pixels."""


@dataclass(frozen=True)
class _ReadMap:
    """A map with its own legend, its picture, its pixels of each class, its files, and sentences on its models."""

    label: str
    legend: Legend
    layer: PictureLayer
    pixels: list[int]
    grid: Grid
    files: list[str]
    made: list[str]


@dataclass(frozen=True)
class AssessmentView:
    """One assessment, ready for the template."""

    key: str
    title: str
    result: Assessment
    rows: list[ClassRow]
    cells: list[list[MatrixCell]]
    note: str
    reliability: ReliabilityView | None
    points: PointsView | None


@dataclass(frozen=True)
class SceneView:
    """One scene, ready for the template.

    Attributes:
        key: Its anchor in the page.
        name: Its name.
        layers: Imagery, labels and maps, as far as they exist.
        size: Width and height of the pictures, in pixels.
        legend: The classes of its maps, by name; without a map, the scene's own; empty if
            unknown.
        areas: Area of each class on each map that can be read.
        area_titles: The maps of ``areas``.
        files: For each map, its files, relative to the run directory.
        made: For each map by several models, calibrated or adapted, a sentence on each of these.
        assessments: Digitised labels first, then maps.
        notes: Sentences on what is missing.
    """

    key: str
    name: str
    layers: list[PictureLayer]
    size: tuple[int, int]
    legend: tuple[LandClass, ...]
    areas: list[AreaRow]
    area_titles: list[str]
    files: list[tuple[str, list[str]]]
    made: list[tuple[str, list[str]]]
    assessments: list[AssessmentView]
    notes: list[str]


def scene_view(run: RunData, scene: str, key: str, backdrop: SharedPhoto | None = None) -> SceneView:
    """Gather one scene's part of the page.

    Args:
        run: The run directory's content.
        scene: The scene's name.
        key: Its anchor in the page.
        backdrop: Its imagery, to draw reference points over; None: there is none.
    """
    notes: list[str] = []
    own = run.legend(scene)
    maps = sorted(
        (m for m in run.maps if m.scene == scene), key=lambda m: m.mosaic != "single"
    )  # the last one is displayed first
    entry = run.scene_entry(scene)
    photo, drawn = _preview(run.path, entry.imagery_preview), _preview(run.path, entry.labels_preview)
    size = _picture_size(photo or drawn, maps)
    layers = []
    if photo is not None:
        layers.append(PictureLayer("imagery", "Imagery", photo_uri(photo), is_classes=False))
    else:
        notes.append("The run directory holds no preview of the imagery.")
    if drawn is not None:
        with Image.open(drawn) as picture:
            layers.append(PictureLayer("labels", "Digitised labels", png_uri(picture), is_classes=True))
    if not maps:
        notes.append("The run directory holds no map of this scene.")
    read = []
    for found in maps:
        try:
            read.append(_read_map(found, own, size, _map_label(found, alone=len(maps) == 1)))
        except LulcsegError as error:
            notes.append(str(error))
    legend = tuple(join_classes([m.legend for m in read] or ([own] if own else [])))
    if drawn is not None and own is not None and _colours_differ(own, legend):
        notes.append("The digitised labels are drawn in the scene's own colours, which are not the map's.")
    entries = {m.mosaic: m.entry for m in maps}
    grid = Grid(**entry.grid) if entry.grid else None
    results = [a for a in run.assessments if a.scene == scene]
    if not results:
        notes.append("The scene was not assessed: it has no reference points, or the assessment is missing.")
    return SceneView(
        key=key,
        name=scene,
        layers=[*layers, *(m.layer for m in read)],
        size=size,
        legend=legend,
        areas=_areas(read, legend),
        area_titles=[m.label for m in read],
        files=[(m.label, m.files) for m in read if m.files],
        made=[(m.label, m.made) for m in read if m.made],
        assessments=[
            AssessmentView(
                f"{key}-{i}",
                assessment_title(a),
                a,
                class_rows(a),
                matrix_cells(a.confusion),
                design_note(a),
                reliability_view(a, f"{key}-{i}", entries.get(a.mosaic or "map") if a.compared == "map" else None),
                points_view(a, grid, backdrop) if a.compared == "map" else None,
            )
            for i, a in enumerate(results, start=1)
        ],
        notes=notes,
    )


def _preview(run_dir: Path, name: str | None) -> Path | None:
    return run_dir / name if name and (run_dir / name).is_file() else None


def _picture_size(preview: Path | None, maps: list[MapFile]) -> tuple[int, int]:
    """Return the common width and height of a scene's pictures."""
    if preview is not None:
        with Image.open(preview) as picture:
            return picture.size
    for found in maps:
        with suppress(LulcsegError), open_raster(found.path) as raster:
            scale = max(1.0, max(raster.height, raster.width) / _LONGEST)
            return max(1, round(raster.width / scale)), max(1, round(raster.height / scale))
    return 1, 1


def _read_map(found: MapFile, fallback: Legend | None, size: tuple[int, int], label: str) -> _ReadMap:
    """Read a map with the legend that it carries: its codes are the model's, whatever the scene file states."""
    legend = carried_legend(found.path) or fallback
    if legend is None:
        raise LulcsegError("it carries no legend", where=found.path, remedy="map the scene again")
    width, height = size
    with ClassRaster(found.path, legend) as raster:
        grid = raster.grid
    picture = png_uri(map_picture(found.path, legend, height, width))
    layer = PictureLayer(f"map-{found.mosaic}", label, picture, is_classes=True)
    made = [] if found.entry is None else model_sentences(found.entry)
    return _ReadMap(label, legend, layer, _pixels(found, legend), grid, found.files, made)


def _pixels(found: MapFile, legend: Legend) -> list[int]:
    """Return a map's pixels of each class: as counted when the map was made, unless the file has changed since."""
    counted = {} if found.entry is None else {area["name"]: int(area["pixels"]) for area in found.entry.areas}
    if list(counted) == legend.names and found.entry and found.entry.bytes == found.path.stat().st_size:
        return list(counted.values())
    return class_pixels(found.path, legend).tolist()  # type: ignore[no-any-return]


def _map_label(found: MapFile, *, alone: bool) -> str:
    return "Map" if alone else map_title(found.mosaic)


def _colours_differ(own: Legend, legend: tuple[LandClass, ...]) -> bool:
    colours = {c.name: c.colour for c in own}
    return any(colours.get(c.name, c.colour) != c.colour for c in legend)


def _areas(maps: list[_ReadMap], legend: tuple[LandClass, ...]) -> list[AreaRow]:
    if not maps:
        return []
    by_name = [dict(zip(m.legend.names, m.pixels, strict=True)) for m in maps]
    return area_rows(legend, [[pixels.get(c.name, 0) for c in legend] for pixels in by_name], maps[0].grid)
