"""The page of a run: one self-contained HTML file, made from the run directory alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lulcseg.files import replacing, short_paths
from lulcseg.pictures.encoding import data_uri
from lulcseg.pictures.figure_style import svg
from lulcseg.pictures.run_figures import learning_curves
from lulcseg.report.rendering import format_duration, load_templates
from lulcseg.report.run.plan_view import plan_view
from lulcseg.report.run.run_data import RunData, read_run
from lulcseg.report.run.scene_view import scene_view
from lulcseg.report.run.shared_photos import shared_photos
from lulcseg.report.run.transfer_view import transfer_views
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.run_folder.record_entry import Entry


def write_report(run_dir: Path) -> Path:
    """Write ``report.html`` into a run directory.

    Pictures, style and script are inside the file; it needs no network. Missing parts of the directory are
    named in sentences.

    Args:
        run_dir: The run directory.

    Returns:
        Path of the report.

    Raises:
        LulcsegError: The directory doesn't exist, or can't be written to.
    """
    run = read_run(run_dir)
    page = load_templates().get_template("run.html").render(**_content(run))
    path = RunFolder(run_dir).report
    with replacing(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def _content(run: RunData) -> dict[str, Any]:
    record = run.record
    photos = shared_photos(run)
    scenes = [scene_view(run, name, f"scene-{i}", photos.get(name)) for i, name in enumerate(run.scenes, start=1)]
    transfers = transfer_views(run, photos)
    drawn = {p.key for view in transfers for p in view.photos}
    drawn |= {a.points.photo.key for scene in scenes for a in scene.assessments if a.points is not None}
    return {
        "name": str(record.name or run.path.name),
        "facts": _facts(run),
        "scenes": scenes,
        "transfers": transfers,
        "photos": [photo for photo in photos.values() if photo.key in drawn],
        "comparisons": [a for scene in scenes for a in scene.assessments],
        "curves": _curves(run),
        "selection": None if run.record.selection is None else run.record.selection.sentence,
        "plan": plan_view(run),
        "is_prediction": run.is_prediction,
        "config": run.config,
        "environment": _environment_rows(record),
        "missing": run.missing,
    }


def _facts(run: RunData) -> list[tuple[str, str]]:
    """Return the facts under the title: label and value."""
    record = run.record
    trained = ", ".join(str(s) for s in record.train_scenes)
    facts = [("Trained on", trained)]
    if record.unlabelled_scenes:
        facts.append(("Unlabelled", ", ".join(record.unlabelled_scenes)))
    facts.append(("Mapped", ", ".join(run.scenes)))
    if run.is_prediction:
        facts.append(_models(record.checkpoint))
    facts += [("Finished", (record.finished or "")[:16].replace("T", " "))]
    if record.class_weights is not None:
        facts.append(("Class weights", ", ".join(f"{name} {each:.3g}" for name, each in record.class_weights.items())))
    if record.encoder_weights is not None:
        facts.append(("Encoder’s weights", "{source} (licence {licence})".format(**record.encoder_weights)))
    if record.training_seconds is not None:
        facts.append(("Training", format_duration(record.training_seconds)))
    if record.steps is not None:
        facts.append(("Steps", f"{record.steps:,}"))
    if record.seed is not None:
        facts.append(("Seed", str(record.seed)))
    return [(label, value) for label, value in facts if value]


def _models(checkpoint: str | Sequence[str] | None) -> tuple[str, str]:
    """Return the fact that names a prediction's models."""
    if checkpoint is None or isinstance(checkpoint, str):
        return "Model", checkpoint or ""
    return "Models", f"{len(checkpoint)}: {', '.join(short_paths(checkpoint))}"


def _curves(run: RunData) -> str | None:
    figure = None if run.metrics is None else learning_curves(run.metrics)
    return None if figure is None else data_uri(svg(figure), "image/svg+xml")


def _environment_rows(record: RunRecord) -> list[tuple[str, str]]:
    """Return the record's times, seed, git state and environment as rows; nested keys are dotted."""
    kept = record.pick("started", "finished", "seed", "checkpoint", "checkpoint_sha256", "git")
    return [*_flat(kept), *([] if record.environment is None else _flat(record.environment))]


def _flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Entry):
        value = value.to_plain()
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in _flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(value, list):
        return [(prefix, ", ".join(str(v) for v in value))]
    return [(prefix, "–" if value is None else str(value))]
