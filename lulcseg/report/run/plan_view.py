"""What the report shows of the sampling plan."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure as MplFigure
from PIL import Image

from lulcseg.grid import Bounds
from lulcseg.legend import Legend
from lulcseg.pictures import figures, planfigure
from lulcseg.pictures.images import data_uri
from lulcseg.report.run.run_data import RunData
from lulcseg.report.score_tables import Figure
from lulcseg.run_folder.record_parts import PlanEntry
from lulcseg.sampling.plan import VALIDATION, Plan
from lulcseg.sampling.plancells import cells_of


@dataclass(frozen=True)
class PlanFigure:
    """The plan over one scene: the scene's name, the picture, and how many patches it shows."""

    scene: str
    uri: str
    patches: int


@dataclass(frozen=True)
class PlanRow:
    """One class of the plan's table; None where a count was not made.

    Attributes:
        name: Name of the class.
        colour: Its colour.
        features: Digitised features.
        hectares: Their area.
        drawn: Patches drawn for the class.
        touching: Patches that meet it.
        without: Features that have no patch.
        ground: Share of the digitised ground.
        pixels: Share of the labelled pixels trained on.
        shift: Log of their ratio.
    """

    name: str
    colour: str | None
    features: int | None = None
    hectares: float | None = None
    drawn: int | None = None
    touching: int | None = None
    without: int | None = None
    ground: Figure | None = None
    pixels: Figure | None = None
    shift: float | None = None

    @property
    def ratio(self) -> str:
        """Share of the pixels by share of the ground, as printed."""
        return "–" if self.shift is None else f"{math.exp(self.shift):.3g} ×"


@dataclass(frozen=True)
class PlanView:
    """The plan, ready for the template: sentences, figures and counts."""

    sentences: list[str]
    figures: list[PlanFigure]
    rows: list[PlanRow]

    def has(self, count: str) -> bool:
        """Whether any class has this count."""
        return any(getattr(row, count) is not None for row in self.rows)


def plan_view(run: RunData) -> PlanView | None:
    """Gather what the report shows of the plan; None where there is nothing.

    Without the plan's file, the counts in the run's record stand alone.
    """
    recorded = run.record.plan or PlanEntry.of()
    legends = (run.legend(s) for s in [*run.scenes, *run.record.scenes])
    legend = next((found for found in legends if found is not None), None)
    if run.plan is not None:
        drawn = [_figure(run, run.plan, scene, legend) for scene in run.plan.scenes] if legend else []
        counts = _counts(run.plan, recorded)
        rows = [_row(entry, counts, legend) for entry in run.plan.meta["classes"]]
        return PlanView([_opening(run.plan), *_sentences(counts)], drawn, rows)
    if not recorded.per_class:
        return None
    opening = f"{recorded.train:,} patches to train on, {recorded.validation:,} held out."
    rows = [_row({"name": name}, recorded, legend) for name in recorded.per_class]
    return PlanView([opening, *_sentences(recorded)], [], rows)


def _counts(plan: Plan, recorded: PlanEntry) -> PlanEntry:
    """Return a plan's counts: the record's, which were made with polygons and labels, and what the plan itself says."""
    counted = plan.summary()
    own = {key: counted[key] for key in ("shifted", "redrawn", "dropped", "valid")}
    return PlanEntry.from_plain(own | recorded.to_plain() | {"per_class": counted["drawn_for"]})


def plan_figure(plan: Plan, scene: str, legend: Legend, preview: Path | None) -> MplFigure:
    """Draw a plan over one of its scenes.

    Args:
        plan: The plan.
        scene: The scene's name.
        legend: The classes.
        preview: Picture of the scene's extent; None leaves the ground blank.
    """
    meta = plan.meta
    background = None
    if preview is not None:
        with Image.open(preview) as picture:
            background = np.asarray(picture.convert("RGB"))
    held_out = ((meta.get("validation") or {}).get("held_out") or {}).get(scene, [])
    return planfigure.plan_figure(
        plan.of(scene),
        plan.grid(scene).bounds(),
        legend,
        background,
        cells=cells_of(plan, scene) if meta["method"] == "grid" else None,
        held_out=[Bounds(*b) for b in held_out],
    )


def _opening(plan: Plan) -> str:
    patches, held_out = len(plan), int((plan.rows["split"] == VALIDATION).sum())
    method = plan.meta.get("method")
    size = plan.meta.get("patch_size")
    text = f"{patches:,} patches of {size} × {size} pixels" if size else f"{patches:,} patches"
    text += f", placed by the method “{method}”" if method else ""
    text += f"; {held_out:,} of them held out to follow the training by" if held_out else ""
    return text + "."


def _sentences(counts: PlanEntry) -> list[str]:
    """Say what was counted beside the classes, a sentence each."""
    said = []
    if origin := counts.taken_from:
        since = ", edited or re-ordered since." if origin["edited"] else "."
        said.append(f"The plan is taken from {origin['path']}{since}")
    if overlap := counts.overlap:
        said.append(
            f"Of the ground that training patches cover, {_percent(overlap['shared'])} lies in more than one; "
            f"a pixel of it lies in {overlap['mean']:.2f} patches on average and in {overlap['most']:,} at most."
        )
    moved = [
        f"{number:,} {what}"
        for number, what in (
            (counts.shifted, "were shifted to stay inside the imagery"),
            (counts.redrawn, "were drawn again for lack of imagery"),
            (counts.dropped, "more were left out across the edge of held-out ground"),
        )
        if number
    ]
    if moved:
        said.append("Of the patches, " + ", ".join(moved) + ".")
    if (valid := counts.valid) and valid["partly"]:
        said.append(
            f"{valid['partly']:,} patches are partly without imagery: on average {_percent(valid['mean'])} of a patch "
            f"is valid, {_percent(valid['least'])} at least."
        )
    elif valid:
        said.append("Every patch is wholly on valid imagery.")
    return said


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _figure(run: RunData, plan: Plan, scene: str, legend: Legend) -> PlanFigure:
    name = run.scene_entry(scene).imagery_preview
    preview = run.path / name if name and (run.path / name).is_file() else None
    figure = plan_figure(plan, scene, legend, preview)
    return PlanFigure(scene, data_uri(figures.jpeg(figure), "image/jpeg"), len(plan.of(scene)))


def _row(entry: Mapping[str, Any], counts: PlanEntry, legend: Legend | None) -> PlanRow:
    name, area = str(entry["name"]), entry.get("area_m2")
    prior = (counts.prior or {}).get(name)
    drawn = counts.per_class or {}
    return PlanRow(
        name,
        _colour(name, legend),
        features=entry.get("features"),
        hectares=None if area is None else float(area) / 10_000,
        drawn=drawn.get(name) if any(drawn.values()) else None,
        touching=(counts.touches or {}).get(name),
        without=((counts.per_feature or {}).get(name) or {}).get("without"),
        ground=Figure(prior["ground"]) if prior else None,
        pixels=Figure(prior["pixels"]) if prior else None,
        shift=prior["shift"] if prior and prior["pixels"] and prior["ground"] else None,
    )


def _colour(name: str, legend: Legend | None) -> str | None:
    if legend is None or name not in legend.names:
        return None
    return legend.classes[legend.index(name)].colour
