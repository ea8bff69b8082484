"""Small pictures of a scene's imagery and labels, made while the scene is at hand."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lulcseg.files import read_json, replacing, write_json
from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE, Legend
from lulcseg.pictures.images import class_picture, png_bytes
from lulcseg.progress import tracked
from lulcseg.run_folder.folder import PREVIEWS
from lulcseg.run_folder.record_parts import SceneEntry
from lulcseg.scene.scene import Scene
from lulcseg.scene.state import scene_state

_BLOCK = 2048
"""Side of the ground read at once, in pixels."""

_STRETCH = (2.0, 98.0)
"""Percentiles of imagery other than 8 bit that become black and white."""


class _Imagery(Protocol):
    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]: ...


class _Labels(Protocol):
    def read(self, window: Window) -> NDArray[np.uint8]: ...


class PreviewScene(Protocol):
    """What a preview needs of a scene."""

    @property
    def name(self) -> str:
        """The scene's name."""
        ...

    @property
    def grid(self) -> Grid:
        """Its grid."""
        ...

    @property
    def legend(self) -> Legend:
        """Its classes."""
        ...

    @property
    def bands(self) -> int:
        """Number of bands of its imagery."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its imagery."""
        ...

    @property
    def imagery(self) -> _Imagery:
        """Reader of its imagery."""
        ...

    @property
    def labels(self) -> _Labels | None:
        """Reader of its labels, if it has any."""
        ...


def write_previews(scene: PreviewScene, out_dir: Path, max_px: int = 1600) -> dict[str, Any]:
    """Write ``<scene>.png`` and, where the scene has labels, ``<scene>_labels.png``.

    Args:
        scene: An open scene.
        out_dir: Folder to write to, ``<run>/previews``; made where missing.
        max_px: Longer side of the pictures, in pixels; a smaller scene keeps its size.

    Returns:
        The scene's entry for the run's record: ``imagery_preview`` and ``labels_preview`` (relative
        to the folder that holds ``out_dir``; None without labels), ``grid`` and ``legend``.

    Raises:
        LulcsegError: The imagery can't be read, or the pictures can't be written.
    """
    cells = PreviewCells(scene.grid, max_px)
    entry: dict[str, Any] = {
        "imagery_preview": _save(out_dir, f"{scene.name}.png", Image.fromarray(imagery_means(scene, cells))),
        "labels_preview": None,
        "grid": asdict(scene.grid),
        "legend": scene.legend.to_plain(),
    }
    if scene.labels is not None:
        picture = class_picture(_labels(scene.labels, cells), scene.legend)
        entry["labels_preview"] = _save(out_dir, f"{scene.name}_labels.png", picture)
    return entry


class PreviewCells:
    """The preview's pixels as cells of the scene's: each a whole number of pixels, together all of them."""

    def __init__(self, grid: Grid, max_px: int) -> None:
        scale = max(1.0, max(grid.height, grid.width) / max_px)
        self.height, self.width = max(1, round(grid.height / scale)), max(1, round(grid.width / scale))
        self.rows = np.arange(self.height + 1) * grid.height // self.height
        self.cols = np.arange(self.width + 1) * grid.width // self.width

    def blocks(self) -> Iterator[tuple[slice, slice, Window]]:
        """Yield rows and columns of cells, and the window of the scene that they are, with a bar if it takes long."""
        cut = [(r, c) for r in _spans(self.rows) for c in _spans(self.cols)]
        for r, c in tracked(cut, "Making previews"):
            row, col = int(self.rows[r.start]), int(self.cols[c.start])
            yield r, c, Window(row, col, int(self.rows[r.stop]) - row, int(self.cols[c.stop]) - col)


def _spans(edges: NDArray[np.int64]) -> Iterator[slice]:
    """Cut cells into runs of about a block's pixels."""
    start = 0
    while start < len(edges) - 1:
        stop = int(np.searchsorted(edges, edges[start] + _BLOCK, side="right")) - 1
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop


def imagery_means(scene: PreviewScene, cells: PreviewCells) -> NDArray[np.uint8]:
    """Return the mean of each cell's valid pixels as RGB, (h, w, 3) uint8; white where there is none."""
    bands = [0, 1, 2] if scene.bands >= 3 else [0, 0, 0]
    mean = np.zeros((3, cells.height, cells.width), dtype=np.float32)
    valid = np.zeros((cells.height, cells.width), dtype=np.bool_)
    for r, c, window in cells.blocks():
        image, there = scene.imagery.read(window)
        rows, cols = cells.rows[r] - window.row, cells.cols[c] - window.col
        count = _cell_sums(there.astype(np.float64), rows, cols)
        total = _cell_sums(np.where(there, image[bands], 0).astype(np.float64), rows, cols)
        mean[:, r, c] = total / np.maximum(count, 1)
        valid[r, c] = count > 0
    if scene.dtype != np.uint8:
        mean = _stretched(mean, valid)
    mean[:, ~valid] = 255
    return np.ascontiguousarray(np.rint(mean).astype(np.uint8).transpose(1, 2, 0))


def _cell_sums(values: NDArray[np.float64], rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum (…, h, w) values over cells that begin at the given rows and columns."""
    sums: NDArray[np.float64] = np.add.reduceat(np.add.reduceat(values, rows, axis=-2), cols, axis=-1)
    return sums


def _stretched(mean: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Bring each band's middle 96 % to 0…255."""
    if not valid.any():
        return mean
    low, high = np.percentile(mean[:, valid], _STRETCH, axis=1)[:, :, None, None]
    stretched: NDArray[np.float32] = np.clip((mean - low) / np.maximum(high - low, 1e-9), 0, 1) * 255
    return stretched


def _labels(labels: _Labels, cells: PreviewCells) -> NDArray[np.uint8]:
    """Return the class at the middle of each cell, (h, w) uint8."""
    out = np.full((cells.height, cells.width), IGNORE, dtype=np.uint8)
    rows = (cells.rows[:-1] + cells.rows[1:]) // 2
    cols = (cells.cols[:-1] + cells.cols[1:]) // 2
    for r, c, window in cells.blocks():
        out[r, c] = labels.read(window)[np.ix_(rows[r] - window.row, cols[c] - window.col)]
    return out


def _save(out_dir: Path, name: str, picture: Image.Image) -> str:
    with replacing(out_dir / name) as part:
        part.write_bytes(png_bytes(picture))
    return f"{out_dir.name}/{name}"


_FORMAT = 1
"""Raised whenever previews of the same scene look otherwise."""
_ENTRY = "entry.json"


def put_previews(scene: Scene, run_dir: Path) -> SceneEntry:
    """Put a scene's previews into a run, from the scene's cache where they were drawn before.

    Args:
        scene: An open scene.
        run_dir: The run; they go to its folder ``previews``.

    Returns:
        The scene's entry for the run's record (:func:`lulcseg.pictures.previews.write_previews`).

    Raises:
        LulcsegError: The imagery can't be read, or the pictures can't be written.
    """
    key = hashlib.sha256(json.dumps([_FORMAT, scene_state(scene)], sort_keys=True, default=str).encode())
    kept = scene.cache / "previews" / key.hexdigest()[:32]
    entry = read_json(kept / _ENTRY)
    if entry is None or not all((kept / name).is_file() for name in _pictures(entry)):
        entry = write_previews(scene, kept / PREVIEWS)
        write_json(kept / _ENTRY, entry)
    for name in _pictures(entry):
        with replacing(run_dir / name) as part:
            shutil.copyfile(kept / name, part)
    return SceneEntry.from_plain(entry)


def _pictures(entry: dict[str, Any]) -> list[str]:
    return [entry[key] for key in ("imagery_preview", "labels_preview") if entry[key] is not None]
