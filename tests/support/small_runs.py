"""Runs of a minute: settings for tiny networks and scenes, in this process or by the entry scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lulcseg.launch.compose import compose
from lulcseg.run.train import train
from tests.support.checkout import ROOT

SMALL = [
    "sampling.patch_size=32", "sampling.patches=48", "model.filters=8", "model.depth=2", "trainer.epochs=6",
    "trainer.batch_size=8", "trainer.accelerator=cpu", "reading.workers=0", "optim.learning_rate=0.01",
]  # fmt: skip
QUICK = [*SMALL, "trainer.epochs=1", "optim.schedule=constant", "logger=none"]


def run(run_dir: Path, *overrides: str) -> Path:
    """Train in this process."""
    train(compose("train", [*overrides, f"run_dir={run_dir}"]))
    return run_dir


def script(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"WANDB_MODE": "offline", "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, str(ROOT / name), *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
