"""A run's sampling plan: drawn or reused, counted, and drawn over the imagery."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.files import path_of, replacing
from lulcseg.grid import Window
from lulcseg.legend import IGNORE
from lulcseg.pictures.figure_style import png
from lulcseg.pictures.plan_figure import plan_figure
from lulcseg.run.model_setup import model_record, training_margin
from lulcseg.run_folder.folder import PLAN
from lulcseg.run_folder.record_parts import PlanEntry
from lulcseg.sampling.auto_hold_out import without_validation
from lulcseg.sampling.class_shares import cover, frequencies_where_present
from lulcseg.sampling.draw import draw_plan
from lulcseg.sampling.plan import TRAIN, VALIDATION, Plan
from lulcseg.sampling.plan_summary import summarise_plan
from lulcseg.sampling.reused_plan import reuse_plan
from lulcseg.scene.imagery import ImageryReader
from lulcseg.scene.labels import LabelReader
from lulcseg.scene.scene import Scene
from lulcseg.settings.config import TrainConfig
from lulcseg.settings.loss import LossSettings
from lulcseg.training.losses.class_weights import plan_weights


@dataclass(frozen=True)
class RunPlan:
    """A run's plan, with notes.

    Attributes:
        plan: The plan.
        notes: What the user should know, a sentence each.
    """

    plan: Plan
    notes: list[str]


def make_plan(config: TrainConfig, scenes: Sequence[Scene]) -> RunPlan:
    """Draw a run's plan, or reuse the one that ``sampling.plan`` names.

    A reused plan takes precedence over the settings: ``sampling:`` and ``validation:`` in ``config`` are set to
    those that it was drawn with.

    Args:
        config: The run's settings.
        scenes: The scenes to train on.

    Raises:
        LulcsegError: An unusable setting, no patch left, or a plan of other scenes.
    """
    if config.sampling.plan is None:
        margin = training_margin(config, model_record(config, scenes))
        by_default = config.validation.fraction is None
        validation = None if by_default and margin else config.validation
        plan = draw_plan(scenes, config.sampling, validation, seed=config.seed)
        if validation is None:
            plan = without_validation(plan, f"augment.margin={margin} reads around training patches")
        return RunPlan(plan, list(plan.meta["notes"]))
    plan = reuse_plan(path_of(config.sampling.plan, "sampling.plan").resolve(), scenes)
    return RunPlan(plan, [*_origin_notes(plan), *plan.meta["notes"], *adopt_plan_settings(config, plan)])


def settle_epochs(config: TrainConfig, plan: Plan) -> TrainConfig:
    """Return the settings with the number of epochs nearest to ``trainer.steps``, if that is set."""
    if config.trainer.steps is None:
        return config
    patches = int((plan.rows["split"] == TRAIN).sum())
    an_epoch = max(1, math.ceil(patches / config.trainer.batch_size))
    epochs = max(1, round(config.trainer.steps / an_epoch))
    return replace(config, trainer=replace(config.trainer, epochs=epochs))


def count_plan(plan: Plan, scenes: Sequence[Scene]) -> dict[str, Any]:
    """Summarise a plan with its scenes' polygons and labels.

    The class shares of pixels are those in training: labels without imagery don't count. The shares of the
    ground are those of the digitised polygons' areas, including held-out blocks and ground without imagery.

    Args:
        plan: The plan.
        scenes: Its scenes.

    Returns:
        As :func:`lulcseg.sampling.plan_summary.summarise_plan`; and ``sampled``, the share of the ground under the
        patches that was read for ``overlap`` and ``prior`` (:func:`lulcseg.sampling.class_shares.cover`).
    """
    polygons = {scene.name: features for scene in scenes if (features := scene.polygons()) is not None}
    counted = cover(plan, _training_labels(scenes))
    return summarise_plan(plan, polygons, counted) | {"sampled": counted.sampled}


def one_class_notes(counts: Mapping[str, Any]) -> list[str]:
    """Return a note if all labelled pixels in training are of one class, from a plan's counts (:func:`count_plan`)."""
    seen = [name for name, entry in counts.get("prior", {}).items() if entry["pixels"]]
    return [f"All labels in training are {seen[0]}: the model can learn nothing else."] if len(seen) == 1 else []


def weigh_classes(
    settings: LossSettings, plan: Plan, scenes: Sequence[Scene], counts: Mapping[str, Any]
) -> dict[str, float] | None:
    """Return the weight of each class in the loss, by its name and in the legend's order; None if there are none.

    Args:
        settings: Of the loss.
        plan: The plan.
        scenes: Its scenes.
        counts: The plan's counts (:func:`count_plan`).

    Raises:
        LulcsegError: Weights that don't fit the legend.
    """
    names: list[str] = plan.meta["legend"]
    shares = [counts["prior"][name]["pixels"] for name in names] if settings.weighs_by_plan else []
    found = plan_weights(
        settings, names, shares, counts["splits"].get(TRAIN, 0),
        lambda: frequencies_where_present(plan, _training_labels(scenes)),
    )  # fmt: skip
    return None if found is None else dict(zip(names, found, strict=True))


def _training_labels(scenes: Sequence[Scene]) -> dict[str, LabelReader]:
    return {s.name: _TrainingLabels(s.labels, s.imagery) for s in scenes if s.labels is not None}


@dataclass(frozen=True)
class _TrainingLabels:
    """Labels as in training (:class:`lulcseg.scene.dataset.SceneDataset`): ignored where there is no imagery."""

    labels: LabelReader
    imagery: ImageryReader

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read a window, (h, w) uint8."""
        return np.where(self.imagery.valid(window), self.labels.read(window), np.uint8(IGNORE))


def picture_plan(plan: Plan, scene: Scene, preview: Path | None, path: Path) -> None:
    """Draw a plan over a scene's imagery, as PNG (the paper's Figures 4 and 5).

    Args:
        plan: The plan.
        scene: One of its scenes.
        preview: Path of a picture of the scene's imagery.
        path: The PNG.
    """
    with replacing(path) as part:
        part.write_bytes(png(plan_figure(plan, scene.name, scene.legend, preview), dpi=160))


def _origin_notes(plan: Plan) -> list[str]:
    origin = plan.meta["taken_from"]
    text = f"The plan is taken from {origin['path']}"
    return [text + (", edited since it was saved." if origin["edited"] else "."), *origin["notes"]]


def adopt_plan_settings(config: TrainConfig, plan: Plan) -> list[str]:
    """Set the settings to those that a plan was drawn with.

    Settings that don't apply to the plan's method stay as they are.

    Args:
        config: The run's settings, which are changed.
        plan: The plan that the run reuses.

    Returns:
        A sentence for each setting that changed.

    Raises:
        LulcsegError: Validation ground is requested, and the plan holds none out.
    """
    notes = []
    sampling = config.sampling
    for name, value in _settings_of(plan.meta).items():
        before = getattr(sampling, name)
        if value != before:
            notes.append(f"sampling.{name} is {_format(value)}, the plan's, not {_format(before)}.")
            setattr(sampling, name, value)
    held_out = plan.meta.get("validation")
    wanted = config.validation
    if held_out is None and wanted.fraction is None:
        notes.append("The plan holds no ground out for validation.")
        wanted.fraction = 0.0
    if held_out is None and wanted.fraction:
        raise LulcsegError(
            f"it holds no ground out, and validation.fraction is {wanted.fraction:g}",
            where=plan.meta["taken_from"]["path"],
            remedy="set validation.fraction=0, or give a plan drawn with validation ground",
        )
    if held_out is not None and (held_out["fraction"], held_out["block"]) != (wanted.fraction, wanted.block):
        notes.append(
            f"validation.fraction is {held_out['fraction']:g} in blocks of {held_out['block']} pixels, as in the plan."
        )
        wanted.fraction, wanted.block = held_out["fraction"], held_out["block"]
    return notes


def _settings_of(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a plan was drawn with, by their names in ``config.sampling``."""
    settings = {name: meta.get(name) for name in ("method", "patch_size", "min_valid", "totals", "cell", "edge")}
    settings |= {"patches": meta.get("n_patches"), "min_labelled": meta.get("min_labelled")}
    settings = {name: value for name, value in settings.items() if value is not None}
    if meta.get("method") == "grid":
        settings |= {name: meta.get(name) for name in ("origin", "background")}
    return settings | {"match_total": (meta.get("match_total") or {}).get("asked")}


def _format(value: Any) -> str:
    return "null" if value is None else str(value)


_SETTINGS = (
    "method", "totals", "n_patches", "match_total", "patch_size", "cell", "origin", "origins", "edge", "min_labelled",
    "background", "min_valid",
)  # fmt: skip


def plan_entry(plan: Plan, counts: Mapping[str, Any], notes: Sequence[str] = ()) -> PlanEntry:
    """Return a plan's entry in the run's record.

    Args:
        plan: The plan.
        counts: Its summary (:func:`lulcseg.run.planning.count_plan`).
        notes: Notes on the plan, a sentence each.
    """
    renamed = {"patches", "splits", "drawn_for"}
    return PlanEntry.of(
        path=PLAN,
        digest=plan.digest(),
        taken_from=plan.meta.get("taken_from"),
        made=_made(plan.meta),
        notes=list(notes),
        train=counts["splits"].get(TRAIN, 0),
        validation=counts["splits"].get(VALIDATION, 0),
        per_class=counts["drawn_for"],
        **{name: value for name, value in counts.items() if name not in renamed},
    )


def _made(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a plan was drawn: its settings, and the numbers of features without patches."""
    left_out = {name: len(meta.get(name) or []) for name in ("features_left_out", "features_covered")}
    return {name: meta.get(name) for name in _SETTINGS} | left_out
