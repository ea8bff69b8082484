"""Checkpoint files: written whole or not at all, and verified before anything in them is used.

A checkpoint is a zip archive, in which every entry has a checksum (CRC-32). ``torch.load`` doesn't compare them, so
that one damaged byte would give other weights and another map without a word.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.models.tensor_archive import check_archive

REMEDY = "give <run>/checkpoints/best.ckpt or last.ckpt"


class WholeCheckpoints(TorchCheckpointIO):
    """Writes each checkpoint beside its place, syncs it to the disk, and renames it.

    Lightning writes through the temporary folder and, if that is another file system, copies from there into the
    earlier file: a process that is killed meanwhile loses both.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint.

        Raises:
            LulcsegError: The folder or the file can't be written; the earlier file stays as it is.
        """
        if storage_options is not None:
            raise TypeError("checkpoints of a run are files: there are no storage_options")
        with replacing(Path(path)) as part, part.open("wb") as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:  # torch's name for a disk that is full
                raise OSError(str(error).splitlines()[0]) from error
            file.flush()
            os.fsync(file.fileno())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU, without running code from it, once all of its content has been verified.

    Raises:
        LulcsegError: The file is missing, is not a checkpoint, or is damaged.
    """
    if not path.is_file():
        raise LulcsegError("there is no such checkpoint", where=path, remedy=REMEDY)
    try:
        check_archive(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except LulcsegError:
        raise
    except Exception as error:  # zipfile and torch raise a zoo of types here; all mean the same
        raise LulcsegError("not a lulcseg checkpoint, or damaged", where=path, remedy=REMEDY) from error
    if not isinstance(checkpoint, dict):
        raise LulcsegError("not a lulcseg checkpoint", where=path, remedy=REMEDY)
    return checkpoint
