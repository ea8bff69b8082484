"""Pixels that a model was not trained on, with their labels and the model's logits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched

import geopandas as gpd
import numpy as np
import torch
from numpy.typing import NDArray

from lulcseg.augment.scaler import MOSAIC
from lulcseg.errors import LulcsegError
from lulcseg.grid import Bounds, Grid, Window
from lulcseg.legend import IGNORE
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.progress import Bars
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.training_ground import TrainingGround
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.seeds import generator
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.predictor import PatchPredictor, device_of

_BATCH = 16
_TRIED = 4096
"""Pixels of a patch that are looked up in the training ground; more are not needed of one patch."""


@dataclass(frozen=True, eq=False)
class HeldOutPixels:
    """Labelled pixels of held-out ground.

    Attributes:
        logits: (n, K) float64, of a single view of each patch, before any calibration.
        labels: (n,) class indices.
        patch: (n,) number of the patch that each pixel is in.
        ground: What ground it is, in words.
    """

    logits: NDArray[np.float64]
    labels: NDArray[np.int64]
    patch: NDArray[np.int64]
    ground: str

    def in_patches(self, chosen: NDArray[np.int64]) -> HeldOutPixels:
        """Return the pixels in some of the patches."""
        kept = np.isin(self.patch, chosen)
        return HeldOutPixels(self.logits[kept], self.labels[kept], self.patch[kept], self.ground)


@dataclass(frozen=True, eq=False)
class _Sampled:
    """Labelled, held-out pixels of a patch: rows and columns in its window, and their class indices."""

    window: Window
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    labels: NDArray[np.int64]


def collect_held_out(
    model: TrainedModel, scene: Scene, plan: Plan | None, *, pixels: int, patches: int, seed: int
) -> HeldOutPixels:
    """Predict patches of held-out ground, and keep logits and labels of pixels in the middle half of each.

    Of a scene that the model was trained on, the ground is the blocks that its plan holds out for validation; of
    another, all ground that no training patch covers. It is tiled with patches that don't overlap, of which some are
    chosen at random, so that classes occur as they do on the ground.

    Args:
        model: The model; its calibration is not applied.
        scene: A scene with labels that fits the model.
        plan: The plan that the model was trained on; None if it isn't available.
        pixels: Most pixels to draw, in equal numbers from each patch as far as it has them.
        patches: Most patches.
        seed: Seed of the choice.

    Raises:
        LulcsegError: There is no held-out ground, or none with labels.
    """
    windows, ground = _held_out_windows(model.record, scene, plan)
    rng = generator(seed, f"held-out patches of {scene.name}")
    order = [windows[k] for k in rng.permutation(len(windows))]
    trained = None if plan is None else TrainingGround(plan)
    chosen: list[_Sampled] = []
    for window in order:
        if len(chosen) == patches:
            break
        if (found := _sampled(scene, window, trained, rng)) is not None:
            chosen.append(found)
    if not chosen:
        raise LulcsegError(
            f"there is no label on its held-out ground ({ground})",
            where=scene.file.path,
            remedy="give another labelled scene",
        )
    quota = max(1, pixels // len(chosen))
    logits, labels, numbers = [], [], []
    with Bars() as bars:
        progress = bars(f"Predicting held-out patches of {scene.name}", "patches")
        for number, (found, predicted, valid) in enumerate(_predicted(model, scene, chosen)):
            kept = np.flatnonzero(valid[found.rows, found.cols])[:quota]  # in random order
            logits.append(predicted[:, found.rows[kept], found.cols[kept]].T.astype(np.float64))
            labels.append(found.labels[kept])
            numbers.append(np.full(len(kept), number))
            progress(number + 1, len(chosen))
    return HeldOutPixels(np.concatenate(logits), np.concatenate(labels), np.concatenate(numbers), ground)


def _held_out_windows(record: ModelRecord, scene: Scene, plan: Plan | None) -> tuple[list[Window], str]:
    """Return windows of patches that don't overlap, on ground that may be used, and what ground it is."""
    size, grid = record.patch_size, scene.grid
    if scene.name not in record.scenes:
        unchecked = "" if plan is not None else "; its overlap with the training patches is unknown without their plan"
        windows = list(_tiles(grid.window, size))
        if not windows:
            raise LulcsegError(f"it is smaller than a patch of {size} pixels", where=scene.file.path)
        return windows, f"scene {scene.name}, not trained on{unchecked}"
    if plan is None or plan.digest() != record.plan or scene.name not in plan.scenes:
        raise LulcsegError(
            "the model was trained on it, and the plan that says where is not in the folder of its run",
            where=scene.file.path,
            remedy="give the checkpoint in its run's folder, or a scene that it was not trained on",
        )
    held_out = (plan.meta.get("validation") or {}).get("held_out", {})
    blocks: Sequence[Sequence[float]] = held_out.get(scene.name, [])
    if not blocks:
        raise LulcsegError(
            "the model was trained on it without validation ground, so that no ground is held out",
            where=scene.file.path,
            remedy="train with validation.fraction=0.2, or give a labelled scene that it was not trained on",
        )
    if plan.grid(scene.name) != grid:
        raise LulcsegError(
            "its pixels are not those that the plan was drawn on",
            where=scene.file.path,
            remedy="use the same scene file",
        )
    held = [grid.window_of(Bounds(*bounds)) for bounds in blocks]
    return [tile for block in held for tile in _tiles(block, size)], f"validation blocks of scene {scene.name}"


def _tiles(part: Window, size: int) -> Iterator[Window]:
    """Yield the squares of a window that fit in it side by side."""
    for row in range(part.row, part.row_end - size + 1, size):
        for col in range(part.col, part.col_end - size + 1, size):
            yield Window(row, col, size, size)


def _sampled(scene: Scene, window: Window, trained: TrainingGround | None, rng: np.random.Generator) -> _Sampled | None:
    """Return labelled, held-out pixels of the middle half of a patch, in random order; None if there are none."""
    assert scene.labels is not None
    quarter = window.height // 4
    size = max(1, window.height - 2 * quarter)
    middle = Window(window.row + quarter, window.col + quarter, size, size)
    labels = scene.labels.read(middle)
    rows, cols = np.nonzero(labels != IGNORE)
    picked = rng.permutation(len(rows))[:_TRIED]
    rows, cols = rows[picked], cols[picked]
    if trained is not None and len(rows):
        outside = ~trained.contains(_places(scene.grid, rows + middle.row, cols + middle.col))
        rows, cols = rows[outside], cols[outside]
    if not len(rows):
        return None
    return _Sampled(window, rows + quarter, cols + quarter, labels[rows, cols].astype(np.int64))


def _places(grid: Grid, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> gpd.GeoSeries:
    return gpd.GeoSeries(gpd.points_from_xy(*grid.xy(rows, cols)), crs=grid.crs)


def _predicted(
    model: TrainedModel, scene: Scene, chosen: Sequence[_Sampled]
) -> Iterator[tuple[_Sampled, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield each patch with its logits, (K, P, P), and where its imagery is valid, (P, P)."""
    record = model.record
    predictor: PatchPredictor = model.on(device_of(model.devices.accelerator))
    if model.scaled_over == MOSAIC:
        measured = mosaic_statistics(scene.imagery, scene.cache)
        predictor = predictor.of_mosaic(measured.summary(record.scaling.percentiles))
    for group in batched(chosen, _BATCH):
        read = [scene.imagery.read(each.window) for each in group]
        image, valid = (np.stack([pair[part] for pair in read]) for part in (0, 1))
        device = predictor.device
        logits = predictor(torch.from_numpy(image).to(device), torch.from_numpy(valid).to(device)).cpu().numpy()
        yield from zip(group, logits, valid, strict=True)
