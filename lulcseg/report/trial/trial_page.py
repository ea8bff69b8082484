"""The page of a trial: one self-contained HTML file, made from its run directories alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lulcseg import __version__
from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.legend import LandClass
from lulcseg.pictures.inline_svg import inline_svg
from lulcseg.pictures.palette import safe_colours, value_colours
from lulcseg.report.rendering import format_duration, load_templates
from lulcseg.report.trial.closeups import CloseUp, close_up
from lulcseg.report.trial.confusions import ConfusionView, confusion_view
from lulcseg.report.trial.export import class_texts, named_files, score_table_texts, write_exports
from lulcseg.report.trial.map_comparison import SceneMaps, scene_maps
from lulcseg.report.trial.plan_pictures import plans_view
from lulcseg.report.trial.run_states import runs_view
from lulcseg.report.trial.score_figures import class_boxes_figure, time_figure, trial_curves_figure
from lulcseg.report.trial.score_table import ClassTable, ScoreTable, class_tables, score_table
from lulcseg.report.trial.score_views import ViewComparison, comparisons
from lulcseg.report.trial.training_curves import CurvePanel, read_curve_panels
from lulcseg.report.trial.wording import LEGENDS, answer_of, points_note, ranks_note
from lulcseg.run_folder.folder import TrialFolder
from lulcseg.trials.ranking import rank_trial
from lulcseg.trials.summary import summarise_classes
from lulcseg.trials.trial_reader import Trial, read_trial


@dataclass(frozen=True)
class PageView:
    """The scores of one scene, ready for the template.

    Attributes:
        key: Its anchor.
        title: The scene, and the mosaic setting of its maps.
        sentence: The conclusion.
        conclusive: Whether the data allow one.
        named: The contrast named before the trial.
        points: What the scores refer to.
        reading: How to read the table.
        table: The score table.
        boxes: Box plots of the classes, SVG.
        time: Accuracy against training time, SVG; None if no time is known.
        class_tables: Accuracy of each class.
        confusion: The confusion matrices.
    """

    key: str
    title: str
    sentence: str
    conclusive: bool
    named: str
    points: str
    reading: str
    table: ScoreTable
    boxes: Markup
    time: Markup | None
    class_tables: list[ClassTable]
    confusion: ConfusionView


@dataclass(frozen=True)
class MapsView:
    """One scene's pictures, ready for the template.

    Attributes:
        pictures: The pictures.
        palette: Its classes' places in the page's list of classes.
        left: Key of the layer first displayed at the left.
        right: Key of the layer first displayed at the right.
        close: A window at full resolution, if requested.
    """

    pictures: SceneMaps
    palette: list[int]
    left: str
    right: str
    close: CloseUp | None


def write_trial_report(folder: Path, *, full_resolution: bool = False, cache: Path | None = None) -> Path:
    """Write ``report.html`` into a trial's folder, and its tables as files into ``tables/``.

    Pictures, style and script are inside the file; it needs no network. Missing parts of the runs are named in
    sentences.

    Args:
        folder: The trial's folder.
        full_resolution: Also show a window of each scene at full resolution, where the maps differ most.
        cache: Folder for label rasters and synthetic scenes, for the imagery of that window; None: the default one.

    Returns:
        Path of the report.

    Raises:
        LulcsegError: The folder doesn't exist, holds no runs, or can't be written to.
    """
    trial = read_trial(folder)
    found = comparisons(trial)
    content = _content(trial, found, full_resolution=full_resolution, cache=cache)
    page = load_templates().get_template("trial.html").render(**content)
    path = TrialFolder(folder).report
    with replacing(path) as part:
        part.write_text(page, encoding="utf-8")
    write_exports(TrialFolder(folder).tables, content["data"]["exports"])
    return path


def _content(trial: Trial, found: list[ViewComparison], *, full_resolution: bool, cache: Path | None) -> dict[str, Any]:
    """Return the variables of the template."""
    pictures = scene_maps(trial)
    classes = _classes(found, pictures)
    indices = {c.name: i for i, c in enumerate(classes)}
    exports: dict[str, dict[str, dict[str, str]]] = {}
    views = [_view(trial, comparison, indices, exports) for comparison in found]
    safe = safe_colours(len(classes), _commonest(found, indices))
    plans = plans_view(trial)
    curves = read_curve_panels(trial)
    maps = [_maps(p, indices, cache, full_resolution=full_resolution) for p in pictures]
    return {
        "name": trial.name,
        "title": trial.title,
        "factor": trial.factor,
        "description": trial.description,
        "version": __version__,
        "facts": _facts(trial, found),
        "sections": _sections(bool(views)),
        "runs": runs_view(trial),
        "notes": trial.notes,
        "views": views,
        "printed": any(view.table.has_printed for view in views),
        "legends": LEGENDS,
        "curves": None if not curves else _curves(trial, curves),
        "plans": plans,
        "maps": maps,
        "classes": classes,
        "safe": safe,
        "value_colours": [value_colours([v.level for v in trial.values], dark=dark) for dark in (False, True)],
        "data": {
            "classes": [{"own": c.colour, "safe": s} for c, s in zip(classes, safe, strict=True)],
            "confusions": {view.key: view.confusion.matrices for view in views},
            "exports": exports,
        },
    }


def _view(
    trial: Trial, comparison: ViewComparison, indices: dict[str, int], exports: dict[str, dict[str, dict[str, str]]]
) -> PageView:
    """Gather one scene's scores, and add the texts of its tables to ``exports``."""
    ranking = rank_trial(trial, comparison.view)
    per_class = summarise_classes(trial, comparison.view)
    key, title = comparison.key, comparison.view.title
    exports[key] = named_files(f"{trial.name}_{title}", score_table_texts(ranking, comparison.labels))
    exports[f"{key}-classes"] = named_files(f"{trial.name}_{title}_classes", class_texts(per_class))
    answer = answer_of(ranking)
    boxes, time = class_boxes_figure(comparison), time_figure(comparison)
    in_colour = partial(inline_svg, colours=value_colours([v.level for v in trial.values]))
    about = f"{trial.title}, {title}"
    return PageView(
        key=key,
        title=title,
        sentence=answer.sentence,
        conclusive=answer.conclusive,
        named=answer.named,
        points=points_note(comparison),
        reading=ranks_note(ranking),
        table=score_table(ranking, comparison.labels, key),
        boxes=Markup(in_colour(boxes, f"{key}-boxes", f"Scores of each class: {about}")),
        time=None if time is None else Markup(in_colour(time, f"{key}-time", f"Accuracy against time: {about}")),
        class_tables=class_tables(comparison, per_class, trial, indices),
        confusion=confusion_view(comparison, indices),
    )


def _curves(trial: Trial, curves: list[CurvePanel]) -> Markup:
    names, levels = [v.name for v in trial.values], [v.level for v in trial.values]
    figure = trial_curves_figure(curves, names, levels)
    return Markup(inline_svg(figure, "curves", f"Learning curves: {trial.title}", value_colours(levels)))


def _maps(pictures: SceneMaps, indices: dict[str, int], cache: Path | None, *, full_resolution: bool) -> MapsView:
    keys = [layer.key for layer in pictures.layers]
    close = None
    if full_resolution:
        try:
            close = close_up(pictures, cache)
        except LulcsegError as error:
            pictures.notes.append(str(error))
    first = keys[0] if keys else ""
    right = next((key for key in keys[1:] if key.startswith("map-")), first)
    return MapsView(pictures, [indices[c.name] for c in pictures.classes], first, right, close)


def _classes(found: list[ViewComparison], pictures: list[SceneMaps]) -> list[LandClass]:
    """Return the page's classes, each name once: those of the assessments, then of the maps."""
    by_name: dict[str, LandClass] = {}
    for classes in (*(c.classes for c in found), *(p.classes for p in pictures)):
        for land_class in classes:
            by_name.setdefault(land_class.name, land_class)
    return list(by_name.values())


def _commonest(found: list[ViewComparison], indices: dict[str, int]) -> int | None:
    """Return the class with most reference points, if it has most of all points together."""
    for comparison in found:
        points = dict(zip(comparison.names, comparison.points(), strict=True))
        name = max(points, key=lambda name: points[name])
        if points[name] > sum(points.values()) / 3:
            return indices[name]
    return None


def _facts(trial: Trial, found: list[ViewComparison]) -> list[tuple[str, str]]:
    """Return the facts under the title: label and value."""
    finished = sum(r.counts for r in trial.replicates)
    planned = max(len(trial.values) * len(trial.seeds), len(trial.replicates))
    seconds = [r.training_seconds for r in trial.replicates if r.training_seconds is not None]
    energy = [r.energy_wh for r in trial.replicates if r.energy_wh is not None]
    facts = [
        ("Values", str(len(trial.values))),
        ("Replicates of each", str(len(trial.seeds))),
        ("Runs finished", f"{finished} of {planned}"),
        ("Scenes", ", ".join(dict.fromkeys(c.view.scene for c in found))),
    ]
    if seconds:
        facts.append(("Training, all runs", format_duration(sum(seconds))))
    if energy:
        facts.append(("Energy", f"{sum(energy) / 1000:.2f} kWh ({len(energy)} runs)"))
    return [(label, value) for label, value in facts if value]


def _sections(scored: bool) -> list[tuple[str, str]]:
    first = [("answer", "Conclusions")]
    of_scores = [("table", "Results"), ("classes", "Classes"), ("confusion", "Confusion"), ("time", "Time")]
    return [*first, *(of_scores if scored else []), ("training", "Training"), ("plans", "Plans"), ("maps", "Maps")]
