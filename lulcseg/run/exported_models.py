"""Exported models among those that a prediction names, and what can't be chosen for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.export.onnx_model import SUFFIX, OnnxModel
from lulcseg.mosaic.devices import Devices


def exported_models(paths: Sequence[Path], devices: Devices, chosen: Mapping[str, bool]) -> tuple[OnnxModel, ...]:
    """Open the models of a prediction if they are exported files.

    Args:
        paths: The models' files.
        devices: The devices to predict on.
        chosen: Of each setting that is fixed in an exported file, whether the prediction sets it.

    Returns:
        The models; none if all of them are checkpoints.

    Raises:
        LulcsegError: A file can't be used, exported models are to be averaged with checkpoints, or a setting is chosen
            that is fixed in the files.
    """
    exported = [path for path in paths if path.suffix == SUFFIX]
    if not exported:
        return ()
    if len(exported) < len(paths):
        raise LulcsegError(
            "exported models and checkpoints can't make a map together",
            where=exported[0],
            remedy="give the checkpoint that it was exported from",
        )
    for key, is_set in chosen.items():
        if is_set:
            raise LulcsegError(
                f"{key} can't be chosen for an exported model: it is fixed in the file",
                where=exported[0],
                remedy=f"leave {key} out, or map with the checkpoint",
            )
    return tuple(OnnxModel.load(path, devices) for path in paths)
