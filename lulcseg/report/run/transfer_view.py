"""A scene that the model was not trained on, on the page of a run: imagery and values beside those trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from lulcseg.errors import LulcsegError
from lulcseg.pictures.inline_svg import inline_svg
from lulcseg.pictures.values_figure import AFTER, BEFORE, values_figure
from lulcseg.report.run.adaptation_view import AdaptationView, adaptation_views
from lulcseg.report.run.run_data import RunData
from lulcseg.report.run.shared_photos import SharedPhoto
from lulcseg.run_folder.scene_values import SceneValues
from lulcseg.settings.adapt import ADAPTATIONS, BY_HISTOGRAM

_MATCHING = {ADAPTATIONS[way] for way in BY_HISTOGRAM}
"""Adaptations that match values, as records name them."""

_MOST_PHOTOS = 3
_MOST_BANDS = 12


@dataclass(frozen=True)
class BandFigure:
    """The distribution of a band's values, and their medians in a sentence."""

    figure: Markup
    medians: str


@dataclass(frozen=True)
class TransferView:
    """A scene that the model was not trained on, ready for the template.

    Attributes:
        key: Its anchor in the page.
        scene: Its name.
        trained_on: Names of the scenes that the model was trained on, in words; empty: unknown.
        is_seen: Whether its imagery was used in training, without labels.
        photos: Imagery: the scenes trained on, then this one.
        bands: Distribution of the values of each band.
        is_matched: Whether the distributions after matching are drawn.
        adaptations: Its adapted maps beside those that aren't.
        notes: Sentences on what is missing.
        hints: Sentences on what could be done.
    """

    key: str
    scene: str
    trained_on: str
    is_seen: bool
    photos: list[SharedPhoto]
    bands: list[BandFigure]
    is_matched: bool
    adaptations: list[AdaptationView]
    notes: list[str]
    hints: list[str]


def transfer_views(run: RunData, photos: Mapping[str, SharedPhoto]) -> list[TransferView]:
    """Gather the scenes of a run that the model was not trained on.

    Args:
        run: The run directory's content.
        photos: Imagery by scene.
    """
    views: list[TransferView] = []
    for scene in run.scenes:
        values, notes = _values(run, scene)
        trained_on = list(values.trained_on if values else run.record.train_scenes)
        is_adapted = any(m.scene == scene and m.entry is not None and m.entry.adapted for m in run.maps)
        if scene in trained_on or not (trained_on or is_adapted):
            continue
        views.append(
            _view(run, scene, f"transfer-{len(views) + 1}", photos, trained_on=trained_on, values=values, notes=notes)
        )
    return views


def _values(run: RunData, scene: str) -> tuple[SceneValues | None, list[str]]:
    name = run.scene_entry(scene).values
    if name is None:
        return None, [
            "The run directory holds no values of its mosaic: it was mapped by an earlier version of lulcseg."
        ]
    try:
        return SceneValues.load(run.path / name), []
    except LulcsegError as error:
        return None, [str(error)]


def _view(
    run: RunData,
    scene: str,
    key: str,
    photos: Mapping[str, SharedPhoto],
    *,
    trained_on: Sequence[str],
    values: SceneValues | None,
    notes: list[str],
) -> TransferView:
    adaptations, uncompared = adaptation_views(run, scene)
    how = {m.entry.adapted for m in run.maps if m.scene == scene and m.entry is not None} - {None}
    shown = [photos[name] for name in trained_on if name in photos][:_MOST_PHOTOS]
    if not shown:
        notes = [*notes, "The run directory holds no picture of the imagery that the model was trained on."]
    bands: list[BandFigure] = []
    hints = []
    if values is not None:
        bands = _bands(values, key, is_matched=bool(_MATCHING & how))
        if not values.training:
            notes = [
                *notes,
                "The model's record does not state the values it was trained on: an earlier version made it.",
            ]
        if len(values.mosaic) > _MOST_BANDS:
            notes = [*notes, f"The first {_MOST_BANDS} of {len(values.mosaic)} bands are drawn."]
        if values.matched and not how and scene not in run.record.unlabelled_scenes:
            hints = [
                "No map of it is adapted. predict.py with adapt=histogram adds one, and this section compares both."
            ]
    return TransferView(
        key,
        scene,
        ", ".join(trained_on),
        scene in run.record.unlabelled_scenes,
        [*shown, *([photos[scene]] if scene in photos else [])],
        bands,
        bool(_MATCHING & how) and values is not None and bool(values.matched),
        adaptations,
        [*notes, *uncompared],
        hints,
    )


def _bands(values: SceneValues, key: str, *, is_matched: bool) -> list[BandFigure]:
    found = []
    for number, mosaic in enumerate(values.mosaic[:_MOST_BANDS], start=1):
        training = values.training[number - 1] if values.training else []
        matched = values.matched[number - 1] if is_matched and values.matched else None
        medians = {"trained on": training, "here": mosaic, "matched": matched or []}
        said = ", ".join(f"{np.median(part):.4g} {where}" for where, part in medians.items() if len(part))
        title = f"Band {number}"
        figure = values_figure(title, training, mosaic, matched)
        about = f"{title}: distribution of values; median {said}"
        drawn = inline_svg(figure, f"{key}-band{number}", about, (BEFORE, AFTER))
        found.append(BandFigure(Markup(drawn), f"Median {said}"))
    return found
