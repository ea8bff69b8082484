"""The sampling plan on the page of a run: sentences, pictures, and counts of each class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lulcseg.legend import Legend
from lulcseg.pictures.encoding import data_uri
from lulcseg.pictures.figure_style import jpeg
from lulcseg.pictures.plan_figure import plan_figure
from lulcseg.report.interval_figure import IntervalFigure
from lulcseg.report.run.run_data import RunData
from lulcseg.run_folder.record_parts import PlanEntry
from lulcseg.sampling.plan import VALIDATION, Plan
from lulcseg.sampling.plan_summary import summarise_plan


@dataclass(frozen=True)
class PlanFigure:
    """Picture of the plan over one scene, and its number of patches."""

    scene: str
    uri: str
    patches: int


@dataclass(frozen=True)
class PlanRow:
    """One class of the plan's table; None for counts that were not made.

    Attributes:
        name: Name of the class.
        colour: Its colour.
        features: Digitised features.
        hectares: Their area.
        drawn: Patches drawn for the class.
        touching: Patches that meet it.
        without: Features without a patch.
        ground: Share of the digitised area.
        pixels: Share of the labelled training pixels.
        shift: Log of their ratio.
    """

    name: str
    colour: str | None
    features: int | None = None
    hectares: float | None = None
    drawn: int | None = None
    touching: int | None = None
    without: int | None = None
    ground: IntervalFigure | None = None
    pixels: IntervalFigure | None = None
    shift: float | None = None

    @property
    def ratio(self) -> str:
        """Ratio of the two shares, pixels to ground, as printed."""
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
    """Gather the plan's part of the page; None if nothing is known of the plan.

    Without the plan's file, the counts in the run's record are used.
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
    opening = f"{recorded.train:,} training patches, {recorded.validation:,} held out."
    rows = [_row({"name": name}, recorded, legend) for name in recorded.per_class]
    return PlanView([opening, *_sentences(recorded)], [], rows)


def _counts(plan: Plan, recorded: PlanEntry) -> PlanEntry:
    """Return a plan's counts: the record's, made with polygons and labels, and the plan's own."""
    counted = summarise_plan(plan)
    own = {key: counted[key] for key in ("shifted", "redrawn", "dropped", "valid")}
    return PlanEntry.from_plain(own | recorded.to_plain() | {"per_class": counted["drawn_for"]})


def _opening(plan: Plan) -> str:
    patches, held_out = len(plan), int((plan.rows["split"] == VALIDATION).sum())
    method = plan.meta.get("method")
    size = plan.meta.get("patch_size")
    text = f"{patches:,} patches of {size} × {size} pixels" if size else f"{patches:,} patches"
    text += f", placed by the method “{method}”" if method else ""
    text += f"; {held_out:,} of them held out for validation" if held_out else ""
    return text + "."


def _sentences(counts: PlanEntry) -> list[str]:
    """Return sentences on the counts that are not of classes."""
    sentences = []
    if origin := counts.taken_from:
        since = ", edited or re-ordered since." if origin["edited"] else "."
        sentences.append(f"The plan is taken from {origin['path']}{since}")
    if overlap := counts.overlap:
        sentences.append(
            f"Of the ground that training patches cover, {_percent(overlap['shared'])} lies in more than one; "
            f"a covered pixel lies in {overlap['mean']:.2f} patches on average and in {overlap['most']:,} at most."
        )
    moved = [
        f"{number:,} {what}"
        for number, what in (
            (counts.shifted, "were shifted to stay inside the imagery"),
            (counts.redrawn, "were redrawn for lack of imagery"),
            (counts.dropped, "more were left out because they cross the edge of held-out ground"),
        )
        if number
    ]
    if moved:
        sentences.append("Of the patches, " + ", ".join(moved) + ".")
    if (valid := counts.valid) and valid["partly"]:
        sentences.append(
            f"{valid['partly']:,} patches are partly without imagery: on average {_percent(valid['mean'])} of a patch "
            f"is valid, {_percent(valid['least'])} at least."
        )
    elif valid:
        sentences.append("Every patch is wholly on valid imagery.")
    return sentences


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _figure(run: RunData, plan: Plan, scene: str, legend: Legend) -> PlanFigure:
    name = run.scene_entry(scene).imagery_preview
    preview = run.path / name if name and (run.path / name).is_file() else None
    figure = plan_figure(plan, scene, legend, preview)
    return PlanFigure(scene, data_uri(jpeg(figure), "image/jpeg"), len(plan.of(scene)))


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
        ground=IntervalFigure(prior["ground"]) if prior else None,
        pixels=IntervalFigure(prior["pixels"]) if prior else None,
        shift=prior["shift"] if prior and prior["pixels"] and prior["ground"] else None,
    )


def _colour(name: str, legend: Legend | None) -> str | None:
    if legend is None or name not in legend.names:
        return None
    return legend.classes[legend.index(name)].colour
