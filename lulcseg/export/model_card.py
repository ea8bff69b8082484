"""A model card in Markdown, in the layout of Hugging Face: front matter for catalogues, then what a reader needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from lulcseg.assessment.assessment import Assessment
from lulcseg.export.card_accuracy import accuracy_lines, assessments_of, cell, metrics
from lulcseg.export.export_source import ExportSource
from lulcseg.export.exported_model import ExportedModel
from lulcseg.files import replacing
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord

_ABOUT = {
    "model.onnx": "for ONNX Runtime, QGIS Deepness, and `lulcseg predict checkpoint=model.onnx`",
    "model.pt2": "for `torch.export.load`",
    "model.json": "a STAC item with the MLM extension",
}
_NAMES = {"model.onnx": "onnx", "model.pt2": "pytorch"}


def write_card(source: ExportSource, files: Sequence[str], path: Path) -> None:
    """Write a model's card.

    Args:
        source: The model.
        files: Names of the exported files, the card's among them.
        path: The file to write.
    """
    checkpoint = source.model.checkpoint
    run = RunRecord.read(RunFolder.of_checkpoint(checkpoint)) or RunRecord.of()
    assessments = assessments_of(checkpoint)
    sections = [
        [f"# {cell(source.exported.record.name)}", "", _summary(source)],
        ["## Files", "", *(f"- `{name}`: {_ABOUT[name]}" for name in files if name in _ABOUT)],
        ["## Input and output", "", *_ends(source.exported)],
        ["## Use", "", *_use(source.exported, files)],
        ["## Training", "", *_training(source, run)],
        ["## Accuracy", "", *accuracy_lines(assessments, source.exported.record.scenes, run.unlabelled_scenes)],
        ["## Limits", "", *(f"- {line}" for line in _limits(source.exported, assessments))],
        ["## Licence", "", *_licence(source)],
    ]
    front = yaml.safe_dump(_front_matter(source, files, assessments), sort_keys=False, allow_unicode=True)
    body = "\n\n".join("\n".join(section) for section in sections if len(section) > 2)
    with replacing(path) as part:
        part.write_text(f"---\n{front}---\n\n{body}\n", encoding="utf-8")


def _front_matter(source: ExportSource, files: Sequence[str], assessments: Sequence[Assessment]) -> dict[str, Any]:
    content: dict[str, Any] = {} if source.licence is None else {"license": source.licence}
    content |= {
        "library_name": "lulcseg",
        "pipeline_tag": "image-segmentation",
        "tags": ["land-cover", "remote-sensing", "semantic-segmentation", *(_NAMES[f] for f in files if f in _NAMES)],
    }
    if assessments:
        content["model-index"] = [{"name": source.exported.record.name, "results": metrics(assessments)}]
    return content


def _summary(source: ExportSource) -> str:
    record = source.exported.record
    where = ", ".join(record.scenes) or "scenes that aren't recorded"
    return (
        f"{cell(source.architecture)} with {source.parameters:,} parameters, which gives each pixel of an image the "
        f"probabilities of {len(record.legend)} land-cover classes. Trained on {cell(where)}; exported by lulcseg "
        f"{source.exported.made_by}."
    )


def _ends(own: ExportedModel) -> list[str]:
    record, size = own.record, own.patch_size
    pixel = " × ".join(f"{side:g}" for side in record.resolution)
    names = ", ".join(band.name for band in record.named_bands or ())
    bands = f"{record.bands} bands" + (f" ({cell(names)})" if names else "")
    lines = [
        f"- `image`, float32 (batch, {record.bands}, {size}, {size}): raw pixel values of {record.dtype} imagery, "
        f"{bands}, pixels of {pixel} m. Scaling is inside the model.",
        "- No imagery: not a number in a band" + ("" if own.nodata is None else f", or the value {own.nodata:g}") + ".",
        f"- `probabilities`, float32 (batch, {len(record.legend)}, {size}, {size}): of each class, in this order"
        + ("." if own.calibration is None else f"; calibrated by {own.calibration.describe()}."),
    ]
    if own.scene is not None:
        lines.append(f"- **For the mosaic of {cell(own.scene)} alone**, whose statistics are fixed in the model.")
    shares: Sequence[float | None] = record.class_shares or [None] * len(record.legend)
    lines += ["", "| index | code in maps | class | colour | share of training pixels |", "|--:|--:|---|---|--:|"]
    for number, (land_class, share) in enumerate(zip(record.to_legend(), shares, strict=True)):
        known = "–" if share is None else f"{100 * share:.1f} %"
        lines.append(f"| {number} | {land_class.code} | {cell(land_class.name)} | `{land_class.colour}` | {known} |")
    return lines


def _use(own: ExportedModel, files: Sequence[str]) -> list[str]:
    lines = []
    if "model.onnx" in files:
        lines += [
            "```bash", "pip install 'lulcseg[export]'",
            "lulcseg predict checkpoint=model.onnx scene=scene.yaml", "```",
            "", "```python", "import numpy as np, onnxruntime", "",
            "session = onnxruntime.InferenceSession('model.onnx')",
            f"image = np.zeros((1, {own.record.bands}, {own.patch_size}, {own.patch_size}), np.float32)  # raw values",
            "(probabilities,) = session.run(None, {'image': image})", "classes = probabilities.argmax(axis=1)", "```",
        ]  # fmt: skip
    if "model.pt2" in files:
        lines += ["", "```python", "import torch", "", "model = torch.export.load('model.pt2').module()", "```"]
    return lines if lines and lines[0] else lines[1:]


def _training(source: ExportSource, run: RunRecord) -> Iterator[str]:
    record, plan = source.exported.record, run.plan
    yield f"- Scenes: {', '.join(map(cell, record.scenes)) or 'not recorded'}; seed {record.seed}"
    if run.unlabelled_scenes:
        yield f"- Imagery without labels: {', '.join(map(cell, run.unlabelled_scenes))}"
    if plan is not None:
        method = f", {plan.made['method']} sampling" if plan.made and "method" in plan.made else ""
        held = f", {plan.validation:,} on held-out ground" if plan.validation else ", none held out for validation"
        yield f"- Patches: {plan.train:,} of {record.patch_size} × {record.patch_size} pixels{method}{held}"
    scaling = record.scaling
    over = "" if source.exported.scaled_over is None else f", over the {source.exported.scaled_over} at prediction"
    yield f"- Scaling: {scaling.method}{over}"
    if run.selection is not None:
        yield f"- {run.selection.sentence}"
    if run.steps is not None and run.training_seconds is not None:
        yield f"- {run.steps:,} optimiser steps in {run.training_seconds / 60:.1f} minutes"
    yield f"- Checkpoint: SHA-256 `{source.exported.checkpoint}`"


def _limits(own: ExportedModel, assessments: Sequence[Assessment]) -> Iterator[str]:
    record = own.record
    yield (
        f"Imagery of another resolution than {record.resolution[0]:g} m, of other bands, another order of bands or "
        f"another type than {record.dtype} is not what it was trained on."
    )
    yield "Every pixel gets one of these classes, ground that none of them describes too."
    elsewhere = [one.scene for one in assessments if one.scene not in record.scenes]
    if elsewhere:
        yield f"Beyond the scenes trained on it was assessed on {', '.join(dict.fromkeys(map(cell, elsewhere)))} alone."
    else:
        yield "It was not assessed on ground, dates or sensors other than those trained on: expect less there."
    if own.calibration is None:
        yield "Its probabilities are not calibrated: they rank pixels, and are no error rates."
    lacking = [land_class.name for land_class in record.to_legend() if _is_unseen(assessments, land_class.name)]
    if assessments and lacking:
        yield f"No reference point is of {', '.join(map(cell, lacking))}: nothing is known of their accuracy."
    yield "At the edges of a patch it sees less around a pixel: let patches overlap, and keep their middles."


def _is_unseen(assessments: Sequence[Assessment], name: str) -> bool:
    return not any(
        name in one.legend.names and one.scores.reference_points[one.legend.index(name)] for one in assessments
    )


def _licence(source: ExportSource) -> list[str]:
    weights = source.exported.record.weights
    lines = [
        "The licence of the trained weights is not stated: lulcseg export --licence states it."
        if source.licence is None
        else f"Trained weights: {source.licence}."
    ]
    if weights is not None:
        lines.append(f"The encoder started from {cell(weights.source)}, licence: {cell(weights.licence)}.")
    lines.append("Imagery and labels that it was trained on may limit its use; their licences are not recorded.")
    return lines
