"""What a run ran on, for its record: versions, processor, accelerators, state of the code."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lulcseg import __version__
from lulcseg.run_folder.record_parts import EnvironmentEntry, GitEntry

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = (
    "torch", "pytorch-lightning", "segmentation-models-pytorch", "torchgeo", "rasterio", "geopandas", "kornia",
    "hydra-core", "torchmetrics", "wandb", "numpy",
)  # fmt: skip


def environment() -> EnvironmentEntry:
    """Return what this process runs on: versions, processor, accelerators."""
    import torch

    return EnvironmentEntry(
        lulcseg=__version__,
        python=sys.version.split()[0],
        platform=platform.platform(),
        cpus=os.cpu_count(),
        gpus=[torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        packages={package: _version(package) for package in _PACKAGES},
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_state(folder: Path = _ROOT) -> GitEntry | None:
    """Return commit and cleanliness of the code's checkout; None if it isn't one."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return GitEntry(commit=git("rev-parse", "HEAD"), dirty=bool(git("status", "--porcelain")))
    except (OSError, subprocess.CalledProcessError):
        return None
