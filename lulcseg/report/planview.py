"""What the report shows of the sampling plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from lulcseg.legend import Legend
from lulcseg.report import figures
from lulcseg.report.images import data_uri
from lulcseg.report.rundata import RunData
from lulcseg.sampling.plan import VALIDATION, Plan


@dataclass(frozen=True)
class PlanFigure:
    """The plan over one scene: the scene's name, the picture, and how many patches it shows."""

    scene: str
    uri: str
    patches: int


@dataclass(frozen=True)
class PlanRow:
    """One class: its colour where it is known, features, area in hectares, patches drawn and touching."""

    name: str
    colour: str | None
    features: int | None
    hectares: float | None
    drawn: int | None


@dataclass(frozen=True)
class PlanView:
    """The plan, ready for the template: a sentence, figures and counts."""

    sentence: str
    figures: list[PlanFigure]
    rows: list[PlanRow]


def plan_view(run: RunData) -> PlanView | None:
    """Gather what the report shows of the plan; None where there is nothing.

    Without the plan's file, the counts in the run's record stand alone.
    """
    recorded = run.record.get("plan") or {}
    legend = next((found for s in run.scenes if (found := run.legend(s)) is not None), None)
    if run.plan is not None:
        drawn = [_figure(run, run.plan, scene, legend) for scene in run.plan.scenes] if legend else []
        return PlanView(_sentence(run.plan), drawn, [_row(c, legend) for c in run.plan.meta["classes"]])
    counts = recorded.get("per_class")
    if not counts:
        return None
    rows = [PlanRow(name, _colour(name, legend), None, None, int(n)) for name, n in counts.items()]
    return PlanView(
        f"{recorded.get('train', 0):,} patches to train on, {recorded.get('validation', 0):,} held out.", [], rows
    )


def _sentence(plan: Plan) -> str:
    counts = plan.summary()
    held_out = counts["splits"].get(VALIDATION, 0)
    method = plan.meta.get("method")
    size = plan.meta.get("patch_size")
    text = f"{counts['patches']:,} patches of {size} × {size} pixels" if size else f"{counts['patches']:,} patches"
    text += f", placed by the method “{method}”" if method else ""
    text += f"; {held_out:,} of them held out to follow the training by" if held_out else ""
    return text + "."


def _figure(run: RunData, plan: Plan, scene: str, legend: Legend) -> PlanFigure:
    rows = plan.of(scene)
    figure = figures.plan_figure(rows, plan.grid(scene).bounds(), legend, _background(run, scene))
    return PlanFigure(scene, data_uri(figures.jpeg(figure), "image/jpeg"), len(rows))


def _background(run: RunData, scene: str) -> Any:
    name = run.scene_entry(scene).get("imagery_preview")
    if not name or not (run.path / str(name)).is_file():
        return None
    with Image.open(run.path / str(name)) as picture:
        return np.asarray(picture.convert("RGB"))


def _row(entry: dict[str, Any], legend: Legend | None) -> PlanRow:
    area = entry.get("area_m2")
    return PlanRow(
        str(entry["name"]),
        _colour(str(entry["name"]), legend),
        entry.get("features"),
        None if area is None else float(area) / 10_000,
        entry.get("drawn"),
    )


def _colour(name: str, legend: Legend | None) -> str | None:
    if legend is None or name not in legend.names:
        return None
    return legend.classes[legend.index(name)].colour
