"""What a map's entry in a record says of the models that made it, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from lulcseg.files import short_paths
from lulcseg.run_folder.record_parts import MapEntry

_ADAPTED = {
    "histogram": "The mosaic's values were matched, by band, to those of the mosaics trained on (adapt=histogram).",
    "batch_norm": "Batch norm's statistics were taken of patches of the mosaic (adapt=batch_norm).",
    "histogram_batch_norm": "The mosaic's values were matched, by band, to those of the mosaics trained on, and batch "
    "norm's statistics taken of its patches (adapt=both).",
}


def model_sentences(entry: MapEntry) -> list[str]:
    """Return what sets a map apart from that of one model's own probabilities: models, calibration, adapting, scale.

    >>> for sentence in model_sentences(
    ...     MapEntry.of(scene="a", path="a.tif", checkpoint=["1.ckpt", "2.ckpt"], calibration="none, temperature 0.2")
    ... ):
    ...     print(sentence)
    The mean of 2 models: 1.ckpt, 2.ckpt.
    Probabilities are calibrated: 2.ckpt by temperature 0.2; 1.ckpt is not calibrated.
    """
    sentences = []
    if len(paths := _paths(entry)) > 1:
        how = "The mean of" if entry.combine is None else "One class each, joined (combine=one_against_all), by"
        sentences.append(f"{how} {len(paths)} models: {', '.join(short_paths(paths))}.")
    if entry.calibration is not None:
        sentences.append(calibration_sentence(entry) + (" They were joined after that." if entry.combine else ""))
    if entry.adapted is not None:
        sentences.append(_ADAPTED.get(entry.adapted, f"The mosaic was adapted to the model ({entry.adapted})."))
    if entry.scale is not None:
        sentences.append(
            f"Along a patch's side the network saw {entry.scale:g} pixels for each of the mosaic's (mosaic.scale)."
        )
    return sentences


def calibration_sentence(entry: MapEntry) -> str:
    """Return whether a map's probabilities are calibrated, and by what."""
    if entry.calibration is None:
        return "The probabilities are not calibrated."
    known = entry.calibration.split(", ")
    paths = _paths(entry)
    if len(known) != len(paths):
        return f"Probabilities are calibrated: {entry.calibration}."
    return f"Probabilities are calibrated: {calibration_by_model(short_paths(paths), known)}."


def calibration_by_model(names: Sequence[str], known: Sequence[str | None]) -> str:
    """Return each model's calibration in words, with the model's name where there are several.

    Args:
        names: Names of the models.
        known: Each one's calibration in words; None, or ``none``: it has none.

    >>> calibration_by_model(["best.ckpt"], ["temperature 1.600"])
    'temperature 1.600'
    >>> calibration_by_model(["a.ckpt", "b.ckpt"], [None, "temperature 0.201"])
    'b.ckpt by temperature 0.201; a.ckpt is not calibrated'
    """
    if len(names) == 1:
        return str(known[0])
    pairs = list(zip(names, known, strict=True))
    calibrated = [f"{name} by {how}" for name, how in pairs if how not in (None, "none")]
    without = [name for name, how in pairs if how in (None, "none")]
    lacking = [f"{', '.join(without)} {'is' if len(without) == 1 else 'are'} not calibrated"] if without else []
    return "; ".join([*calibrated, *lacking])


def _paths(entry: MapEntry) -> list[str]:
    made_by = entry.checkpoint
    return [made_by] if isinstance(made_by, str) else [str(path) for path in made_by or ()]
