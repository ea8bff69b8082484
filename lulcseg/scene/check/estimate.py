"""A rough estimate of memory and time to train on and map a scene."""

from __future__ import annotations

import math
import time

import numpy as np

from lulcseg.scene.check.findings import Findings
from lulcseg.scene.scene import Scene

_FORWARD_FLOP = 96.7e9 / 512**2
"""FLOP of the paper's U-Net for a pixel; training costs three times that."""
_PATCHES, _EPOCHS = 9_635, 20
"""Patches and epochs of the paper's best model, patch512_stratified."""
_EFFICIENCY = 0.4
_GPU_FLOPS = 150e12


def estimate(scene: Scene, patch: int = 512) -> Findings:
    """Estimate patches, memory and time for the paper's U-Net.

    Args:
        scene: The scene.
        patch: Side of a patch, pixels.
    """
    grid, classes = scene.grid, len(scene.legend)
    pixels = grid.height * grid.width
    patches = math.ceil(grid.height / patch) * math.ceil(grid.width / patch)
    rows = 2 * patch * (grid.width + patch) * (classes + 1) * 4
    out = Findings("Estimate for the paper's U-Net (rough)")
    cpu = _matmul_flops() * _EFFICIENCY
    mapping = {
        name: pixels * _FORWARD_FLOP / speed for name, speed in (("this CPU", cpu), ("a data-centre GPU", _GPU_FLOPS))
    }
    training = _PATCHES * _EPOCHS * 3 * 512**2 * _FORWARD_FLOP
    out.facts = {
        f"patches of {patch}² to map": f"{patches:,} single pass, {8 * patches:,} forward passes multiple pass",
        "memory to map": f"{rows / 2**30:.2f} GiB of rows, whatever the height",
        "map file": f"up to {pixels / 2**30:.2f} GiB before compression",
        "single-pass map": ", ".join(f"{_duration(s)} on {name}" for name, s in mapping.items()),
        "training as in the paper": f"{_duration(training / cpu)} on this CPU, {_duration(training / _GPU_FLOPS)} "
        f"on a data-centre GPU ({_PATCHES:,} patches × {_EPOCHS} epochs, whatever the scene)",
    }
    if min(grid.height, grid.width) < patch:
        side = 2 ** int(math.log2(min(grid.height, grid.width)))
        out.remarks.append(
            f"The scene is smaller than a patch of {patch} px; train with sampling.patch_size={side} or less."
        )
    return out


def _matmul_flops() -> float:
    """Measure this machine's matrix product, in FLOP/s."""
    a = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    a @ a
    started = time.perf_counter()
    for _ in range(3):
        a @ a
    return 3 * 2 * 1024**3 / (time.perf_counter() - started)


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "under 1 s"
    for limit, unit, divisor in ((90, "s", 1), (5400, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
