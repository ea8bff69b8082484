"""From what an interpreter decided to a scene's new labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import shapely

from lulcseg.corrections.decided_places import ChangeSide, read_decisions
from lulcseg.corrections.label_difference import find_difference, summarise_difference, write_difference
from lulcseg.corrections.revised_labels import RevisedLabels, revise_polygons, write_label_raster
from lulcseg.corrections.revised_scene import write_revised_scene
from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.progress import Progress
from lulcseg.scene.layer_writing import write_layer
from lulcseg.scene.legend_spec import IGNORE_NAME
from lulcseg.scene.scene import Scene

LAYER = "labels"


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
    reviews: Sequence[Path],
    out: Path,
    *,
    scene_out: Path | None = None,
    side: ChangeSide | None = None,
    progress: Progress | None = None,
) -> Revision:
    """Write a scene's labels with decided classes in the decided places, and nothing changed elsewhere.

    A scene with polygons, or without labels, gets polygons; one with class rasters gets a class raster on its grid.
    Beside them ``<out>_difference.gpkg`` says what changed.

    Args:
        scene: The scene.
        reviews: Review files (:func:`lulcseg.corrections.decided_places.read_decisions`).
        out: The new labels: a ``.gpkg`` of polygons, or the ``.tif`` of a class raster; new.
        scene_out: Scene file that uses them, new; None: none is written.
        side: Which date of a change the scene is of.
        progress: Progress callback of writing a class raster, called with (done, total) strips.

    Raises:
        LulcsegError: A file exists already or has the wrong suffix, or decisions can't be used.
    """
    of_raster = scene.spec.labels is not None and bool(scene.spec.labels.rasters)
    difference_out = out.with_name(f"{out.stem}_difference.gpkg")
    _check_names(out, of_raster=of_raster, others=(difference_out, scene_out))
    decisions = read_decisions(reviews, scene.grid.crs, scene.legend, side=side)
    ground = scene.ground
    shapely.prepare(ground)
    places = [place for place in decisions.places if ground.intersects(place.geometry)]
    labels = RevisedLabels(scene, places)
    found = find_difference(labels, places, scene.grid)
    files = [out]
    with_ignore = False
    if of_raster:
        files = write_label_raster(labels, scene.grid, scene.legend, out, progress)
    else:
        polygons = revise_polygons(scene, places)
        with_ignore = bool((polygons["class"] == IGNORE_NAME).any())
        with replacing(out) as part:
            write_layer(polygons, part, LAYER)
    write_difference(found, difference_out, scene.grid.crs, scene.legend)
    files.append(difference_out)
    if scene_out is not None:
        write_revised_scene(scene.file, out, scene_out, with_ignore=with_ignore)
        files.append(scene_out)
    return Revision(
        tuple(files),
        len(decisions.places),
        decisions.kept,
        decisions.undecided,
        len(decisions.places) - len(places),
        summarise_difference(found, scene.legend),
    )


def _check_names(out: Path, *, of_raster: bool, others: Sequence[Path | None]) -> None:
    wanted = ".tif" if of_raster else ".gpkg"
    if out.suffix != wanted:
        raise LulcsegError(
            "the scene's labels are class rasters, and stay one" if of_raster else "the labels are polygons",
            where=out,
            remedy=f"give a name that ends in {wanted}",
        )
    for path in (out, *others):
        if path is not None and path.exists():
            raise LulcsegError("it exists already", where=path, remedy="choose another name, or move it away")
