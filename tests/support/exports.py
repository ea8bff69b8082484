"""Models to export, whose probabilities differ from pixel to pixel, and what they are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lulcseg.augment.band_matching import QUANTILES
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.training.calibration import Calibration
from lulcseg.training.predictor import PatchPredictor
from lulcseg.training.task import SegmentationTask
from tests.support.models import record, save

TOLERANCE = 1e-5
"""Largest difference of a probability."""

STATISTICS = {
    part: {"min": [3] * n, "max": [240] * n, "mean": [110] * n, "std": [50] * n, "low": [20] * n, "high": [200] * n}
    for part, n in (("bands", 3), ("joint", 1))
}


def contrasted(**changes: Any) -> SegmentationTask:
    """Return a random network with statistics of batch norm of its own, and logits of some spread."""
    torch.manual_seed(3)
    task = SegmentationTask(record(**changes)).eval()
    with torch.no_grad():
        for layer in task.network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.05)
                layer.running_var.uniform_(0.5, 1.5)
        if hasattr(task.network, "head"):
            task.network.head.weight *= 10
    return task


def trained(folder: Path, calibration: Calibration | None = None, **changes: Any) -> TrainedModel:
    """Return such a model with a checkpoint, on the CPU in float32."""
    path = save(contrasted(**changes), folder / "best.ckpt")
    return TrainedModel(SegmentationTask.load_from_checkpoint(path), path, "32-true", Devices("cpu"), calibration)


def checkpoint_for(scene: Scene, path: Path, **changes: Any) -> Path:
    """Write a checkpoint of a network that was trained, so it says, on a scene like this one."""
    measured = mosaic_statistics(scene.imagery, None)
    known = {"quantiles": measured.quantiles(QUANTILES), "statistics": measured.summary(), "patch_size": 32}
    known |= {"legend": scene.legend.to_plain(), "scenes": ["trained"], "class_shares": [0.5, 0.3, 0.2]}
    task = contrasted(**known | changes)
    image, valid = (torch.from_numpy(each)[None] for each in scene.imagery.read(scene.grid.window))
    with torch.no_grad():  # every class is somewhere
        limits = None if task.scaler.method == "none" else task.scaler.limits_of(measured.summary())
        task.network.head.bias -= task(image, valid, limits).mean((0, 2, 3))
    return save(task, path)


def expected(predictor: PatchPredictor, image: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the predictor's probabilities."""
    shares: NDArray[np.float32] = torch.softmax(
        predictor(torch.from_numpy(image), torch.from_numpy(valid)), dim=1
    ).numpy()
    return shares


def raw(image: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return patches as an exported model takes them."""
    return np.where(valid[:, None], image, np.nan).astype(np.float32)
