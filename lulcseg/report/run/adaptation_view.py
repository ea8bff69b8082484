"""What adapting a mosaic changed: the map with and without it, and what each class gained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.files import read_json
from lulcseg.legend import Legend
from lulcseg.maps.classraster import carried_legend, open_raster
from lulcseg.pictures.encoding import png_uri
from lulcseg.pictures.map_names import map_title
from lulcseg.pictures.painting import map_picture
from lulcseg.report.change_figure import ChangeFigure
from lulcseg.report.map_files import MapFile
from lulcseg.report.run.run_data import RunData

_LONGEST = 700
"""Longer side of a map's picture, in pixels; the scene's own section has larger ones."""


@dataclass(frozen=True)
class GainRow:
    """What a class gained by the adaptation."""

    name: str
    colour: str
    reference: int
    f1: ChangeFigure
    users: ChangeFigure
    producers: ChangeFigure


@dataclass(frozen=True)
class AdaptationView:
    """A map of an adapted mosaic beside the map of the mosaic as it is, ready for the template.

    Attributes:
        title: Name of the adapted map.
        pictures: Title and picture of the map before and after, as data URIs.
        size: Width and height of the pictures, in pixels.
        whole: Scores of the whole map, by name; empty unless both are assessed at the same points.
        rows: Scores of each class; likewise.
        means: Means of F1, user's and producer's accuracy over classes; None likewise.
        classes: Number of classes in the means.
        note: Why there are no scores to compare; empty if there are.
    """

    title: str
    pictures: list[tuple[str, str]]
    size: tuple[int, int]
    whole: dict[str, ChangeFigure]
    rows: list[GainRow]
    means: tuple[ChangeFigure, ChangeFigure, ChangeFigure] | None
    classes: int
    note: str


def adaptation_views(run: RunData, scene: str) -> tuple[list[AdaptationView], list[str]]:
    """Return a scene's adapted maps, each beside its counterpart, and sentences on those that can't be compared.

    The counterpart is the map by the same models and passes without the adaptation.
    """
    views, notes = [], []
    maps = [found for found in run.maps if found.scene == scene]
    for after in maps:
        adapted = None if after.entry is None else after.entry.adapted
        if adapted is None:
            continue
        title = map_title(after.mosaic)
        before = next((m for m in maps if m.mosaic == after.mosaic.removesuffix(f"_{adapted}") != after.mosaic), None)
        if before is None or not _same_models(before, after):
            notes.append(f"{title}: the run directory holds no map by the same model with adapt=none to compare with.")
            continue
        try:
            views.append(_view(run, before, after))
        except LulcsegError as error:
            notes.append(str(error))
    return views, notes


def _same_models(one: MapFile, other: MapFile) -> bool:
    """Whether two maps are by the same models, as far as their STAC items state them."""
    stated = [
        (read_json(m.path.with_suffix(".json")) or {}).get("properties", {}).get("lulcseg:checkpoint_sha256")
        for m in (one, other)
    ]
    return None in stated or stated[0] == stated[1]


def _view(run: RunData, before: MapFile, after: MapFile) -> AdaptationView:
    size = _size(before)
    titles = ["Before: the mosaic as it is", "After: the mosaic adapted"]
    pictures = [(title, _picture(run, m, size)) for title, m in zip(titles, (before, after), strict=True)]
    pair = [_assessment(run, m) for m in (before, after)]
    whole: dict[str, ChangeFigure] = {}
    rows: list[GainRow] = []
    means, classes, note = None, 0, ""
    if pair[0] is None or pair[1] is None:
        note = "There are no scores to compare: one of the maps, or both, were not assessed."
    elif (pair[0].legend, pair[0].scores.reference_points) != (pair[1].legend, pair[1].scores.reference_points):
        note = "The scores can't be compared: the maps were assessed at different points."
    else:
        rows = list(_rows(pair[0], pair[1]))
        means = (
            _change(pair, "mean_f1"),
            _change(pair, "mean_users"),
            _change(pair, "mean_producers"),
        )
        whole = {"Kappa": _change(pair, "kappa"), "Mean F1": means[0], "Overall": _change(pair, "overall_accuracy")}
        classes = pair[0].scores.classes_averaged
    return AdaptationView(map_title(after.mosaic), pictures, size, whole, rows, means, classes, note)


def _rows(before: Assessment, after: Assessment) -> Iterator[GainRow]:
    for i, c in enumerate(before.legend):
        f1, users, producers = (
            ChangeFigure(getattr(before.scores, name)[i], getattr(after.scores, name)[i])
            for name in ("f1", "users", "producers")
        )
        yield GainRow(c.name, c.colour, before.scores.reference_points[i], f1, users, producers)


def _change(pair: Sequence[Any], name: str) -> ChangeFigure:
    return ChangeFigure(*(getattr(each.scores, name) for each in pair))


def _assessment(run: RunData, found: MapFile) -> Assessment | None:
    return next(
        (
            a
            for a in run.assessments
            if (a.scene, a.compared, a.mosaic) == (found.scene, "map", found.mosaic) and a.places == "points"
        ),
        None,
    )


def _size(found: MapFile) -> tuple[int, int]:
    with open_raster(found.path) as raster:
        scale = max(1.0, max(raster.height, raster.width) / _LONGEST)
        return max(1, round(raster.width / scale)), max(1, round(raster.height / scale))


def _picture(run: RunData, found: MapFile, size: tuple[int, int]) -> str:
    legend: Legend | None = carried_legend(found.path) or run.legend(found.scene)
    if legend is None:
        raise LulcsegError("it carries no legend", where=found.path, remedy="map the scene again")
    return png_uri(map_picture(found.path, legend, size[1], size[0]))
