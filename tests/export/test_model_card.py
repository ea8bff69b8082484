"""A model's card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from lulcseg.export.export_source import export_source
from lulcseg.export.model_card import write_card
from lulcseg.legend import PAPER_LEGEND
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.settings.export import ExportSettings
from lulcseg.training.calibration import Calibration
from tests.support.exports import trained
from tests.support.runs import write_run

FILES = ["model.onnx", "model.pt2", "model.json", "README.md"]


def card(folder: Path, run: Path | None = None, calibration: Calibration | None = None, **changes: Any) -> str:
    place = folder if run is None else run / "checkpoints"
    place.mkdir(exist_ok=True)
    licence = changes.pop("licence", None)
    model = trained(place, calibration, **changes)
    write_card(export_source(model, ExportSettings(licence=licence)), FILES, folder / "README.md")
    return (folder / "README.md").read_text(encoding="utf-8")


def a_run(folder: Path) -> Path:
    """Return a run whose record says that best.ckpt made its maps."""
    run = write_run(folder / "run")
    path = run / "record.json"
    plain = json.loads(path.read_text(encoding="utf-8"))
    for entry in plain["maps"]:
        entry["checkpoint"] = "/elsewhere/run/checkpoints/best.ckpt"
    path.write_text(json.dumps(plain), encoding="utf-8")
    return run


def front(text: str) -> dict[str, Any]:
    _, matter, _ = text.split("---\n", 2)
    return yaml.safe_load(matter)


def test_accuracy_is_the_runs_with_its_intervals_and_design(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    text = card(tmp_path, run, scenes=["synthetic2018"], licence="mit")
    assert "### synthetic2018, which it was trained on" in text
    assert "### synthetic2015, which it was not trained on" in text
    assert "Design: a simple random sample" in text
    found = json.loads((run / "assessment" / "synthetic2015_multiple.json").read_text(encoding="utf-8"))
    overall = found["overall_accuracy"]
    assert f"Overall accuracy: {overall:.3f} (" in text
    first = found["per_class"][0]
    low, high = first["users_ci"]
    assert f"| {first['users']:.3f} ({low:.3f}–{high:.3f}) |" in text
    content = front(text)
    assert content["license"] == "mit"
    assert content["pipeline_tag"] == "image-segmentation"
    results = content["model-index"][0]["results"]
    values = {each["dataset"]["type"]: each["metrics"][0]["value"] for each in results}
    assert values["synthetic2015"] == round(overall, 4)


def test_maps_of_another_checkpoint_say_nothing_of_this_one(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    record = run / "record.json"
    record.write_text(record.read_text(encoding="utf-8").replace("best.ckpt", "last.ckpt"), encoding="utf-8")
    text = card(tmp_path, run)
    assert "nothing is known of its accuracy here" in text
    assert "model-index" not in front(text)


def test_a_checkpoint_alone_has_a_card_that_says_what_isnt_known(tmp_path: Path) -> None:
    text = card(tmp_path)
    assert "No map of this model was assessed" in text
    assert "The licence of the trained weights is not stated" in text
    assert "Its probabilities are not calibrated" in text
    assert "license" not in front(text)


def test_licence_of_pretrained_weights_calibration_and_shares(tmp_path: Path) -> None:
    weights = PretrainedWeights("timm resnet", "CC BY-NC 4.0", [0.5], [0.2])
    text = card(tmp_path, calibration=Calibration.of_temperature(1.7, 9), weights=weights, class_shares=[1 / 9] * 9)
    assert "The encoder started from timm resnet, licence: CC BY-NC 4.0." in text
    assert "calibrated by temperature 1.700" in text
    assert "| 11.1 % |" in text


def test_names_dont_break_tables(tmp_path: Path) -> None:
    legend = PAPER_LEGEND.to_plain()
    legend[0]["name"] = "Crop | *young*"
    text = card(tmp_path, legend=legend)
    (row,) = [line for line in text.splitlines() if "young\\*" in line]
    assert row.replace("\\|", "").count("|") == 6
