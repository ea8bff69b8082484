"""What a device gives to training and mapping, beside what it could give: one command, a few minutes on a GPU.

python benchmarks/gpu.py [--patch 512 --batch 64 --filters 32 --depth 4] [--seconds 3] [--device cuda] [--out gpu]
python benchmarks/gpu.py --draw gpu/gpu.json    table and picture anew, elsewhere

It needs PyTorch, Lightning, torchmetrics, Kornia, NumPy and rich: no geodata library is imported. Sizes are the paper's
on a GPU, tiny on a CPU. In one process, on one batch, with one network it measures matrix products and copies (the
device's ceilings); the training step on a batch that lies there, (a), without each of its switches in turn, and with
augmentation and scaling, (b); Lightning's whole loop, (c), fed from memory, beside the same U-Net in a plain
LightningModule with default settings; which kernels the step's time goes to; and mapping a mosaic in memory beside its
bare forward passes. Each is timed in three rounds, that share --seconds, after a warm-up; the median counts. Arms come
one after the other: (a) is measured once more near the end, to show how far the device itself drifts.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Self

import numpy as np
import pytorch_lightning as pl
import torch
from gpu_show import MEASURED, SWITCHES, Course, Row, derive, draw, grouped, show, summed_up
from numpy.typing import NDArray
from pytorch_lightning.callbacks import LearningRateMonitor
from pytorch_lightning.loggers import CSVLogger
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
    if asked.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no GPU here")
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
    with Course(bench.free, 13 + len(SWITCHES)) as course:
        set_backends(fast)
        content["ceilings"] = measure_ceilings(course, bench)
        rates: dict[str, Row] = {}
        rates["step"] = course.take(MEASURED["step"], lambda: measure_step(bench, fast))
        if fast.compiled and rates["step"]["failed"]:
            content["notes"].append(f"the network runs as it is, not compiled: {rates['step']['failed']}")
            fast = replace(fast, compiled=False)
            bench = replace(bench, fast=fast)
            rates["step"] = course.take(MEASURED["step"], lambda: measure_step(bench, fast))
        content["settings"]["fast"] = asdict(fast)
        for name, paper in (("prepared", False), ("prepared_paper", True)):
            rates[name] = course.take(MEASURED[name], lambda p=paper: measure_step(bench, fast, paper=p, prepares=True))
        content["profile"] = course.take("profile of the step", lambda: measure_profile(bench))
        content["switches"] = measure_switches(course, bench)
        rates["step_again"] = course.take(MEASURED["step_again"], lambda: measure_step(bench, fast))
        for name, paper in (("loop", False), ("loop_paper", True)):
            rates[name] = course.take(MEASURED[name], lambda p=paper: measure_loop(bench, paper=p), has_bar=True)
            if fast.compiled and rates[name].get("is_compiled") is False:
                content["notes"].append(f"{MEASURED[name]}: the network ran as it is, not compiled")
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


def machine(bench: Bench) -> Row:
    """Return what it is measured on and with."""
    on_gpu = bench.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else f"CPU ({platform.machine()})",
        "memory_bytes": torch.cuda.get_device_properties(0).total_memory if on_gpu else None,
        "type": bench.device.type,
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def set_backends(switches: Switches | None) -> None:
    """Let float32 be TF32, and cuDNN try its algorithms, or not; None: as torch has it by default."""
    torch.set_float32_matmul_precision("highest" if switches is None or not switches.tf32 else "high")
    torch.backends.cudnn.allow_tf32 = switches is None or switches.tf32
    torch.backends.cudnn.benchmark = switches is not None and switches.benchmark


def make_network(sizes: Row) -> nn.Module:
    """Make the U-Net."""
    network = build_network(asdict(TrainConfig().model) | {k: sizes[k] for k in ("filters", "depth")}, BANDS, CLASSES)
    return network.train()


def make_task(bench: Bench, switches: Switches, *, paper: bool = False) -> SegmentationTask:
    """Make lulcseg's task: with the paper's augmentation and scaling over the batch, or values brought to 0…1 alone."""
    torch.manual_seed(0)
    config = TrainConfig(scaling=Scaling(method="min_max") if paper else Scaling())
    config.augment.name = "paper" if paper else "none"
    config.model.filters, config.model.depth = bench.sizes["filters"], bench.sizes["depth"]
    config.trainer.batch_size, config.trainer.compile = bench.sizes["batch"], switches.compiled
    record = ModelRecord(
        legend=PAPER_LEGEND.to_plain(), bands=BANDS, dtype="uint8", resolution=[0.5, 0.5],
        patch_size=bench.sizes["patch"], model=asdict(config.model), scaling=asdict(config.scaling),
    )  # fmt: skip
    task = SegmentationTask(record, asdict(config), channels_last=switches.channels_last)
    if switches.recomputed:
        recompute(task.network)
    return task.to(bench.device).train()


def flops_of(network: nn.Module, bands: int, side: int) -> int:
    """Return the floating point operations of a patch, forward and backward, a multiplication and an addition as two.

    Args:
        network: In training mode, on the meta device: nothing is computed.
        bands: Bands of a patch.
        side: Side of a patch, in pixels.
    """
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(2, bands, side, side, device="meta")).sum().backward()
    return counter.get_total_flops() // 2


def measure_ceilings(course: Course, bench: Bench) -> dict[str, Row]:
    """Time matrix products (FLOP/s) and copies (byte/s: read and written within the device, and moved to it)."""
    device, side = bench.device, bench.sizes["matrix"]
    on_gpu = device.type == "cuda"

    def product(kind: torch.dtype) -> Row:
        one, other = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
        out = torch.empty(side, side, device=device, dtype=kind)
        return bench.rounds(lambda: torch.matmul(one, other, out=out), 2.0 * side**3)

    def copy(*, from_host: bool) -> Row:
        count = 2**28 if on_gpu else 2**24
        there = torch.empty(count, dtype=torch.uint8, device=device)
        here = torch.ones(count, dtype=torch.uint8, device="cpu" if from_host else device)
        here = here.pin_memory() if from_host else here
        return bench.rounds(lambda: there.copy_(here, non_blocking=True), count if from_host else 2.0 * count)

    found = {
        "bf16": course.take("matrix product, bf16", lambda: product(torch.bfloat16), "FLOP/s"),
        "fp32": course.take("matrix product, fp32", lambda: product(torch.float32), "FLOP/s"),
        "copy": course.take("copy within the device", lambda: copy(from_host=False), "byte/s"),
    }
    if on_gpu:
        found["from_host"] = course.take("copy to the device", lambda: copy(from_host=True), "byte/s")
    return found


def training_step(
    bench: Bench, switches: Switches, *, paper: bool = False, prepares: bool = False
) -> Callable[[], None]:
    """Return a training step on the batch that lies on the device.

    Args:
        bench: Sizes, device and batch.
        switches: How it is done.
        paper: Whether patches are augmented and scaled as in the paper.
        prepares: Whether each step does so anew; else all take the same.

    Raises:
        RuntimeError: The network can't be compiled.
    """
    set_backends(switches)
    task = make_task(bench, switches, paper=paper)
    numbers = itertools.count()

    def prepared() -> tuple[Tensor, Tensor]:
        image, mask = task.prepared(bench.batch, next(numbers))
        return image.contiguous(memory_format=task.layout), mask

    image, mask = prepared()
    half = torch.autocast(bench.device.type, torch.bfloat16, enabled=switches.bf16)
    if switches.compiled:
        with half:
            why = compile_network(task.network, lambda: try_step(task.network, image))
        if why is not None:
            raise RuntimeError(why)
    optim = asdict(Optim())
    optimizer = build_optimizer(task.network, optim, 10_000, fused=switches.fused)["optimizer"]

    def step() -> None:
        seen, labels = prepared() if prepares else (image, mask)
        with half:
            loss = cross_entropy(task.network(seen), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def measure_step(bench: Bench, switches: Switches, *, paper: bool = False, prepares: bool = False) -> Row:
    """Time the training step."""
    return bench.rounds(training_step(bench, switches, paper=paper, prepares=prepares), bench.sizes["batch"])


def measure_switches(course: Course, bench: Bench) -> dict[str, Row]:
    """Time the fast path without each of its switches, and with activation checkpointing, which isn't compiled."""
    found: dict[str, Row] = {}
    for name, words in SWITCHES.items():
        if name == "recomputed":
            changed = replace(bench.fast, recomputed=True, compiled=False)
        elif getattr(bench.fast, name):
            changed = replace(bench.fast, **{name: False})
        else:
            found[name] = course.skip(words, "not on here")
            continue
        found[name] = course.take(words, lambda changed=changed: measure_step(bench, changed))
    return found


def measure_profile(bench: Bench, steps: int = 3) -> Row:
    """Return where a step's time goes: seconds a step by kernel on a GPU, by operation on a CPU, in groups."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    on_gpu = bench.device.type == "cuda"
    step = training_step(bench, bench.fast)
    for _ in range(bench.warm_up):
        step()
    bench.wait()
    with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            step()
        bench.wait()
    spent: dict[str, float] = {}
    for event in profiler.key_averages():
        is_kernel = event.device_type == DeviceType.CUDA and not event.is_user_annotation
        if is_kernel or not on_gpu:
            took = event.self_device_time_total if on_gpu else event.self_cpu_time_total
            spent[event.key] = spent.get(event.key, 0.0) + took / 1e6 / steps
    return grouped(spent)


def measure_loop(bench: Bench, *, paper: bool) -> Row:
    """Time lulcseg's task in Lightning's loop, set as lulcseg/fitting.py sets it, fed from memory."""
    task, waited = make_task(bench, bench.fast, paper=paper), Stopwatch()
    set_backends(bench.fast)
    workers = bench.workers
    loader = TimedLoader(
        waited, Pool(bench.pool, is_plain=False, length=bench.sizes["batch"] * 100_000),
        batch_size=bench.sizes["batch"], num_workers=workers, collate_fn=stack, device=bench.device,
        pin_memory=bench.device.type == "cuda", persistent_workers=workers > 0,
        prefetch_factor=TrainConfig().reading.prefetch if workers else None,
    )  # fmt: skip
    clock = LoopClock(bench, waited)
    with tempfile.TemporaryDirectory(prefix="gpu") as folder:
        trainer = pl.Trainer(
            max_epochs=1, accelerator=bench.accelerator, devices=1,
            precision=resolve_precision("auto", bench.accelerator), gradient_clip_val=1.0,
            benchmark=True, use_distributed_sampler=False, logger=CSVLogger(folder, name="", version=""),
            callbacks=[LearningRateMonitor("step"), PatchProgress(), clock], log_every_n_steps=20,
            num_sanity_val_steps=0, enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        with interruptible():
            trainer.fit(task, loader)
    shares = [a / b for a, b in zip(clock.waited, clock.seconds, strict=True)]
    return {
        **summed_up(clock.rates), "peak_bytes": bench.peak(), "waited_seconds": sum(clock.waited),
        "waited_share": median(shares), "is_compiled": task.network._compiled_call_impl is not None,
    }  # fmt: skip


def measure_plain(bench: Bench) -> Row:
    """Time the plain LightningModule under default settings, torch's own among them."""
    set_backends(None)
    torch.manual_seed(0)
    clock = LoopClock(bench, Stopwatch())
    patches = Pool(bench.pool, is_plain=True, length=bench.sizes["batch"] * 100_000)
    loader = DataLoader(patches, batch_size=bench.sizes["batch"], num_workers=bench.workers)
    with tempfile.TemporaryDirectory(prefix="gpu") as folder:
        trainer = pl.Trainer(
            max_epochs=1, accelerator=bench.accelerator, devices=1, default_root_dir=folder, callbacks=[clock],
            enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        with interruptible():
            trainer.fit(Plain(make_network(bench.sizes)), loader)
    return {**summed_up(clock.rates), "peak_bytes": bench.peak()}


def stack(samples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Stack samples into a batch, as lulcseg/patches/dataset.py does, which reads geodata."""
    return {key: torch.stack([sample[key] for sample in samples]) for key in samples[0]}


def measure_mapping(bench: Bench, plan: str, *, is_compiled: bool) -> Row:
    """Time mapping a mosaic in memory, from pixels to class codes in main memory, and its forward passes alone."""
    set_backends(bench.fast)
    side, patch, device = bench.sizes["mosaic"], bench.sizes["patch"], bench.device
    on_gpu = device.type == "cuda"
    pixels = np.random.default_rng(0).integers(0, 256, (BANDS, side, side), dtype=np.uint8)
    reader = MemoryReader(pixels)
    predictor = PatchPredictor(make_task(bench, bench.fast), accelerator=bench.accelerator, device=device)
    readers = min(8, torch.get_num_threads()) if on_gpu else 1  # lulcseg/request.py's
    setup = Setup(PLANS[plan], CLASSES, patch, Mosaic().batch_size, device, workers=readers)
    setup = setup.fitted(reader.grid.window)
    raw = torch.zeros(setup.batch, BANDS, patch, patch, dtype=torch.uint8, device=device)
    why = predictor.compile(raw, torch.ones_like(raw[:, 0], dtype=torch.bool)) if is_compiled else "not asked for"
    image = torch.rand(raw.shape, device=device).contiguous(memory_format=torch.channels_last)
    kind = predictor.dtype or torch.float32
    codes, codes_of = np.empty((side, side), dtype=np.uint8), class_codes(device)

    def forward() -> None:
        with torch.inference_mode(), torch.autocast(device.type, kind, enabled=kind != torch.float32):
            predictor.task.network(image)

    def keep(row: int, made: Tensor) -> None:
        codes[row : row + len(made)] = made.cpu().numpy()

    def stream() -> int:
        rows = RowStream(predictor, reader, setup)
        with ThreadPoolExecutor(max_workers=1) as pool:  # a GPU is waited for there, as where lulcseg writes
            kept = [pool.submit(keep, finished.row, codes_of(finished)) for finished in rows]
        for each in kept:
            each.result()
        return rows.samples

    batches = -(-stream() // setup.batch)  # warms up, too
    bare = bench.rounds(forward, side**2 / batches / 1e6)
    return {
        **bench.rounds(stream, side**2 / 1e6, 0), "forward": bare, "side": side, "batch": setup.batch,
        "batches": batches, "not_compiled": why, "format": str(kind).removeprefix("torch."),
    }  # fmt: skip


def class_codes(device: torch.device) -> Callable[[FinishedRows], Tensor]:
    """Return what turns rows into (h, W) uint8 class codes as lulcseg/mosaic/products.py does, which imports rasterio."""
    ranks = torch.arange(CLASSES, 0, -1, dtype=torch.uint8, device=device)[:, None, None]
    table = torch.tensor([IGNORE, *reversed(PAPER_LEGEND.codes)], dtype=torch.uint8, device=device)

    def codes_of(rows: FinishedRows) -> Tensor:
        highest = rows.probabilities == rows.probabilities.amax(dim=0)
        return table[(highest * ranks).amax(dim=0).int()].masked_fill(~rows.valid, IGNORE)

    return codes_of


if __name__ == "__main__":
    main()
