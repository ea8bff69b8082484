"""What is printed of a prediction's models before it begins: their calibration, and whether they share a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lulcseg.files import short_paths
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.map_models import calibration_by_model
from lulcseg.scene.scene import Scene


def model_remarks(ensemble: Ensemble, *, adapts: bool = False, scale: float = 1.0) -> Iterator[str]:
    """Yield sentences on the calibrations, if there is one, and one for each training run with several models.

    Args:
        ensemble: The models.
        adapts: Whether a mosaic that they map is adapted to them.
        scale: At which the networks see patches (``mosaic.scale``).
    """
    calibrations = [member.calibration for member in ensemble.members]
    names = short_paths([member.checkpoint for member in ensemble.members])
    known = [None if each is None else each.describe() for each in calibrations]
    if any(known):
        yield f"Probabilities are calibrated: {calibration_by_model(names, known)}."
        if adapts:
            yield (
                f"The calibration was fitted without adapt={ensemble.adapt}: how well it holds for mosaics adapted so "
                "isn't known."
            )
        if scale != 1:
            yield f"The calibration was fitted without mosaic.scale={scale:g}: how well it holds at it isn't known."
    runs = [RunFolder.of_checkpoint(member.checkpoint) for member in ensemble.members]
    for run in dict.fromkeys(runs):
        own = [name for name, its in zip(names, runs, strict=True) if its == run]
        if len(own) > 1 and run.has_record:
            yield (
                f"{len(own)} of {len(runs)} models are of one training run, {run.path} ({', '.join(own)}): "
                f"that run counts {len(own)} times in the mean."
            )


def prediction_remarks(ensemble: Ensemble, scenes: Sequence[Scene], scale: float = 1.0) -> Iterator[str]:
    """Yield sentences on the models, and on scenes whose adaptation might surprise, by their names.

    Args:
        ensemble: The models.
        scenes: The scenes that they map.
        scale: At which the networks see patches (``mosaic.scale``).
    """
    adapted = [ensemble.adapts(scene) for scene in scenes]
    yield from model_remarks(ensemble, adapts=any(adapted), scale=scale)
    for scene, is_adapted in zip(scenes, adapted, strict=True):
        if is_adapted and scene.name in ensemble.trained_on:
            yield f"{scene.name} has a training scene's name and other values: it is adapted (adapt={ensemble.adapt})."
        elif not is_adapted and ensemble.adapt != "none":
            yield f"{scene.name}'s mosaic was trained on: it is mapped as it is, whatever adapt={ensemble.adapt} asks."
