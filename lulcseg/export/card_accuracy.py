"""What a run's assessments say of a model's maps, as Markdown for its card and metrics for catalogues of models."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.design import Estimate
from lulcseg.assessment.intervals import wilson_interval
from lulcseg.assessment.scores import format_score
from lulcseg.errors import LulcsegError
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord

_DESIGNS = {
    "simple random": "a simple random sample",
    "stratified": "a stratified random sample",
    "post-stratified": "a random sample, post-stratified by the map's classes",
    "unknown": "points whose sampling design is not stated: agreement at these points, not accuracy of the map",
    "census": "every pixel compared: no sampling error, and neighbouring pixels are not independent evidence",
}


def assessments_of(checkpoint: Path) -> list[Assessment]:
    """Return the assessments of the maps that the checkpoint's run made with this checkpoint alone."""
    folder = RunFolder.of_checkpoint(checkpoint)
    record = RunRecord.read(folder)
    if record is None:
        return []
    made = {
        (entry.scene, entry.mosaic)
        for entry in record.maps or ()
        if isinstance(entry.checkpoint, str) and Path(entry.checkpoint).name == checkpoint.name
    }
    found = []
    listed = record.assessments
    paths = folder.assessment_files() if listed is None else [folder.path / f"{stem}.json" for stem in listed]
    for path in paths:
        try:
            one = Assessment.load(path)
        except LulcsegError:  # a report names it; a card is of what is there
            continue
        if one.compared == "map" and (one.scene, one.mosaic) in made:
            found.append(one)
    return found


def accuracy_lines(
    assessments: Sequence[Assessment], trained_on: Sequence[str], unlabelled: Sequence[str] = ()
) -> list[str]:
    """Return the card's section on accuracy, as lines of Markdown.

    Args:
        assessments: Of the model's maps.
        trained_on: Names of the scenes that it was trained on.
        unlabelled: Names of those whose imagery it was shown without labels.
    """
    if not assessments:
        return ["No map of this model was assessed in its run: nothing is known of its accuracy here."]
    lines = [
        "Intervals (95 %) are of the sampling of points alone: they don't include the spread between training runs."
    ]
    for one in assessments:
        seen = "whose imagery it was shown without labels" if one.scene in unlabelled else "which it was not trained on"
        known = "which it was trained on" if one.scene in trained_on else seen
        lines += ["", *_lines_of(one, known)]
    return lines


def metrics(assessments: Sequence[Assessment]) -> list[dict[str, Any]]:
    """Return the results in the form of Hugging Face's ``model-index``, one of each assessment."""
    return [
        {
            "task": {"type": "image-segmentation", "name": "Land-cover segmentation"},
            "dataset": {"type": one.scene, "name": f"{one.scene}, {one.n_points} reference {one.places}"},
            "metrics": [
                {"type": kind, "name": name, "value": round(value, 4)}
                for kind, name, value in (
                    ("accuracy", "Overall accuracy", _overall(one).value),
                    ("f1", "Mean F1 of classes", one.scores.mean_f1),
                    ("cohen_kappa", "Kappa", one.scores.kappa),
                )
                if not isnan(value)
            ],
        }
        for one in assessments
    ]


def cell(text: str) -> str:
    r"""Return text that doesn't end a cell of a Markdown table, or format anything.

    >>> cell("Crop | *young*")
    'Crop \\| \\*young\\*'
    """
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>|#" else char for char in text)


def _lines_of(one: Assessment, known: str) -> list[str]:
    scores, design = one.scores, one.design_based
    lines = [
        f"### {cell(one.scene)}, {known}",
        "",
        f"- Map: `{one.mosaic or 'unknown passes'}`",
        f"- Reference: {one.n_points:,} {one.places}, of which {scores.n_scored:,} could be compared",
        f"- Design: {_DESIGNS.get(one.design, _DESIGNS['unknown'])}",
        f"- Overall accuracy: {_with_interval(_overall(one))}; kappa {format_score(scores.kappa)}; "
        f"mean F1 {format_score(scores.mean_f1)} over {scores.classes_averaged} of {len(one.legend)} classes",
    ]
    if design is not None:
        lines.append(f"- {design.sentence} {' '.join(design.warnings)}".rstrip())
    elif one.design_note:
        lines.append(f"- {one.design_note}")
    for name, subset in one.subsets.items():
        where = name.replace("_", " ").replace("training", "training patches")
        lines.append(f"- At the {subset.n_scored:,} points {where}: {format_score(subset.overall_accuracy)}")
    lines += [
        "",
        "| class | reference | mapped | user's accuracy | producer's accuracy | F1 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for i, land_class in enumerate(one.legend):
        if design is not None:
            own = design.classes[i]
            users, producers, f1 = own.users, own.producers, own.f1.value
        else:
            users = Estimate(scores.users[i], 0.0, *scores.users_interval[i])
            producers = Estimate(scores.producers[i], 0.0, *scores.producers_interval[i])
            f1 = scores.f1[i]
        figures = [_with_interval(users, one), _with_interval(producers, one), format_score(f1)]
        counts = [f"{scores.reference_points[i]:,}", f"{scores.mapped_points[i]:,}"]
        lines.append(f"| {' | '.join([cell(land_class.name), *counts, *figures])} |")
    return lines


def _overall(one: Assessment) -> Estimate:
    """Return the overall accuracy: by design, else of the counts."""
    if one.design_based is not None:
        return one.design_based.overall
    value, count = one.scores.overall_accuracy, one.scores.n_scored
    if not one.has_intervals or not count:
        return Estimate(value, 0.0, nan, nan)
    return Estimate(value, 0.0, *wilson_interval(round(value * count), count))


def _with_interval(value: Estimate, one: Assessment | None = None) -> str:
    text = format_score(value.value)
    unknown = isnan(value.low) or (one is not None and not one.has_intervals)
    return text if unknown else f"{text} ({format_score(value.low)}–{format_score(value.high)})"
