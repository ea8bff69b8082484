"""Pictures of a trial's maps to swipe between: imagery, labels, and maps of each value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lulcseg.errors import LulcsegError
from lulcseg.legend import LandClass, Legend
from lulcseg.maps.classraster import ClassRaster, carried_legend
from lulcseg.pictures.class_map import class_lookup, join_classes
from lulcseg.pictures.encoding import jpeg_uri, png_uri
from lulcseg.pictures.painting import class_picture
from lulcseg.report.map_files import MapFile, list_maps
from lulcseg.report.picture_layers import PictureLayer
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord

if TYPE_CHECKING:
    from lulcseg.trials.replicates import Replicate
    from lulcseg.trials.trial_reader import Trial

_LONGEST = 1100
"""Longer side of a picture, in pixels."""

_BUDGET = 6_000_000
"""Total size of the maps in a page, in characters; maps that don't fit are linked."""

_MOST = 24
"""Total number of maps in a page."""


@dataclass(frozen=True)
class TrialMap:
    """A map of a trial: its replicate, its file and its legend."""

    replicate: Replicate
    file: MapFile
    legend: Legend

    @property
    def label(self) -> str:
        """Value and seed."""
        return f"{self.replicate.value}, seed {self.replicate.seed}"


@dataclass(frozen=True)
class SceneMaps:
    """Pictures of one scene.

    Attributes:
        key: Its anchor in the page.
        scene: The scene's name.
        layers: Imagery and labels as far as they exist, then maps.
        size: Width and height of all pictures, in pixels.
        classes: The classes of its maps, in the order of the pictures' palettes.
        left_out: Maps that the page only links: label, and file relative to the trial's folder.
        maps: All maps, displayed ones first.
        notes: Sentences on what is missing.
    """

    key: str
    scene: str
    layers: list[PictureLayer]
    size: tuple[int, int]
    classes: list[LandClass]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    maps: list[TrialMap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def scene_maps(trial: Trial) -> list[SceneMaps]:
    """Picture a trial's maps, one viewer per scene.

    First the map of one seed for each value, if possible the same seed for all; then those of other seeds, as long as
    the page stays small.
    """
    found, entries, broken = _find_maps(trial)
    views, left, most = [], _BUDGET, _MOST
    for number, (scene, maps) in enumerate(found.items(), start=1):
        share = left // (len(found) - number + 1), most // (len(found) - number + 1)
        view, spent = _picture_scene(trial, maps, entries.get(scene), share, f"maps-{number}")
        view.notes.extend(broken.get(scene, []))
        left, most = left - spent, most - sum(layer.key.startswith("map-") for layer in view.layers)
        views.append(view)
    return views


def joint_legend(classes: Sequence[LandClass]) -> Legend:
    """Return joined classes as a legend whose codes are their places."""
    return Legend(tuple(LandClass(i, c.name, c.colour) for i, c in enumerate(classes)))


def _find_maps(trial: Trial) -> tuple[dict[str, list[TrialMap]], dict[str, Path], dict[str, list[str]]]:
    """Return by scene its maps, a run that holds its previews, and sentences on maps that could not be read."""
    found: dict[str, list[TrialMap]] = {}
    previews: dict[str, Path] = {}
    broken: dict[str, list[str]] = {}
    for replicate in trial.replicates:
        if not replicate.counts:
            continue
        folder = RunFolder(replicate.path)
        record = RunRecord.read(folder)
        if record is None:
            continue
        for scene, entry in record.scenes.items():
            if scene not in previews and (folder.path / str(entry.imagery_preview)).is_file():
                previews[scene] = folder.path
        for file in list_maps(folder, record):
            try:
                legend = carried_legend(file.path) or _own_legend(record, file.scene)
            except LulcsegError as error:
                broken.setdefault(file.scene, []).append(str(error))
                continue
            if legend is not None:
                found.setdefault(file.scene, []).append(TrialMap(replicate, file, legend))
    return {scene: _in_order(trial, maps) for scene, maps in found.items()}, previews, broken


def _own_legend(record: RunRecord, scene: str) -> Legend | None:
    entry = record.scenes.get(scene)
    return Legend.from_plain(entry.legend) if entry is not None and entry.legend else None


def _in_order(trial: Trial, maps: list[TrialMap]) -> list[TrialMap]:
    """Sort maps: first one map per value, of the seed that most values have (of equals the lowest), then the others."""
    seeds = [m.replicate.seed for m in maps]
    common = min(seeds, key=lambda seed: (-len({m.replicate.value for m in maps if m.replicate.seed == seed}), seed))
    place = {v.name: i for i, v in enumerate(trial.values)}
    ordered = sorted(
        maps, key=lambda m: (m.replicate.seed != common, m.replicate.seed, place.get(m.replicate.value, len(place)))
    )
    first = {m.replicate.value: m for m in reversed(ordered)}
    return sorted(ordered, key=lambda m: (first[m.replicate.value] is not m,))


def _picture_scene(
    trial: Trial, maps: list[TrialMap], run: Path | None, share: tuple[int, int], key: str
) -> tuple[SceneMaps, int]:
    """Picture one scene; return the pictures and the size of its maps in characters."""
    classes, scene = join_classes([m.legend for m in maps]), maps[0].file.scene
    view = SceneMaps(key, scene, [], (1, 1), classes, maps=maps)
    layers, size = _backdrop(view, run)
    view = SceneMaps(key, scene, layers, size or _map_size(maps[0]), classes, maps=maps, notes=view.notes)
    several = len({m.file.mosaic for m in maps}) > 1
    spent = displayed = 0
    for number, found in enumerate(maps):
        label = f"{found.label}, {found.file.mosaic}" if several else found.label
        path = found.file.path.relative_to(trial.folder).as_posix()
        if displayed >= share[1] or spent >= share[0]:
            view.left_out.append((label, path))
            continue
        try:
            uri = png_uri(class_picture(_overview(found, view), joint_legend(classes)))
        except LulcsegError as error:
            view.notes.append(str(error))
            continue
        if displayed and spent + len(uri) > share[0]:
            view.left_out.append((label, path))
            continue
        view.layers.append(PictureLayer(f"map-{number}", label, uri, is_classes=True))
        spent, displayed = spent + len(uri), displayed + 1
    return view, spent


def _overview(found: TrialMap, view: SceneMaps) -> NDArray[np.uint8]:
    with ClassRaster(found.file.path, found.legend) as raster:
        index: NDArray[np.uint8] = class_lookup(found.legend, view.classes)[raster.overview(*reversed(view.size))]
    return index


def _backdrop(view: SceneMaps, run: Path | None) -> tuple[list[PictureLayer], tuple[int, int] | None]:
    """Return imagery and labels from a run's previews, and the common size of the pictures."""
    if run is None:
        view.notes.append("No run directory holds a preview of the imagery.")
        return [], None
    entry = RunRecord.load(RunFolder(run)).scenes[view.scene]
    with Image.open(run / str(entry.imagery_preview)) as picture:
        size = _within(picture.size)
        photo = picture.convert("RGB").resize(size, Image.Resampling.BOX) if picture.size != size else picture
        layers = [PictureLayer("imagery", "Imagery", jpeg_uri(photo), is_classes=False)]
    drawn = entry.labels_preview
    if drawn and entry.legend and (run / drawn).is_file():
        uri = _labels(run / drawn, Legend.from_plain(entry.legend), view, size)
        layers.append(PictureLayer("labels", "Digitised labels", uri, is_classes=True))
    return layers, size


def _labels(path: Path, own: Legend, view: SceneMaps, size: tuple[int, int]) -> str:
    """Return the preview of the labels in the maps' palette."""
    known = {c.name for c in view.classes}
    view.classes.extend(c for c in own if c.name not in known)
    with Image.open(path) as picture:
        index = np.asarray(picture.resize(size, Image.Resampling.NEAREST), dtype=np.uint8)
    return png_uri(class_picture(class_lookup(own, view.classes)[index], joint_legend(view.classes)))


def _within(size: tuple[int, int]) -> tuple[int, int]:
    scale = max(1.0, max(size) / _LONGEST)
    return max(1, round(size[0] / scale)), max(1, round(size[1] / scale))


def _map_size(found: TrialMap) -> tuple[int, int]:
    with ClassRaster(found.file.path, found.legend) as raster:
        return _within((raster.width, raster.height))


def displayed_maps(view: SceneMaps) -> Iterator[tuple[PictureLayer, TrialMap]]:
    """Yield the maps that a scene's viewer displays, with their layers."""
    for layer in view.layers:
        if layer.key.startswith("map-"):
            yield layer, view.maps[int(layer.key.removeprefix("map-"))]
