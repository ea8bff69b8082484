"""Previews of a scene's imagery and labels, written into a run while the scene is open."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lulcseg.files import read_json, replacing, write_json
from lulcseg.legend import IGNORE
from lulcseg.pictures.encoding import png_bytes
from lulcseg.pictures.painting import class_picture
from lulcseg.pictures.reduced_imagery import PictureCells, PicturedScene, average_imagery
from lulcseg.run_folder.folder import PREVIEWS
from lulcseg.run_folder.record_parts import SceneEntry
from lulcseg.scene.scene import Scene
from lulcseg.scene.scene_state import scene_state

_FORMAT = 1
"""Increased whenever previews of the same scene look different."""

_ENTRY = "entry.json"


def write_previews(scene: PicturedScene, out_dir: Path, max_px: int = 1600) -> dict[str, Any]:
    """Write ``<scene>.png`` and, if the scene has labels, ``<scene>_labels.png``.

    Args:
        scene: An open scene.
        out_dir: Folder to write to, ``<run>/previews``; created if missing.
        max_px: Longer side of the pictures, in pixels; a smaller scene keeps its size.

    Returns:
        The scene's entry for the run's record: ``imagery_preview`` and ``labels_preview`` (relative
        to the folder that holds ``out_dir``; None without labels), ``grid`` and ``legend``.

    Raises:
        LulcsegError: The imagery can't be read, or the pictures can't be written.
    """
    cells = PictureCells(scene.grid, max_px)
    entry: dict[str, Any] = {
        "imagery_preview": _save(out_dir, f"{scene.name}.png", Image.fromarray(average_imagery(scene, cells))),
        "labels_preview": None,
        "grid": asdict(scene.grid),
        "legend": scene.legend.to_plain(),
    }
    if scene.labels is not None:
        picture = class_picture(_sample_labels(scene, cells), scene.legend)
        entry["labels_preview"] = _save(out_dir, f"{scene.name}_labels.png", picture)
    return entry


def put_previews(scene: Scene, run_dir: Path) -> SceneEntry:
    """Put a scene's previews into a run; they are copied from the scene's cache if drawn before.

    Args:
        scene: An open scene.
        run_dir: The run; the pictures go to its folder ``previews``.

    Returns:
        The scene's entry for the run's record (:func:`write_previews`).

    Raises:
        LulcsegError: The imagery can't be read, or the pictures can't be written.
    """
    key = hashlib.sha256(json.dumps([_FORMAT, scene_state(scene)], sort_keys=True, default=str).encode())
    kept = scene.cache / "previews" / key.hexdigest()[:32]
    entry = read_json(kept / _ENTRY)
    if entry is None or not all((kept / name).is_file() for name in _list_pictures(entry)):
        entry = write_previews(scene, kept / PREVIEWS)
        write_json(kept / _ENTRY, entry)
    for name in _list_pictures(entry):
        with replacing(run_dir / name) as part:
            shutil.copyfile(kept / name, part)
    return SceneEntry.from_plain(entry)


def _sample_labels(scene: PicturedScene, cells: PictureCells) -> NDArray[np.uint8]:
    """Return the class at the centre of each cell, (h, w) uint8."""
    assert scene.labels is not None
    out = np.full((cells.height, cells.width), IGNORE, dtype=np.uint8)
    rows = (cells.rows[:-1] + cells.rows[1:]) // 2
    cols = (cells.cols[:-1] + cells.cols[1:]) // 2
    for r, c, window in cells.blocks():
        out[r, c] = scene.labels.read(window)[np.ix_(rows[r] - window.row, cols[c] - window.col)]
    return out


def _save(out_dir: Path, name: str, picture: Image.Image) -> str:
    with replacing(out_dir / name) as part:
        part.write_bytes(png_bytes(picture))
    return f"{out_dir.name}/{name}"


def _list_pictures(entry: dict[str, Any]) -> list[str]:
    return [entry[key] for key in ("imagery_preview", "labels_preview") if entry[key] is not None]
