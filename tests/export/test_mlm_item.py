"""A model's STAC item, by what the MLM extension's documents ask for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pystac
import pytest
from pystac.extensions.mlm import MLMExtension

from lulcseg.export.export_source import ExportSource, export_source
from lulcseg.export.mlm_item import item_name, write_item
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.settings.export import ExportSettings
from tests.support.encoders import smp
from tests.support.exports import trained
from tests.support.runs import write_run

REQUIRED = {"mlm:name", "mlm:architecture", "mlm:tasks", "mlm:input", "mlm:output"}


def written(source: ExportSource, folder: Path, **known: Any) -> dict[str, Any]:
    (folder / "model.onnx").write_bytes(b"onnx")
    write_item(source, {"onnx": folder / "model.onnx"}, folder / "model.json", **known)
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))


def test_the_item_of_a_run(tmp_path: Path) -> None:
    """Its ground and time are the training's; input, output and assets have what their kind requires."""
    run = write_run(tmp_path / "run")
    (run / "checkpoints").mkdir()
    model = trained(run / "checkpoints", name="E5", weights=PretrainedWeights("imagenet", "MIT", [0.5], [0.2]))
    item = written(export_source(model, ExportSettings(licence="cc-by-4.0")), tmp_path, card="README.md")
    properties = item["properties"]
    assert set(properties) >= REQUIRED
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]", properties["mlm:name"])
    assert properties["mlm:tasks"] == ["semantic-segmentation"]
    assert (properties["mlm:pretrained"], properties["mlm:pretrained_source"]) == (True, "imagenet")
    (taken,), (given,) = properties["mlm:input"], properties["mlm:output"]
    assert set(taken) >= {"name", "bands", "input"}
    assert set(given) >= {"name", "tasks", "result", "classification:classes"}
    for array, shape in ((taken["input"], [-1, 3, 32, 32]), (given["result"], [-1, 9, 32, 32])):
        assert (array["shape"], array["data_type"]) == (shape, "float32")
        assert len(array["dim_order"]) == 4
    classes = given["classification:classes"]
    assert [each["value"] for each in classes] == list(range(9))
    assert all(re.fullmatch(r"[0-9A-Za-z\-_]+", each["name"]) for each in classes)
    assert all(re.fullmatch(r"[0-9A-F]{6}", each["color_hint"]) for each in classes)
    assert item["assets"]["onnx"]["roles"] == ["mlm:model"]
    assert item["assets"]["onnx"]["mlm:artifact_type"] == "ONNX"
    assert item["assets"]["onnx"]["file:size"] == 4
    assert item["assets"]["card"]["href"] == "./README.md"
    assert None not in [*taken.values(), *given.values()]


def test_pystac_reads_it_and_the_core_schema_holds(tmp_path: Path) -> None:
    """Schemas of extensions are not fetched; the core's lies in pystac."""
    item = written(export_source(trained(tmp_path), ExportSettings()), tmp_path)
    read = pystac.Item.from_dict(item)
    assert MLMExtension.ext(read).mlm_name == "run"
    assert item["geometry"] is None, "a checkpoint without its run doesn't know its ground"
    assert read.datetime is not None
    core = pystac.Item.from_dict(item | {"stac_extensions": []})
    assert core.validate()


def test_hyperparameters_are_the_networks_own(tmp_path: Path) -> None:
    own = {}
    for name, changes in {"unet": {}, "smp": {"model": smp()}}.items():
        (tmp_path / name).mkdir()
        source = export_source(trained(tmp_path / name, **changes), ExportSettings())
        own[name] = written(source, tmp_path)["properties"]["mlm:hyperparameters"]["model"]
    assert own["unet"] == {"name": "unet", "filters": 4, "depth": 2, "norm": "batch", "dropout": 0.0}
    assert own["smp"] == {"name": "smp", "architecture": "Unet", "encoder": "resnet18"}


@pytest.mark.parametrize("name", ["a", "1st", "crops (2018)", "Été", "…", "demo small"])
def test_any_runs_name_becomes_one_that_the_extension_takes(name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]", item_name(name))
