"""Where a prediction's maps go, and that they replace no maps by other models."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder, read_json, target_of
from lulcseg.run.chosen_checkpoints import replicates_folder
from lulcseg.run_folder.folder import RunFolder
from lulcseg.settings.config import PredictConfig

PREDICTIONS = "predictions"
"""Folder, below the present one, of maps by models that neither a run's nor a trial's folder belongs to."""

_LETTERS = 8


def map_destination(config: PredictConfig, checkpoints: Sequence[Path], digests: Sequence[str]) -> RunFolder:
    """Return the folder for the maps, created: ``output``, or one that depends on the models alone.

    Without ``output``, maps by one model lie in its run's folder, or in ``predictions`` if it has none. Those by
    several replicates of a trial's value lie beside the value, where the trial's report finds them. Those by any other
    models lie in ``predictions``, in a folder named after the models' contents.

    Args:
        config: The settings.
        checkpoints: The models, in the order of summation.
        digests: SHA-256 of each.

    Raises:
        LulcsegError: The folder can't be created or written to.
    """
    run = RunFolder.of_checkpoint(checkpoints[0])
    if config.output is None and len(checkpoints) == 1 and run.has_record:
        return run
    folder = target_of(config.output or _default(config, digests), "output").resolve()
    return RunFolder(make_folder(folder, "output"))


def _default(config: PredictConfig, digests: Sequence[str]) -> Path:
    replicates = replicates_folder(config)
    if len(digests) == 1:
        return Path(PREDICTIONS)
    if replicates is None:
        return Path(PREDICTIONS) / name_by_content(digests)
    others = f"others_{config.seed}"  # not "seed2": the trial's report would take it for that replicate
    return replicates.with_name(f"{replicates.name}_{'ensemble' if config.members == 'all' else others}")


def name_by_content(digests: Sequence[str]) -> str:
    """Return a name of several models that depends on their contents and order.

    >>> name_by_content(["ab12", "cd34"])
    '2_models_806f2a0a'
    """
    joined = hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return f"{len(digests)}_models_{joined[:_LETTERS]}"


def check_maps_of(folder: RunFolder, stems: Sequence[str], checkpoints: Sequence[Path], digests: Sequence[str]) -> None:
    """Check that maps which exist already were made by the same models, so that making them again loses nothing.

    Files are compared by their contents, as a map's STAC item states them; a map without this item isn't compared.

    Args:
        folder: The folder for the maps.
        stems: Names of the maps to be made.
        checkpoints: The models, in the order of summation.
        digests: SHA-256 of each.

    Raises:
        LulcsegError: A map was made by other models.
    """
    for path in (folder.map_file(stem) for stem in stems):
        made_by, named = _models_of(path)
        if path.exists() and made_by and made_by != list(digests):
            requested = ", ".join(map(str, checkpoints))
            alone = len(made_by) == len(digests) == 1
            raise LulcsegError(
                f"it was made by {'another model' if alone else 'other models'} ({', '.join(named)}) than requested "
                f"({requested})",
                where=path,
                remedy="map into another folder with output=…, or remove it",
            )


def _models_of(path: Path) -> tuple[list[str], list[str]]:
    """Return the checksums and the paths of the models that a map's STAC item states; empty if it doesn't."""
    properties = (read_json(path.with_suffix(".json")) or {}).get("properties", {})
    found = (properties.get(f"lulcseg:{key}", []) for key in ("checkpoint_sha256", "checkpoint"))
    checksums, paths = ([value] if isinstance(value, str) else [str(each) for each in value] for value in found)
    return checksums, paths
