"""What the measurements of benchmarks/gpu.py share: sizes, patches, switches, network and task, and how to time.

The other files import this one before lulcseg: where this checkout isn't installed, it makes lulcseg importable.
"""

from __future__ import annotations

import gc
import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gpu_course import Row, summed_up
from torch import Tensor, nn
from torch.nn import functional

if importlib.util.find_spec("lulcseg") is None:  # a machine on which this checkout isn't installed
    sys.path.insert(0, str(Path(__file__).parents[1]))

from lulcseg.legend import IGNORE, PAPER_LEGEND
from lulcseg.models.networks import build_network
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.recompute import recompute
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings

BANDS, CLASSES, ROUNDS = 3, len(PAPER_LEGEND), 3
GPU_SIZES = {"patch": 512, "batch": 64, "filters": 32, "depth": 4, "seconds": 3.0, "mosaic": 8192, "matrix": 8192}
CPU_SIZES = {"patch": 64, "batch": 4, "filters": 8, "depth": 2, "seconds": 0.3, "mosaic": 256, "matrix": 512}


@dataclass(frozen=True)
class Switches:
    """What makes the fast path fast, and activation checkpointing.

    Attributes:
        bf16: bfloat16 under autocast.
        channels_last: The network's memory layout.
        compiled: ``torch.compile``.
        fused: AdamW in one kernel.
        tf32: TF32 in what float32 is left.
        benchmark: cuDNN tries its algorithms first.
        recomputed: Activations are computed again in the backward pass.
    """

    bf16: bool = True
    channels_last: bool = True
    compiled: bool = True
    fused: bool = True
    tf32: bool = True
    benchmark: bool = True
    recomputed: bool = False


@dataclass(frozen=True)
class Bench:
    """What all measurements share.

    Attributes:
        sizes: As :data:`GPU_SIZES` has them.
        device: Where to compute.
        workers: Loader processes.
        pool: Patches in main memory, by the batch's keys; as many as a batch has.
        batch: The same on the device.
        fast: The fast path.
    """

    sizes: dict[str, Any]
    device: torch.device
    workers: int
    pool: dict[str, Tensor]
    batch: dict[str, Tensor]
    fast: Switches

    @property
    def accelerator(self) -> str:
        """Lightning's word for the device."""
        return "gpu" if self.device.type == "cuda" else "cpu"

    @property
    def warm_up(self) -> int:
        """Steps that don't count."""
        return 10 if self.device.type == "cuda" else 2

    def wait(self) -> None:
        """Let a GPU finish."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def free(self) -> None:
        """Give back what the last measurement held, compiled code too."""
        torch.compiler.reset()  # else the ninth network isn't compiled any more: torch gives up without a word
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        """Return the most bytes held on a GPU since :meth:`free`."""
        return torch.cuda.max_memory_allocated() if self.device.type == "cuda" else None

    def rounds(self, step: Callable[[], object], amount: float, warm_up: int | None = None) -> Row:
        """Time whole steps, each of which does some amount; what counts are amounts a second."""
        for _ in range(self.warm_up if warm_up is None else warm_up):
            step()
        found = []
        for _ in range(ROUNDS):
            self.wait()
            began, steps = time.perf_counter(), 0
            while not steps or time.perf_counter() - began < self.sizes["seconds"] / ROUNDS:
                step()
                steps += 1
            self.wait()
            found.append(amount * steps / (time.perf_counter() - began))
        return {**summed_up(found), "peak_bytes": self.peak()}


def make_patches(count: int, side: int) -> dict[str, Tensor]:
    """Make patches of soft patterns under noise, with labels of which some are unknown and some ground invalid."""
    generator = torch.Generator().manual_seed(0)
    soft = functional.interpolate(torch.randn(count, BANDS, 16, 16, generator=generator) * 40 + 110, side, mode="area")
    image = (soft + torch.randn(soft.shape, generator=generator) * 6).clamp_(0, 255).to(torch.uint8)
    coarse = torch.randint(0, CLASSES + 1, (count, 1, 16, 16), generator=generator).float()
    mask = functional.interpolate(coarse, side)[:, 0].to(torch.uint8)
    valid = torch.ones(count, side, side, dtype=torch.bool)
    valid[::4, :, -(side // 16) :] = False
    mask[(mask == CLASSES) | ~valid] = IGNORE
    return {"image": image, "mask": mask, "valid": valid, "scene": torch.zeros(count, dtype=torch.int64)}


def set_backends(switches: Switches | None) -> None:
    """Let float32 be TF32, and cuDNN try its algorithms, or not; None: as torch has it by default."""
    torch.set_float32_matmul_precision("highest" if switches is None or not switches.tf32 else "high")
    torch.backends.cudnn.allow_tf32 = switches is None or switches.tf32
    torch.backends.cudnn.benchmark = switches is not None and switches.benchmark


def make_network(sizes: Row) -> nn.Module:
    """Make the U-Net."""
    settings = ModelSettings(filters=sizes["filters"], depth=sizes["depth"])
    return build_network(settings, BANDS, CLASSES).train()


def make_task(bench: Bench, switches: Switches, *, paper: bool = False) -> SegmentationTask:
    """Make lulcseg's task: with the paper's augmentation and scaling over the batch, or values brought to 0…1 alone."""
    torch.manual_seed(0)
    trainer = TrainerSettings(
        batch_size=bench.sizes["batch"], compile=switches.compiled, channels_last=switches.channels_last
    )
    settings = TrainingSettings(augment=AugmentSettings(name="paper" if paper else "none"), trainer=trainer)
    record = ModelRecord(
        legend=PAPER_LEGEND.to_plain(), bands=BANDS, dtype="uint8", resolution=[0.5, 0.5],
        patch_size=bench.sizes["patch"],
        model=ModelSettings(filters=bench.sizes["filters"], depth=bench.sizes["depth"]),
        scaling=ScalingSettings(method="min_max" if paper else "none"),
    )  # fmt: skip
    task = SegmentationTask(record, settings)
    if switches.recomputed:
        recompute(task.network)
    return task.to(bench.device).train()
