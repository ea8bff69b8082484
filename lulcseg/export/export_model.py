"""Writes a model's files into a folder: all of those requested, each checked, or none."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from lulcseg.errors import LulcsegError
from lulcseg.export.export_source import ExportSource
from lulcseg.export.mlm_item import write_item
from lulcseg.export.model_card import write_card
from lulcseg.export.onnx_file import INPUT, needed, read_onnx, write_onnx
from lulcseg.export.portable_network import PortableNetwork
from lulcseg.export.probe_check import Run, check_agreement
from lulcseg.export.torch_program import trace, write_program
from lulcseg.files import check_folder_name, make_folder
from lulcseg.processes import print_line
from lulcseg.settings.export import CARD, MLM, ONNX, TORCH

FILES = {ONNX: "model.onnx", TORCH: "model.pt2", MLM: "model.json", CARD: "README.md"}
"""Name of each format's file."""

_PACKAGES = {ONNX: ("onnx", "onnxruntime", "onnxscript"), MLM: ("pystac",)}


def check_request_for(formats: Sequence[str], out: Path) -> None:
    """Check formats and folder before anything is computed.

    Raises:
        LulcsegError: A package is missing, an item would describe no file, or the folder holds one of the files, or
            others than these.
    """
    for name in formats:
        for package in _PACKAGES.get(name, ()):
            needed(package)
    if MLM in formats and not {ONNX, TORCH} & set(formats):
        raise LulcsegError(
            "a STAC item describes a model's file, and none is exported", where="--to mlm", remedy="add onnx or torch"
        )
    check_folder_name(out, "--out")
    if not out.exists():
        return
    if not out.is_dir():
        raise LulcsegError("it is a file", where=out, remedy="give a folder with --out")
    held = sorted(path.name for path in out.iterdir())
    foreign = [name for name in held if name not in FILES.values()]
    taken = [FILES[name] for name in formats if FILES[name] in held]
    if foreign or taken:
        several = f"{', '.join((foreign or taken)[:3])}{' …' if len(foreign or taken) > 3 else ''}"
        what = f"the folder holds other things ({several})" if foreign else f"the folder holds {several} already"
        raise LulcsegError(what, where=out, remedy="give a new or an empty folder with --out")


def export_model(source: ExportSource, formats: Sequence[str], out: Path) -> list[Path]:
    """Write files of a model.

    They are made and checked in a hidden folder beside ``out``, and get their places once all of them are sound.

    Args:
        source: The model.
        formats: Of :data:`FILES`.
        out: Folder, created if missing.

    Returns:
        The files.

    Raises:
        LulcsegError: The request isn't valid, a format can't hold the network, a file disagrees with the checkpoint, or
            can't be written.
    """
    check_request_for(formats, out)
    make_folder(out.parent, "--out")
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        program = _traced(source) if {ONNX, TORCH} & set(formats) else None
        if program is not None and ONNX in formats:
            _write_onnx(program, source, folder / FILES[ONNX])
        if program is not None and TORCH in formats:
            _write_torch(program, source, folder / FILES[TORCH])
        if MLM in formats:
            files = {name: folder / FILES[name] for name in (ONNX, TORCH) if name in formats}
            write_item(source, files, folder / FILES[MLM], card=FILES[CARD] if CARD in formats else None)
        if CARD in formats:
            write_card(source, [FILES[name] for name in FILES if name in formats], folder / FILES[CARD])
        make_folder(out, "--out")
        placed = [out / FILES[name] for name in FILES if name in formats]
        for path in placed:
            (folder / path.name).replace(path)
    return placed


def _traced(source: ExportSource) -> ExportedProgram:
    own = source.exported
    network = PortableNetwork(source.predictor, calibration=own.calibration, nodata=own.nodata)
    return trace(network, own.record.bands, own.patch_size)


def _write_onnx(program: ExportedProgram, source: ExportSource, path: Path) -> None:
    write_onnx(program, source.exported, path)
    session, _ = read_onnx(path)

    def run(raw: NDArray[np.float32]) -> NDArray[np.float32]:
        (shares,) = session.run(None, {INPUT: raw})
        found: NDArray[np.float32] = shares
        return found

    _check(run, source, path)


def _write_torch(program: ExportedProgram, source: ExportSource, path: Path) -> None:
    write_program(program, source.exported, path)
    loaded = torch.export.load(path).module()

    def run(raw: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = loaded(torch.from_numpy(raw)).numpy()
        return found

    _check(run, source, path)


def _check(run: Run, source: ExportSource, path: Path) -> None:
    """Check that a file agrees with the checkpoint, and print how well."""
    own = source.exported
    difference = check_agreement(
        run, source.predictor, own.patch_size, nodata=own.nodata, tolerance=source.tolerance, name=path.name
    )
    print_line(f"{path.name}: probabilities agree with the checkpoint's within {difference:.1g}.")
