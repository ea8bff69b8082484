"""The sampling plans of a trial's runs on its page."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lulcseg.pictures.encoding import jpeg_uri
from lulcseg.run_folder.folder import RunFolder
from lulcseg.trials.replicates import Replicate
from lulcseg.trials.trial_reader import Trial

_PLAN_SIDE = 760
"""Longer side of a plan's picture, in pixels."""

_MOST_PLANS = 8


@dataclass(frozen=True)
class TrialPlanFigure:
    """A picture of a plan, labelled with the values trained on it."""

    label: str
    uri: str


@dataclass(frozen=True)
class PlansView:
    """The trial's sampling plans: a sentence on their number, and pictures."""

    sentence: str
    figures: list[TrialPlanFigure]


def plans_view(trial: Trial) -> PlansView | None:
    """Return the plans that the runs were trained on, each once; None if no record names one."""
    by_digest: dict[str, list[Replicate]] = {}
    for r in trial.replicates:
        if r.plan_digest:
            by_digest.setdefault(r.plan_digest, []).append(r)
    if not by_digest:
        return None
    figures = []
    for own in list(by_digest.values())[:_MOST_PLANS]:
        pictured = next(((r, found) for r in own if (found := RunFolder(r.path).plan_pictures())), None)
        if pictured is not None:
            figures += [TrialPlanFigure(_label(own, trial, path), _thumbnail(path)) for path in pictured[1]]
    if len(by_digest) == 1:
        sentence = "All runs were trained on one sampling plan; only the training seed varies."
    else:
        sentence = f"The runs were trained on {len(by_digest)} sampling plans."
        if len(by_digest) > _MOST_PLANS:
            sentence += f" The first {_MOST_PLANS} are shown."
    return PlansView(sentence, figures)


def _label(own: list[Replicate], trial: Trial, path: Path) -> str:
    held = {r.value for r in own}
    names = [v.name for v in trial.values if v.name in held]
    values = "all values" if len(names) == len(trial.values) and len(names) > 1 else ", ".join(names)
    scene = path.stem.removeprefix("plan").lstrip("_")
    return f"{values}: {scene}" if scene else values


def _thumbnail(path: Path) -> str:
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        smaller = picture.convert("RGB")
        smaller.thumbnail((_PLAN_SIDE, _PLAN_SIDE))
        return jpeg_uri(smaller)
