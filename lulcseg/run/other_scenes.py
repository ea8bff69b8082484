"""What a run's folder keeps of a scene that its models were not trained on: values, and pictures to compare with."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from lulcseg.augment.band_matching import QUANTILES, BandMatching, Quantiles
from lulcseg.augment.optical_bands import OpticalBands
from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RecordWriter, RunRecord
from lulcseg.run_folder.scene_values import SceneValues
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics


def put_scene_values(scene: Scene, ensemble: Ensemble, folder: RunFolder) -> str | None:
    """Write the values of a scene's mosaic beside those that the models were trained on.

    Args:
        scene: An open scene.
        ensemble: The models; the first one's record states the values trained on.
        folder: The run's folder.

    Returns:
        Path of the file below the folder; None for a scene that a model was trained on.

    Raises:
        LulcsegError: The imagery can't be read, or the file can't be written.
    """
    if scene.name in ensemble.trained_on:
        return None
    mosaic = mosaic_statistics(scene.imagery, scene.cache).quantiles(QUANTILES)
    training, record = ensemble.record.quantiles or (), ensemble.record
    path = folder.scene_values(scene.name)
    SceneValues(ensemble.trained_on, mosaic, training, _matched(mosaic, training, record.optical)).save(path)
    return folder.relative(path)


def _matched(mosaic: Quantiles, training: Quantiles, optical: Sequence[int] | None) -> Quantiles:
    """Return a mosaic's quantiles once its optical bands are matched to those trained on; empty if they can't be."""
    if not training:
        return ()
    places = range(len(mosaic)) if optical is None else optical
    try:
        matching = BandMatching([mosaic[k] for k in places], [training[k] for k in places])
    except LulcsegError:  # a band of a single value
        return ()
    shown = OpticalBands(optical, len(mosaic))
    bands: list[list[float]] = shown.changed(torch.tensor(mosaic)[None, :, None], matching)[0, :, 0].tolist()
    return bands


def put_trained_scenes(writer: RecordWriter, checkpoints: Sequence[Path]) -> None:
    """Copy the previews of the scenes that models were trained on from their runs, as far as they lie in others.

    Args:
        writer: The record of the run's folder to copy to.
        checkpoints: The models.

    Raises:
        LulcsegError: A picture can't be written.
    """
    for run in dict.fromkeys(RunFolder.of_checkpoint(path.resolve()) for path in checkpoints):
        if run.path == writer.folder.path.resolve() or (record := RunRecord.read(run)) is None:
            continue
        for name in record.train_scenes:
            entry = record.scenes.get(name)
            if entry is None or name in writer.record.scenes:
                continue
            pictures = [picture for picture in (entry.imagery_preview, entry.labels_preview) if picture]
            if all((run.path / picture).is_file() for picture in pictures):
                for picture in pictures:
                    with replacing(writer.folder.path / picture) as part:
                        shutil.copyfile(run.path / picture, part)
                writer.put_scene(name, entry)
