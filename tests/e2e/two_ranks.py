"""Trains on as many processes as asked for, and writes down what each of them did.

Run as a script, Lightning starts the second process by running it again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lulcseg.run import fit as fitting
from lulcseg.sampling.plan import Plan, patch_rows
from lulcseg.scene.scene import Scene
from lulcseg.settings.config import TrainConfig
from lulcseg.training.task import SegmentationTask

SIZE, TRAIN, VALIDATION, MICRO = 16, 21, 5, 2


def places() -> list[tuple[int, int]]:
    """Return rows and columns of patches that don't overlap; few of them have many labels."""
    grid = [(row, col) for row in range(0, 96, SIZE) for col in range(0, 128, SIZE)]
    return [grid[i] for i in np.random.default_rng(0).permutation(len(grid))[: TRAIN + VALIDATION]]


def plan_of(scene: Scene) -> Plan:
    """Return the plan: training patches first, then validation."""
    row, col = np.array(places()).T
    rows = patch_rows(scene.name, scene.grid, row, col, SIZE)
    rows["split"] = ["train"] * TRAIN + ["validation"] * VALIDATION
    return Plan(rows, {"scenes": {scene.name: asdict(scene.grid)}, "legend": scene.legend.to_plain()})


def fingerprint(image: Tensor) -> str:
    """Tell patches apart by their pixels."""
    return hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest()[:12]


class Diary(SegmentationTask):
    """Writes down patches, steps, counts and last weights. Batch norm keeps to its first statistics."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.diary: dict[str, Any] = {"train": [], "validation": [], "confusion": {"train": [], "val": []}}
        self.train()  # Lightning leaves modules in the mode it finds them in

    def train(self, mode: bool = True) -> Diary:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        return self

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        self.diary["train"].append([self.current_epoch, *(fingerprint(i) for i in batch["image"])])
        return super().training_step(batch, batch_index)

    def validation_step(self, batch: Any, batch_index: int) -> None:
        self.diary["validation"].append([self.current_epoch, *(fingerprint(i) for i in batch["image"])])
        super().validation_step(batch, batch_index)

    def _log_scores(self, stage: str, metric: Any) -> None:
        self.diary["confusion"][stage].append(int(metric.compute().sum()))
        super()._log_scores(stage, metric)

    def on_fit_end(self) -> None:
        folder = Path(self.trainer.checkpoint_callback.dirpath).parent
        metrics = {key: float(value) for key, value in self.trainer.callback_metrics.items()}
        self.diary |= {"steps": self.trainer.global_step, "metrics": metrics}
        (folder / f"rank{self.global_rank}.json").write_text(json.dumps(self.diary))
        torch.save(self.network.state_dict(), folder / f"rank{self.global_rank}.pt")


def train(
    scene_path: Path, cache: Path, run_dir: Path, *, devices: int, micro_batch: int | None, loss: str, batch: int
) -> fitting.FitResult:
    """Train two epochs in single precision with plain momentum, whose steps are as long as the gradient."""
    config = TrainConfig(run_dir=str(run_dir))
    config.model.filters, config.model.depth = 4, 1
    config.sampling.patch_size = SIZE
    config.trainer.epochs, config.trainer.batch_size, config.trainer.micro_batch = 2, batch, micro_batch
    config.trainer.accelerator, config.trainer.devices, config.trainer.precision = "cpu", str(devices), "32-true"
    config.trainer.strategy = "ddp" if devices > 1 else "auto"
    config.optim.name, config.optim.learning_rate, config.logger.name = "sgd", 0.3, "none"
    config.reading.workers = 0
    config.loss.name = loss
    scene = Scene.open(str(scene_path), cache)
    fitting.SegmentationTask = Diary  # type: ignore[misc]
    return fitting.fit(config, [scene], plan_of(scene), run_dir)


if __name__ == "__main__":
    torch.set_num_threads(1)
    scene_file, cache_folder, run_folder = (Path(argument) for argument in sys.argv[1:4])
    train(scene_file, cache_folder, run_folder, devices=2, micro_batch=MICRO, loss=sys.argv[4], batch=int(sys.argv[5]))
