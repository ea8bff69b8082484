"""From what an interpreter decided to a scene's new labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd
import shapely

from lulcseg.corrections.checked_polygons import write_checked_polygons
from lulcseg.corrections.decided_places import ChangeSide, read_decisions
from lulcseg.corrections.label_difference import find_difference, summarise_difference, write_difference
from lulcseg.corrections.revised_labels import RevisedLabels, write_label_raster
from lulcseg.corrections.revised_polygons import revise_polygons
from lulcseg.corrections.revised_scene import write_revised_scene
from lulcseg.errors import LulcsegError
from lulcseg.files import is_there, replacing_together
from lulcseg.maps.writer import reporting_write_errors, sidecar_of
from lulcseg.progress import Progress
from lulcseg.scene.scene import Scene


@dataclass(frozen=True, eq=False)
class Revision:
    """What a revision did.

    Attributes:
        files: The files written.
        decided: Number of places with a class.
        kept: Number of places whose labels were found right.
        undecided: Number of places left open.
        beyond: Number of decided places off the scene's ground, which change no label.
        difference: Hectares of each pair of classes: columns ``from``, ``to``, ``hectares``.
    """

    files: tuple[Path, ...]
    decided: int
    kept: int
    undecided: int
    beyond: int
    difference: pd.DataFrame


def revise_labels(
    scene: Scene,
    reviews: Sequence[str | PathLike[str]],
    out: Path,
    *,
    scene_out: Path | None = None,
    side: ChangeSide | None = None,
    progress: Progress | None = None,
) -> Revision:
    """Write a scene's labels with decided classes in the decided places, and nothing changed elsewhere.

    A scene with polygons, or without labels, gets polygons; one with class rasters gets a class raster on its grid.
    Beside them ``<out>_difference.gpkg`` says what changed. All files are written, or none.

    Args:
        scene: The scene.
        reviews: Review files (:func:`lulcseg.corrections.decided_places.read_decisions`).
        out: The new labels: a ``.gpkg`` of polygons, or the ``.tif`` of a class raster; new.
        scene_out: Scene file that uses them, new; None: none is written.
        side: Which date of a change the scene is of.
        progress: Progress callback of writing a class raster, called with (done, total) strips.

    Raises:
        LulcsegError: A file exists already, has the wrong suffix or can't be written, or decisions can't be used.
    """
    of_raster = scene.spec.labels is not None and bool(scene.spec.labels.rasters)
    difference_out = out.with_name(f"{out.stem}_difference.gpkg")
    label_files = [out, out.with_suffix(".qml"), sidecar_of(out)] if of_raster else [out]
    targets = [*label_files, difference_out, *([] if scene_out is None else [scene_out])]
    _check_names(out, scene_out, targets, of_raster=of_raster)
    decisions = read_decisions(reviews, scene.grid.crs, scene.legend, side=side)
    ground = scene.ground
    shapely.prepare(ground)
    places = [place for place in decisions.places if ground.intersects(place.geometry)]
    if scene.spec.labels is None and not places:
        raise LulcsegError(
            "none of the decided places lies on the scene's ground, and the scene has no labels yet",
            where=scene.file.path,
            remedy="give the review of a map of this scene",
        )
    labels = RevisedLabels(scene, places)
    found = find_difference(labels, scene.grid)
    with replacing_together(targets) as parts:
        with_ignore = False
        if of_raster:
            style_and_all = parts[: len(label_files)]
            write_label_raster(labels, scene.grid, scene.legend, style_and_all, out=out, progress=progress)
        else:
            with reporting_write_errors(out):
                with_ignore = write_checked_polygons(scene, labels, revise_polygons(scene, places), parts[0])
        with reporting_write_errors(difference_out):
            write_difference(found, parts[len(label_files)], scene.grid.crs, scene.legend)
        if scene_out is not None:
            with reporting_write_errors(scene_out):
                write_revised_scene(scene.file, out, scene_out, parts[-1], with_ignore=with_ignore)
    return Revision(
        tuple(path for path in targets if path.suffix != ".xml"),
        len(decisions.places),
        decisions.kept,
        decisions.undecided,
        len(decisions.places) - len(places),
        summarise_difference(found, scene.legend),
    )


def _check_names(out: Path, scene_out: Path | None, targets: Sequence[Path], *, of_raster: bool) -> None:
    """Check the names of all files before anything is read."""
    wanted = ".tif" if of_raster else ".gpkg"
    if out.suffix != wanted:
        raise LulcsegError(
            "the scene's labels are class rasters, and stay one" if of_raster else "the labels are polygons",
            where=out,
            remedy=f"give a name that ends in {wanted}",
        )
    if scene_out is not None and scene_out.suffix not in {".yaml", ".yml"}:
        raise LulcsegError(
            "is not the name of a scene file", where=scene_out, remedy="give --scene a name that ends in .yaml"
        )
    for path in targets:
        if is_there(path) or path.is_symlink():
            raise LulcsegError("it exists already", where=path, remedy="choose another name, or move it away")
