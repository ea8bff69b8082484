"""A model's STAC item with the extension for machine-learning models (MLM), made by pystac."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import lulcseg
from lulcseg.export.export_source import ExportSource
from lulcseg.export.onnx_file import INPUT, OUTPUT, needed
from lulcseg.files import write_json
from lulcseg.grid import Grid
from lulcseg.maps.stac import footprint, short_names
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.export import ONNX, TORCH
from lulcseg.settings.registry import plain_section

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]")
_OF_UNET = ("name", "filters", "depth", "norm", "dropout")
_OF_SMP = ("name", "architecture", "encoder", "encoder_weights")
_ORDER = ["batch", "channel", "height", "width"]
_ARTIFACTS = {
    ONNX: ("ONNX", "application/octet-stream; application=onnx", "The model for ONNX Runtime and QGIS Deepness"),
    TORCH: ("torch.export.save", "application/octet-stream; application=pytorch", "The model for torch.export.load"),
}


def write_item(source: ExportSource, files: Mapping[str, Path], path: Path, card: str | None = None) -> None:
    """Write a model's item.

    Its geometry is the ground of the scenes trained on, as far as the run's folder tells; its time is when the
    training ended, or when the item is made.

    Args:
        source: The model.
        files: The exported files by format, ``onnx`` and ``torch``, beside which the item will lie.
        path: The file to write.
        card: Name of the model card beside it; None: there is none.
    """
    pystac, mlm, sizes = (needed(name) for name in ("pystac", "pystac.extensions.mlm", "pystac.extensions.file"))
    record = source.exported.record
    run = RunRecord.read(RunFolder.of_checkpoint(source.model.checkpoint)) or RunRecord.of()
    geometry, bbox = _ground(run)
    name = item_name(record.name)
    item = pystac.Item(
        id=f"{name.replace(' ', '-')}-{source.exported.checkpoint[:12]}",
        geometry=geometry,
        bbox=bbox,
        datetime=_ended(run) or datetime.now(UTC),
        properties={
            "title": record.name,
            "description": f"Land-cover segmentation, trained on {', '.join(record.scenes) or 'scenes not recorded'}.",
            "gsd": max(record.resolution),
            "lulcseg:version": lulcseg.__version__,
            "lulcseg:checkpoint_sha256": source.exported.checkpoint,
            **({} if source.licence is None else {"license": source.licence}),
        },
    )
    described = mlm.MLMExtension.ext(item, add_if_missing=True)
    described.apply(
        name=name,
        architecture=source.architecture,
        tasks=[mlm.TaskType.SEMANTIC_SEGMENTATION],
        input=[_input(mlm, source)],
        output=[_output(mlm, source)],
        framework="pytorch",
        framework_version=torch.__version__,
        memory_size=source.model.weights,
        total_parameters=source.parameters,
        pretrained=record.weights is not None,
        pretrained_source=None if record.weights is None else record.weights.source,
        accelerator_constrained=False,
        hyperparameters=mlm.Hyperparameters.create(**_hyperparameters(source)),
    )
    for ends in (item.properties["mlm:input"], item.properties["mlm:output"]):
        for end in ends:  # pystac writes null for what isn't said
            for key in [key for key, value in end.items() if value is None]:
                del end[key]
    for name, file in files.items():
        kind, media_type, title = _ARTIFACTS[name]
        asset = pystac.Asset(href=f"./{file.name}", title=title, media_type=media_type, roles=["mlm:model"])
        item.add_asset(name, asset)
        mlm.AssetGeneralMLMExtension.ext(asset).apply(artifact_type=kind)
        sizes.FileExtension.ext(asset, add_if_missing=True).size = file.stat().st_size
    if card is not None:
        item.add_asset(
            "card", pystac.Asset(href=f"./{card}", title="Model card", media_type="text/markdown", roles=["metadata"])
        )
    write_json(path, item.to_dict(include_self_link=False))


def item_name(name: str) -> str:
    """Return a run's name as the extension takes it: three characters or more of ASCII, the first one a letter.

    >>> item_name("demo small"), item_name("E5"), item_name("Été, 1")
    ('demo small', 'lulcseg E5', 'lulcseg Ete 1')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    if plain == name and _NAME.fullmatch(name):
        return name
    kept = re.sub(r"[^a-zA-Z0-9_.\-\s]", "", plain).strip("_.- \t")
    return f"lulcseg {kept or 'model'}"


def _hyperparameters(source: ExportSource) -> dict[str, Any]:
    """Return the network's settings, as far as its kind has them, and the seed."""
    record = source.exported.record
    model = {key: value for key, value in plain_section(record.model).items() if value is not None}
    own = {"unet": _OF_UNET, "smp": _OF_SMP}.get(record.model.name) if record.model.target is None else None
    return {"model": {key: value for key, value in model.items() if own is None or key in own}, "seed": record.seed}


def _input(mlm: Any, source: ExportSource) -> Any:
    own = source.exported
    return mlm.ModelInput.create(
        name=INPUT,
        bands=[band.name for band in own.record.named_bands or ()],  # the record may know their number alone
        input=mlm.InputStructure.create(
            shape=[-1, own.record.bands, own.patch_size, own.patch_size], dim_order=_ORDER, data_type="float32"
        ),
        description=f"Raw pixel values of {own.record.dtype} imagery of {own.record.bands} bands, in the order of the "
        "training, as float32; not a number where there is no imagery. Scaling is inside the model.",
    )


def _output(mlm: Any, source: ExportSource) -> Any:
    from pystac.extensions.classification import Classification

    own, legend = source.exported, source.exported.record.to_legend()
    classes = [
        Classification.create(
            value=number,
            name=name,
            description=f"{land_class.name}; code {land_class.code} in maps",
            color_hint=land_class.colour.lstrip("#").upper(),
        )
        for number, (land_class, name) in enumerate(zip(legend, short_names(legend.names), strict=True))
    ]
    return mlm.ModelOutput.create(
        name=OUTPUT,
        tasks=[mlm.TaskType.SEMANTIC_SEGMENTATION],
        result=mlm.ResultStructure.create(
            shape=[-1, len(legend), own.patch_size, own.patch_size],
            dim_order=["batch", "class", "height", "width"],
            data_type="float32",
        ),
        description="Probability of each class; they sum to 1 at every pixel.",
        classes=classes,
    )


def _ground(run: RunRecord) -> tuple[dict[str, Any] | None, list[float] | None]:
    """Return the ground of the scenes trained on as GeoJSON, and its bounding box; None where no grid is recorded."""
    grids = [entry.grid for name in run.train_scenes if (entry := run.scenes.get(name)) is not None and entry.grid]
    rings = [footprint(Grid(**grid)) for grid in grids]
    if not rings:
        return None, None
    lons, lats = zip(*(point for ring in rings for point in ring), strict=True)
    bbox = [min(lons), min(lats), max(lons), max(lats)]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": [rings[0]]}, bbox
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}, bbox


def _ended(run: RunRecord) -> datetime | None:
    """Return when the training ended; None if that isn't known."""
    try:
        return None if run.finished is None else datetime.fromisoformat(run.finished).astimezone(UTC)
    except ValueError:
        return None
