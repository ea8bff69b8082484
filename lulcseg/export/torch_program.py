"""The graph as torch.export traces it: for ONNX, and as a file of its own, ``.pt2``."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram

from lulcseg.errors import LulcsegError
from lulcseg.export.exported_model import ExportedModel
from lulcseg.export.portable_network import PortableNetwork
from lulcseg.files import replacing

DESCRIPTION = "lulcseg.json"
"""Name of the description inside a .pt2 file."""


def trace(network: PortableNetwork, bands: int, patch_size: int) -> ExportedProgram:
    """Trace a network into a graph of patches of one size, in batches of any.

    Args:
        network: The network.
        bands: Bands of its input C.
        patch_size: Side of a patch P, in pixels.

    Raises:
        LulcsegError: It does what depends on the values in it, or needs another size.
    """
    example = torch.zeros(2, bands, patch_size, patch_size)  # of 1, a graph would be of that batch alone
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(network, (example,), dynamic_shapes={"image": {0: Dim("batch", min=1)}})
    except LulcsegError:
        raise
    except Exception as error:  # torch has many kinds for this
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        raise LulcsegError(
            f"the network can't be traced into a graph ({reason})",
            where="export",
            remedy="export another patch size (--patch-size), or train another architecture",
        ) from error


def write_program(program: ExportedProgram, model: ExportedModel, path: Path) -> None:
    """Write a .pt2 file with its description."""
    described = json.dumps(model.to_plain(), ensure_ascii=False)
    with replacing(path) as part:
        torch.export.save(program, part, extra_files={DESCRIPTION: described})
