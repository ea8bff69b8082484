"""Sentences on the models of a map, from its entry in a record."""

from __future__ import annotations

from lulcseg.run_folder.map_models import calibration_sentence, model_sentences
from lulcseg.run_folder.record_parts import MapEntry

ENTRY = MapEntry.of(scene="a", path="maps/a.tif", checkpoint="/r/best.ckpt")


def test_one_models_own_probabilities_need_no_sentence() -> None:
    assert model_sentences(ENTRY) == model_sentences(MapEntry.of(scene="a", path="a.tif")) == []
    assert calibration_sentence(ENTRY) == "The probabilities are not calibrated."


def test_calibration_number_of_models_and_adapting_are_told() -> None:
    vector = "vector scaling (factors 0.100 to 2.000)"
    assert model_sentences(ENTRY.updated(calibration=vector, adapted="histogram")) == [
        f"Probabilities are calibrated: {vector}.",
        "The mosaic's values were matched, by band, to those of the mosaics trained on (adapt=histogram).",
    ]
    several = ENTRY.updated(checkpoint=["/r/0/a.ckpt", "/r/1/a.ckpt", "/r/2/a.ckpt"])
    assert model_sentences(several) == ["The mean of 3 models: 0/a.ckpt, 1/a.ckpt, 2/a.ckpt."]
    known = several.updated(calibration=f"temperature 2.000, none, {vector}")
    assert model_sentences(known)[1].split(": ")[1].split("; ") == [
        "0/a.ckpt by temperature 2.000", f"2/a.ckpt by {vector}", "1/a.ckpt is not calibrated.",
    ]  # fmt: skip


def test_the_scale_is_told() -> None:
    assert model_sentences(ENTRY.updated(scale=1.33)) == [
        "Along a patch's side the network saw 1.33 pixels for each of the mosaic's (mosaic.scale)."
    ]
