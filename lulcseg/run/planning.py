"""A run's sampling plan: drawn or given, counted, and drawn over the imagery."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.grid import Window
from lulcseg.legend import IGNORE
from lulcseg.pictures import figures
from lulcseg.progress import tracked
from lulcseg.report.run.plan_view import plan_figure
from lulcseg.run_folder.folder import PLAN
from lulcseg.run_folder.record_parts import PlanEntry
from lulcseg.sampling.draw import draw_plan
from lulcseg.sampling.handed import take_plan
from lulcseg.sampling.plan import TRAIN, VALIDATION, Plan
from lulcseg.sampling.shares import LabelReader, cover
from lulcseg.scene.imagery import ImageryReader
from lulcseg.scene.scene import Scene
from lulcseg.settings.programs import TrainConfig


@dataclass(frozen=True)
class Planned:
    """A run's plan, and notes on how it was made.

    Attributes:
        plan: The plan.
        notes: What the user should know, a sentence each.
    """

    plan: Plan
    notes: list[str]


def make_plan(config: TrainConfig, scenes: Sequence[Scene]) -> Planned:
    """Draw a run's plan, or take the given one.

    A given plan overrides the settings: those of sampling and validation in ``config`` become the plan's.

    Raises:
        LulcsegError: A setting is invalid, no patch is left, or the given plan isn't of these scenes.
    """
    if config.sampling.plan is None:
        plan = _draw(config, scenes)
        return Planned(plan, list(plan.meta["notes"]))
    plan = take_plan(Path(config.sampling.plan).expanduser().resolve(), scenes)
    return Planned(plan, [*_origin_notes(plan), *plan.meta["notes"], *adopt_plan_settings(config, plan)])


def settle_epochs(config: TrainConfig, plan: Plan) -> TrainConfig:
    """Return the settings with the number of whole epochs closest to ``trainer.steps``, if that is set."""
    if config.trainer.steps is None:
        return config
    patches = int((plan.rows["split"] == TRAIN).sum())
    steps_per_epoch = max(1, math.ceil(patches / config.trainer.batch_size))
    epochs = max(1, round(config.trainer.steps / steps_per_epoch))
    return replace(config, trainer=replace(config.trainer, epochs=epochs))


def count_plan(plan: Plan, scenes: Sequence[Scene]) -> dict[str, Any]:
    """Count a plan with its scenes' polygons and labels.

    Class shares of pixels are those that training sees: labels without imagery don't count. Class shares of the
    ground are those of the digitised polygons' areas, including held-out blocks and ground without imagery.

    Returns:
        As :func:`lulcseg.sampling.plan_summary.summarise`; and ``sampled``, the share of the ground under the
        patches that was sampled for ``overlap`` and ``prior`` (:func:`lulcseg.sampling.shares.cover`).
    """
    polygons = {scene.name: features for scene in scenes if (features := scene.polygons()) is not None}
    readers = {s.name: _VisibleLabels(s.labels, s.imagery) for s in scenes if s.labels is not None}
    counted = cover(plan, readers)
    return plan.summary(polygons, counted) | {"sampled": counted.sampled}


@dataclass(frozen=True)
class _VisibleLabels:
    """Labels as training sees them (:class:`lulcseg.scene.dataset.SceneDataset`): ignored without imagery."""

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
        preview: Preview of the scene's imagery.
        path: The PNG.
    """
    with replacing(path) as part:
        part.write_bytes(figures.png(plan_figure(plan, scene.name, scene.legend, preview), dpi=160))


def _draw(config: TrainConfig, scenes: Sequence[Scene]) -> Plan:
    sampling = config.sampling
    return draw_plan(
        scenes,
        method=sampling.method,  # type: ignore[arg-type]
        patch_size=sampling.patch_size,
        seed=config.seed if sampling.seed is None else sampling.seed,
        n_patches=sampling.patches,
        totals=sampling.totals,  # type: ignore[arg-type]
        match_total=sampling.match_total,
        cell=sampling.cell,
        origin=sampling.origin,
        edge=sampling.edge,  # type: ignore[arg-type]
        min_labelled=sampling.min_labelled,
        background=sampling.background if sampling.method == "grid" else None,
        validation_fraction=config.validation.fraction,
        validation_block=config.validation.block,
        min_valid=sampling.min_valid,
        valid_share={s.name: s.imagery.valid_share for s in scenes} if sampling.min_valid > 0 else None,
        labelled_share={s.name: _labelled_share(s.labels) for s in scenes if s.labels is not None},
    )


def _labelled_share(
    labels: LabelReader,
) -> Callable[[NDArray[np.int64], NDArray[np.int64], int], NDArray[np.float64]]:
    """Return a function that computes the share of labelled pixels in windows of a scene."""

    def share(rows: NDArray[np.int64], cols: NDArray[np.int64], size: int) -> NDArray[np.float64]:
        windows = [Window(int(r), int(c), size, size) for r, c in zip(rows, cols, strict=True)]
        shares = [(labels.read(w) != IGNORE).mean() for w in tracked(windows, "Looking for labels")]
        return np.array(shares, dtype=np.float64)

    return share


def _origin_notes(plan: Plan) -> list[str]:
    origin = plan.meta["taken_from"]
    text = f"The plan is taken from {origin['path']}"
    return [text + (", edited since it was saved." if origin["edited"] else "."), *origin["notes"]]


def adopt_plan_settings(config: TrainConfig, plan: Plan) -> list[str]:
    """Set the settings to those that a plan was made with, and describe the changes.

    Settings that don't apply to the plan's method stay as they are.

    Args:
        config: The run's settings, changed in place.
        plan: A plan given to the run.

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
            notes.append(f"sampling.{name} is {_text(value)}, the plan's, not {_text(before)}.")
            setattr(sampling, name, value)
    held_out = plan.meta.get("validation")
    requested = config.validation
    if held_out is None and requested.fraction > 0:
        raise LulcsegError(
            f"it holds no ground out, and validation.fraction is {requested.fraction:g}",
            where=plan.meta["taken_from"]["path"],
            remedy="set validation.fraction=0, or give a plan drawn with validation ground",
        )
    if held_out is not None and (held_out["fraction"], held_out["block"]) != (requested.fraction, requested.block):
        notes.append(
            f"validation.fraction is {held_out['fraction']:g} in blocks of {held_out['block']} pixels, as in the plan."
        )
        requested.fraction, requested.block = held_out["fraction"], held_out["block"]
    return notes


def _settings_of(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a plan was made with, as ``config.sampling`` names them."""
    settings = {name: meta.get(name) for name in ("method", "patch_size", "min_valid", "totals", "cell", "edge")}
    settings |= {"patches": meta.get("n_patches"), "min_labelled": meta.get("min_labelled")}
    settings = {name: value for name, value in settings.items() if value is not None}
    if meta.get("method") == "grid":
        settings |= {name: meta.get(name) for name in ("origin", "background")}
    return settings | {"match_total": (meta.get("match_total") or {}).get("asked")}


def _text(value: Any) -> str:
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
        notes: What the user was told of it, a sentence each.
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
    """Return how a plan was made: its settings, requested and actual numbers, and features without patches."""
    left_out = {name: len(meta.get(name) or []) for name in ("features_left_out", "features_covered")}
    return {name: meta.get(name) for name in _SETTINGS} | left_out
