"""Reading tensors from a file without running code from it."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lulcseg.errors import LulcsegError
from lulcseg.models.tensor_archive import check_archive

_NESTED = ("state_dict", "model_state_dict", "model_state", "model", "teacher", "student", "net")
"""Keys under which trainers keep the tensors, in the order they are looked for."""
_WHERE = "model.encoder_weights"


@dataclass(frozen=True)
class WeightsFile:
    """What a file of weights holds.

    Attributes:
        tensors: Name → tensor, in the file's order.
        licence: As the file states it, or None.
        record: The record of a lulcseg checkpoint, plain; else None.
    """

    tensors: Mapping[str, Tensor]
    licence: str | None
    record: Mapping[str, Any] | None


def read_weights(path: Path) -> WeightsFile:
    """Read a file of weights, on the CPU.

    Args:
        path: A ``.safetensors`` file, or one of PyTorch that holds tensors and plain values alone.

    Raises:
        LulcsegError: It is missing, damaged, holds no tensors, or would run code.
    """
    if not path.is_file():
        raise LulcsegError("there is no such file", where=f"{_WHERE}={path}", remedy="give a file of weights, or null")
    if path.suffix == ".safetensors":
        return _safetensors(path)
    try:
        with warnings.catch_warnings():  # torch's words on a pickle that it can't read
            warnings.simplefilter("ignore")
            if zipfile.is_zipfile(path):  # else a file of torch before 1.6, which has no checksums
                check_archive(path)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except LulcsegError:
        raise
    except Exception as error:  # torch raises a zoo of types here
        raise _unreadable(path, error) from error
    record = content.get("lulcseg") if isinstance(content, Mapping) else None
    while isinstance(content, Mapping) and (key := _nested(content)) is not None:
        content = content[key]
    tensors = {k: v for k, v in content.items() if isinstance(v, Tensor)} if isinstance(content, Mapping) else {}
    if record is not None:  # the decoder is of no use to an encoder
        tensors = {k: v for k, v in tensors.items() if k.startswith("network.encoder.")}
    if not tensors:
        raise LulcsegError(
            "it holds no encoder's tensors", where=f"{_WHERE}={path}", remedy="save the encoder's state_dict()"
        )
    return WeightsFile(tensors, None, record)


def _unreadable(path: Path, error: Exception) -> LulcsegError:
    """Return the error for a file that isn't tensors and plain values alone."""
    try:
        classes = torch.serialization.get_unsafe_globals_in_checkpoint(path)  # listed, without loading them
    except Exception:  # it isn't of torch.save, or damaged
        classes = []
    if "TorchScript" in str(error) or any(name.startswith("torch.nn.modules.") for name in classes):
        return LulcsegError(
            "it holds a whole module, whose loading would run code, and not its tensors alone",
            where=f"{_WHERE}={path}",
            remedy="if you trust it, load it yourself and save its weights: torch.save(module.state_dict(), …)",
        )
    return LulcsegError(
        "it can't be read as tensors without running code from it, or is damaged",
        where=f"{_WHERE}={path}",
        remedy="save its state_dict() alone, or as .safetensors",
    )


def _nested(content: Mapping[str, Any]) -> str | None:
    return next((key for key in _NESTED if isinstance(content.get(key), Mapping)), None)


def _safetensors(path: Path) -> WeightsFile:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            stated = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (SafetensorError, OSError) as error:
        raise LulcsegError(
            "not a .safetensors file, or damaged", where=f"{_WHERE}={path}", remedy="give it whole, or null"
        ) from error
    return WeightsFile(tensors, stated.get("license") or stated.get("licence"), None)
