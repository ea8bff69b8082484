"""A run's record: what was run, on what, with what outcome. The run directory is the truth."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lulcseg import __version__
from lulcseg.errors import LulcsegError
from lulcseg.files import write_json
from lulcseg.settings.programs import PredictConfig, TrainConfig

RECORD_NAME = "record.json"
_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = (
    "torch", "pytorch-lightning", "segmentation-models-pytorch", "torchgeo", "rasterio", "geopandas", "kornia",
    "hydra-core", "torchmetrics", "wandb", "numpy",
)  # fmt: skip


class RunRecord:
    """``record.json`` of a run directory, rewritten whole at each change.

    Args:
        run_dir: The run directory.
        content: What to start from.
    """

    def __init__(self, run_dir: Path, content: Mapping[str, Any]) -> None:
        """Keep the content; nothing is written before :meth:`update`."""
        self.run_dir = run_dir
        self.content: dict[str, Any] = dict(content)

    @classmethod
    def load(cls, run_dir: Path) -> RunRecord:
        """Read a run's record.

        Raises:
            LulcsegError: There is none, or it is damaged.
        """
        path = run_dir / RECORD_NAME
        try:
            return cls(run_dir, json.loads(path.read_text(encoding="utf-8")))
        except (OSError, json.JSONDecodeError) as error:
            raise LulcsegError(
                "it is no run directory, or its record is damaged", where=path, remedy="give a folder train.py made"
            ) from error

    def update(self, **changes: Any) -> None:
        """Change entries and write the record."""
        self.content |= changes
        write_json(self.run_dir / RECORD_NAME, self.content)

    @property
    def goes_on_from(self) -> Path | None:
        """Checkpoint of an earlier attempt that the run goes on from, if any."""
        known = self.content.get("goes_on_from")
        return None if known is None else self.run_dir / str(known)

    def put_map(self, entry: Mapping[str, Any]) -> None:
        """Add a map, in place of an earlier one at the same path."""
        others = [m for m in self.content.get("maps", []) if m["path"] != entry["path"]]
        self.update(maps=[*others, dict(entry)])

    def put_assessment(self, stem: str) -> None:
        """Add an assessment by its path without ending."""
        others = [s for s in self.content.get("assessments", []) if s != stem]
        self.update(assessments=[*others, stem])

    def put_scene(self, name: str, entry: Mapping[str, Any]) -> None:
        """Add a scene."""
        self.update(scenes=self.content.get("scenes", {}) | {name: dict(entry)})


def timestamp() -> str:
    """Return the present time, to the second, with its offset."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def environment() -> dict[str, Any]:
    """Return what the run ran on: versions, processor, accelerator."""
    import torch

    versions: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "lulcseg": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "gpus": gpus,
        "packages": versions,
    }


def git_state(folder: Path = _ROOT) -> dict[str, Any] | None:
    """Return commit and cleanliness of the code's checkout, or None where there is none."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def trial_entry(settings: TrainConfig | PredictConfig) -> dict[str, Any] | None:
    """Return what a run's record says of its trial, or None for a single run."""
    trial = settings.trial
    return None if trial.name is None else {"name": trial.name, "value": trial.value, "level": plain_level(trial.level)}


def plain_level(level: float | None) -> float | int | None:
    """Return a whole number as such."""
    return int(level) if level is not None and float(level).is_integer() else level
