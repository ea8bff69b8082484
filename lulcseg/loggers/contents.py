"""What a run shows, from its directory and its results; who shows it is the display's business."""

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
from lulcseg.loggers.identity import Identity
from lulcseg.maps.classraster import ClassRaster
from lulcseg.pictures.figure_style import png
from lulcseg.pictures.run_figures import confusion_figure

_HEADLINE = ("kappa", "overall_accuracy", "mean_f1", "mean_users", "mean_producers")
_OUTCOME = (
    "training_seconds", "reading_seconds", "steps", "dropped_patches", "peak_memory_bytes",
    "peak_device_memory_bytes", "energy_wh",
)  # fmt: skip
"""Entries of a record that stand in the table of runs, where the record has them."""


def facts_of(record: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    """Return what is known of a run besides its settings, to find runs by: trial, plan, code, machine."""
    plan = record.get("plan") or {}
    return {
        "trial": asdict(identity.trial),
        "started": record.get("started"),
        "fingerprint": record.get("fingerprint"),
        "plan": {name: plan.get(name) for name in ("digest", "train", "validation", "per_class")},
        "git": record.get("git"),
        "environment": record.get("environment"),
    }


def show_plan(display: Display, run_dir: Path, record: Mapping[str, Any]) -> None:
    """Show the plan's pictures, and keep the plan itself.

    Runs of the same plan keep the same version of it.
    """
    pictures = sorted(run_dir.glob("plan*.png"))
    for path in pictures:
        with Image.open(path) as picture:
            display.picture(f"plan/{path.stem}", Picture(picture.convert("RGB")))
    files = [path for path in (run_dir / "plan.gpkg", run_dir / "plan.json") if path.is_file()]
    display.files(f"plan-{record['plan']['digest'][:12]}", "plan", [*files, *pictures])


def show_sheets(display: Display, sheets: Mapping[str, Image.Image]) -> None:
    """Show contact sheets of the augmentation."""
    for name, sheet in sheets.items():
        display.picture(f"augmentation/{name}", Picture(sheet))


def show_map(display: Display, run_dir: Path, entry: Mapping[str, Any], scene: Mapping[str, Any]) -> None:
    """Show a map over its scene's imagery, with the labels to switch to, and its areas.

    Args:
        display: Who shows it.
        run_dir: The run directory.
        entry: The map's entry of the record.
        scene: The scene's entry of the record.
    """
    stem = Path(entry["path"]).stem
    with Image.open(run_dir / scene["imagery_preview"]) as preview:
        image = preview.convert("RGB")
    legend = Legend.from_plain(scene["legend"])
    with ClassRaster(run_dir / entry["path"], legend) as raster:
        layers = {"map": raster.overview(image.height, image.width)}
    if scene.get("labels_preview"):
        with Image.open(run_dir / scene["labels_preview"]) as labels:
            layers["labels"] = np.asarray(labels, dtype=np.uint8)
    display.picture(f"maps/{stem}", Picture(image, layers, legend))
    display.table(f"areas/{stem}", pd.DataFrame(entry["areas"]))


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


def show_model(display: Display, name: str, seed: int, run_dir: Path, record: Mapping[str, Any]) -> None:
    """Keep the model: its best checkpoint with the settings and the record of its run.

    Args:
        display: Who keeps it.
        name: Its name.
        seed: The run's seed, an alias of it.
        run_dir: The run directory.
        record: The run's record.
    """
    files = [run_dir / record["checkpoint"], run_dir / "config.yaml", run_dir / "record.json"]
    display.files(name, "model", files, ["best", f"seed{seed}"])


def show_outcome(display: Display, record: Mapping[str, Any]) -> None:
    """Show what a record says of how the run went: times, steps, memory."""
    values: dict[str, Value] = {name: record[name] for name in _OUTCOME if record.get(name) is not None}
    display.scores(values)


def confusion_counts(scored: Assessment) -> pd.DataFrame:
    """Return a confusion matrix as ``reference``, ``map`` and ``count``, a row a cell."""
    names = scored.legend.names
    n = len(names)
    cells = {"reference": np.repeat(names, n), "map": np.tile(names, n), "count": scored.confusion.ravel()}
    return pd.DataFrame(cells)


def class_table(scored: Assessment) -> pd.DataFrame:
    """Return a row a class: points, user's and producer's accuracy with 95 % bounds, F1; NaN where undefined."""
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
