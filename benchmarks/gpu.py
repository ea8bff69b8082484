"""What a device gives to training and mapping, beside what it could give: one command, a few minutes on a GPU.

python benchmarks/gpu.py [--patch 512 --batch 64 --filters 32 --depth 4] [--seconds 3] [--device cuda] [--out gpu]
python benchmarks/gpu.py --draw gpu/gpu.json    table and picture anew, elsewhere

It needs PyTorch, Lightning, torchmetrics, Kornia, NumPy and rich: no geodata library is imported. Sizes are the paper's
on a GPU, tiny on a CPU. In one process, on one batch, with one network it measures matrix products and copies (the
device's ceilings); the training step on a batch that lies there, (a), without each of its switches in turn, and with
augmentation and scaling, (b); Lightning's whole loop, (c), fed from memory, beside the same U-Net in a plain
LightningModule with default settings; which kernels the step's time goes to; and mapping a mosaic in memory beside its
bare forward passes. Each is timed in three rounds, that share --seconds, after a warm-up; the median counts.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import importlib.util
import itertools
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any, Self

import numpy as np
import pytorch_lightning as pl
import torch
from gpu_show import MEASURED, SWITCHES, derive, draw, profiled, show
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchmetrics.classification import MulticlassJaccardIndex

if importlib.util.find_spec("lulcseg") is None:  # a machine on which this checkout isn't installed
    sys.path.insert(0, str(Path(__file__).parents[1]))

from lulcseg.config import Mosaic, Optim, Scaling, TrainConfig
from lulcseg.grid import Grid, Window
from lulcseg.legend import IGNORE, PAPER_LEGEND
from lulcseg.models.build import build_network
from lulcseg.mosaic.blend import FinishedRows
from lulcseg.mosaic.passes import PLANS
from lulcseg.mosaic.stream import RowStream, Setup
from lulcseg.patches.timed import Stopwatch, TimedLoader
from lulcseg.processes import interruptible, quiet_lightning
from lulcseg.training.compiling import compile_network, try_step
from lulcseg.training.losses import cross_entropy
from lulcseg.training.memory import keep_freed_memory
from lulcseg.training.optim import build_optimizer
from lulcseg.training.precision import native_bf16, resolve_precision
from lulcseg.training.predictor import PatchPredictor
from lulcseg.training.progress import PatchProgress
from lulcseg.training.recompute import recompute
from lulcseg.training.record import ModelRecord
from lulcseg.training.task import SegmentationTask

BANDS, CLASSES, ROUNDS = 3, len(PAPER_LEGEND), 3
PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "kornia", "numpy")
GPU_SIZES = {"patch": 512, "batch": 64, "filters": 32, "depth": 4, "seconds": 3.0, "mosaic": 8192, "matrix": 8192}
CPU_SIZES = {"patch": 64, "batch": 4, "filters": 8, "depth": 2, "seconds": 0.3, "mosaic": 256, "matrix": 512}

Row = dict[str, Any]


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


class Course:
    """Takes one measurement after another, and tells which; one that fails has a reason instead of a rate.

    Args:
        bench: What they share.
        total: How many there will be.
    """

    def __init__(self, bench: Bench, total: int) -> None:
        self.bench = bench
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.console = Console()
        self.progress = Progress(
            *columns, TimeElapsedColumn(), console=self.console, transient=True, disable=not self.console.is_terminal
        )
        self.task = self.progress.add_task("", total=total)

    def __enter__(self) -> Self:
        """Show the bar."""
        self.progress.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Take it away."""
        self.progress.stop()

    def take(self, words: str, measure: Callable[[], Row], unit: str = "patches/s", *, has_bar: bool = False) -> Row:
        """Return what a measurement gives; one with a bar of its own is not disturbed by this."""
        self.progress.update(self.task, description=words)
        if has_bar:
            self.progress.stop()
            self.console.print(f"{words} …")
        self.bench.free()
        began = time.perf_counter()
        try:
            found = {"failed": None, **measure()}
        except Exception as error:  # whatever a device, a compiler or a driver comes up with
            is_full = isinstance(error, torch.OutOfMemoryError)
            lines = str(error).strip().splitlines() or [type(error).__name__]
            found = {"failed": "out of memory" if is_full else lines[0][:200]}
        self.bench.free()
        took = time.perf_counter() - began
        told = found["failed"] or (f"{found['rate']:,.4g} {unit}" if "rate" in found else "done")
        if has_bar:
            self.progress.start()
        self.console.print(f"{words}: {told} ({took:.0f} s)", highlight=False, markup=False)
        self.progress.advance(self.task)
        return found


class Pool(Dataset[dict[str, Tensor]]):
    """Patches in memory, walked again and again.

    Args:
        patches: (B, …) by key.
        is_plain: Whether images come as float32 in 0…1, labels as int64, and nothing besides.
        length: Patches of an epoch.
    """

    def __init__(self, patches: dict[str, Tensor], *, is_plain: bool, length: int) -> None:
        self.patches, self.is_plain, self.length = patches, is_plain, length

    def __len__(self) -> int:
        """Return the patches of an epoch."""
        return self.length

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        """Return a patch."""
        patch = {key: value[number % len(value)] for key, value in self.patches.items()}
        return {"image": patch["image"].float() / 255, "mask": patch["mask"].long()} if self.is_plain else patch


class Plain(pl.LightningModule):
    """The U-Net as one writes it down: float32, Adam, a score, a logged loss."""

    def __init__(self, network: nn.Module) -> None:
        """Keep the network."""
        super().__init__()
        self.network = network
        self.score = MulticlassJaccardIndex(CLASSES, ignore_index=IGNORE)

    def training_step(self, batch: dict[str, Tensor], batch_index: int) -> Tensor:  # noqa: ARG002
        """Return the loss."""
        logits = self.network(batch["image"])
        loss = functional.cross_entropy(logits, batch["mask"], ignore_index=IGNORE)
        self.score.update(logits.argmax(dim=1), batch["mask"])
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class LoopClock(pl.Callback):
    """Times Lightning's steps in rounds, waiting for the device only at their ends, and stops the training.

    Attributes:
        rates: Patches a second of each round.
        waited: Seconds of each in which data was waited for.
        seconds: Seconds of each.
    """

    def __init__(self, bench: Bench, waited: Stopwatch) -> None:
        self.bench, self.stopwatch = bench, waited
        self.rates: list[float] = []
        self.waited: list[float] = []
        self.seconds: list[float] = []
        self._steps = -bench.warm_up

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Count the step."""
        self._steps += 1
        now = time.perf_counter()
        if self._steps == 0:
            self._begin()
        elif self._steps > 0 and now - self._began >= self.bench.sizes["seconds"] / ROUNDS:
            self.bench.wait()
            took = time.perf_counter() - self._began
            self.rates.append(self._steps * self.bench.sizes["batch"] / took)
            self.waited.append(self.stopwatch.seconds - self._waited)
            self.seconds.append(took)
            trainer.should_stop = len(self.rates) == ROUNDS
            self._begin()

    def _begin(self) -> None:
        self.bench.wait()
        self._steps, self._waited, self._began = 0, self.stopwatch.seconds, time.perf_counter()


@dataclass(frozen=True)
class MemoryReader:
    """A mosaic in memory, all of it valid.

    Attributes:
        pixels: (C, H, W) uint8.
    """

    pixels: NDArray[np.uint8]
    itemsize: int = 1

    @property
    def grid(self) -> Grid:
        """The mosaic's pixels."""
        return Grid("EPSG:28355", 330_000, 8_050_000, 0.5, 0.5, *self.pixels.shape[1:])

    @property
    def bands(self) -> int:
        """Number of bands C."""
        return len(self.pixels)

    def read(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Read a window."""
        return self.pixels[:, *window.slices_in(self.grid.window)], np.ones((window.height, window.width), bool)

    def clone(self) -> Self:
        """Return itself: nothing in it changes."""
        return self


def main() -> None:
    """Measure everything in turn, and print, save and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, size in GPU_SIZES.items():
        about = {"mosaic": "side of the mosaic, pixels", "seconds": "length of a measurement"}.get(name)
        both = f"{size:g} on a GPU, {CPU_SIZES[name]:g} on a CPU"
        parser.add_argument(f"--{name}", type=type(size), help=f"{about}; {both}" if about else both)
    parser.add_argument("--device", choices=("cpu", "cuda"), help="a GPU where there is one")
    parser.add_argument("--workers", type=int, help="loader processes; as lulcseg's on a GPU, 0 on a CPU")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, help="compile networks; on a GPU alone")
    parser.add_argument("--compile-mapping", action="store_true", help="compile the network that maps, too")
    parser.add_argument("--out", type=Path, default=Path("gpu"), help="folder for gpu.json and gpu.png")
    parser.add_argument("--draw", type=Path, help="a gpu.json: print and draw it, and measure nothing")
    asked = parser.parse_args()
    if asked.draw:
        content = json.loads(asked.draw.read_text(encoding="utf-8"))
    else:
        began = time.perf_counter()
        bench = make_bench(asked)
        content = derive(measured(bench, is_mapping_compiled=asked.compile_mapping))
        content["minutes"] = (time.perf_counter() - began) / 60
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "gpu.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    show(content)
    draw(content, (asked.draw or asked.out / "gpu.json").with_suffix(".png"))


def make_bench(asked: argparse.Namespace) -> Bench:
    """Settle device and sizes, and make the patches."""
    device = torch.device(asked.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    on_gpu = device.type == "cuda"
    quiet_lightning()
    if not on_gpu:
        keep_freed_memory()
    sizes: dict[str, Any] = {
        name: size if getattr(asked, name) is None else getattr(asked, name)
        for name, size in (GPU_SIZES if on_gpu else CPU_SIZES).items()
    }
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    usual = min(8, cores - 1) if on_gpu and cores > 2 else 0  # lulcseg/patches/datamodule.py's, which reads geodata
    fast = Switches(
        bf16=native_bf16("gpu" if on_gpu else "cpu"),
        compiled=on_gpu if asked.compile is None else asked.compile,
        tf32=on_gpu,
        benchmark=on_gpu,
    )
    pool = make_patches(sizes["batch"], sizes["patch"])
    batch = {key: value.to(device) for key, value in pool.items()}
    return Bench(sizes, device, usual if asked.workers is None else asked.workers, pool, batch, fast)


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


def measured(bench: Bench, *, is_mapping_compiled: bool) -> Row:
    """Take all measurements."""
    sizes, fast = bench.sizes, bench.fast
    content: Row = {
        "command": ["benchmarks/gpu.py", *sys.argv[1:]],
        "machine": machine(bench),
        "settings": {**sizes, "bands": BANDS, "classes": CLASSES, "workers": bench.workers, "rounds": ROUNDS},
        "notes": [],
    }
    with torch.device("meta"):
        network = make_network(sizes)
    content["flops_per_patch"] = flops_of(network, BANDS, sizes["patch"])
    with Course(bench, 17 + len(SWITCHES)) as course:
        set_backends(fast)
        content["ceilings"] = measure_ceilings(course)
        rates: dict[str, Row] = {}
        rates["step"] = course.take(MEASURED["step"], lambda: measure_step(bench, fast))
        if fast.compiled and rates["step"]["failed"]:
            content["notes"].append(f"the network runs as it is, not compiled: {rates['step']['failed']}")
            bench = course.bench = replace(bench, fast=replace(fast, compiled=False))
            fast = bench.fast
            rates["step"] = course.take(MEASURED["step"], lambda: measure_step(bench, fast))
        content["settings"]["fast"] = asdict(fast)
        for name, paper in (("prepared", False), ("prepared_paper", True)):
            rates[name] = course.take(MEASURED[name], lambda p=paper: measure_step(bench, fast, paper=p, prepares=True))
        content["profile"] = course.take("profile of the step", lambda: measure_profile(bench))
        content["switches"] = measure_switches(course)
        rates["step_again"] = course.take(MEASURED["step_again"], lambda: measure_step(bench, fast))
        for name, paper in (("loop", False), ("loop_paper", True)):
            rates[name] = course.take(MEASURED[name], lambda p=paper: measure_loop(bench, paper=p), has_bar=True)
        rates["plain"] = course.take(MEASURED["plain"], lambda: measure_plain(bench), has_bar=True)
        set_backends(fast)
        content["rates"] = {name: rates[name] for name in MEASURED}
        content["mapping"] = {
            plan: course.take(
                f"map, {plan}", lambda p=plan: measure_mapping(bench, p, is_compiled=is_mapping_compiled), "Mpx/s"
            )
            for plan in ("single", "multiple")
        }
    return content
