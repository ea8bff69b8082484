"""What a run displays: plan, maps, assessments, model and outcome, sent to whichever logger is open."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from lulcseg.assessment.assessment import Assessment
from lulcseg.legend import Legend
from lulcseg.loggers.display import Display, Picture, Value
from lulcseg.loggers.run_identity import Identity
from lulcseg.maps.classraster import ClassRaster
from lulcseg.pictures.figure_style import png
from lulcseg.pictures.run_figures import confusion_figure
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.run_folder.record_parts import MapEntry, PlanEntry, SceneEntry

_HEADLINE = ("kappa", "overall_accuracy", "mean_f1", "mean_users", "mean_producers")
_OUTCOME = (
    "training_seconds", "reading_seconds", "steps", "dropped_patches", "peak_memory_bytes",
    "peak_device_memory_bytes", "energy_wh",
)  # fmt: skip
"""Attributes of the record that appear in the table of runs, if known."""


def facts_of(record: RunRecord, identity: Identity) -> dict[str, Any]:
    """Return what is known of a run besides its settings, to filter runs by: trial, plan, code, machine."""
    plan = record.plan or PlanEntry.of()
    counted = dict.fromkeys(("digest", "train", "validation", "per_class")) | plan.pick(
        "digest", "train", "validation", "per_class"
    )
    return {
        "trial": asdict(identity.trial),
        "started": record.started,
        "fingerprint": record.fingerprint,
        "plan": counted,
        "git": None if record.git is None else record.git.to_plain(),
        "environment": None if record.environment is None else record.environment.to_plain(),
    }


def show_plan(display: Display, folder: RunFolder, record: RunRecord) -> None:
    """Display the plan's pictures, and log the plan itself as an artifact.

    Runs with the same plan share one version of the artifact.
    """
    pictures = folder.plan_pictures()
    for path in pictures:
        with Image.open(path) as picture:
            display.picture(f"plan/{path.stem}", Picture(picture.convert("RGB")))
    files = [path for path in (folder.plan, folder.plan_json) if path.is_file()]
    display.files(f"plan-{str(record.plan_digest)[:12]}", "plan", [*files, *pictures])


def show_sheets(display: Display, sheets: Mapping[str, Image.Image]) -> None:
    """Display contact sheets of the augmentation."""
    for name, sheet in sheets.items():
        display.picture(f"augmentation/{name}", Picture(sheet))


def show_map(display: Display, folder: RunFolder, entry: MapEntry, scene: SceneEntry) -> None:
    """Display a map over its scene's imagery, with the labels as another layer, and its table of areas.

    Args:
        display: Where to display it.
        folder: The run's folder.
        entry: The map.
        scene: The map's scene.
    """
    path = folder.path / entry.path
    with Image.open(folder.path / str(scene.imagery_preview)) as preview:
        image = preview.convert("RGB")
    legend = Legend.from_plain(scene.legend or [])
    with ClassRaster(path, legend) as raster:
        layers = {"map": raster.overview(image.height, image.width)}
    if scene.labels_preview:
        with Image.open(folder.path / scene.labels_preview) as labels:
            layers["labels"] = np.asarray(labels, dtype=np.uint8)
    display.picture(f"maps/{path.stem}", Picture(image, layers, legend))
    display.table(f"areas/{path.stem}", pd.DataFrame(entry.areas))


def show_assessment(display: Display, stem: str, scored: Assessment) -> None:
    """Show scores, confusion matrix and the table of classes of a map or of the labels.

    Args:
        display: Who shows it.
        stem: Name of the assessment, such as ``farm_single``.
        scored: The assessment.
    """
    values = {f"{stem}/{name}": float(getattr(scored.scores, name)) for name in _HEADLINE}
    display.scores({name: value for name, value in values.items() if not math.isnan(value)})
    display.confusion(f"confusion/{stem}", confusion_counts(scored))
    figure = Image.open(io.BytesIO(png(confusion_figure(scored))))
    display.picture(f"confusion/{stem}_picture", Picture(figure))
    display.table(f"classes/{stem}", class_table(scored))


def show_model(display: Display, name: str, seed: int, folder: RunFolder, checkpoint: Path) -> None:
    """Log the model as an artifact: its checkpoint with the settings and the record of its run.

    Args:
        display: Where to log it.
        name: Its name.
        seed: The run's seed, an alias of it.
        folder: The run's folder.
        checkpoint: The best checkpoint.
    """
    display.files(name, "model", [checkpoint, folder.config, folder.record], ["best", f"seed{seed}"])


def show_outcome(display: Display, record: RunRecord) -> None:
    """Display a run's times, steps and memory."""
    known = record.pick(*_OUTCOME)
    values: dict[str, Value] = {name: value for name, value in known.items() if value is not None}
    display.scores(values)


def confusion_counts(scored: Assessment) -> pd.DataFrame:
    """Return a confusion matrix as ``reference``, ``map`` and ``count``, one row per cell."""
    names = scored.legend.names
    n = len(names)
    cells = {"reference": np.repeat(names, n), "map": np.tile(names, n), "count": scored.confusion.ravel()}
    return pd.DataFrame(cells)


def class_table(scored: Assessment) -> pd.DataFrame:
    """Return one row per class: points, user's and producer's accuracy with 95 % bounds, F1; NaN where undefined."""
    s = scored.scores
    columns: dict[str, Any] = {
        "class": scored.legend.names,
        "reference points": s.reference_points,
        "mapped points": s.mapped_points,
    }
    for name, values, bounds in (
        ("user's", s.users, s.users_interval),
        ("producer's", s.producers, s.producers_interval),
    ):
        columns[name] = values
        if scored.has_intervals:
            columns[f"{name} low"], columns[f"{name} high"] = zip(*bounds, strict=True)
    return pd.DataFrame(columns | {"F1": s.f1})
