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
import importlib.metadata
import json
import os
import platform
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from gpu_bench import (
    BANDS,
    CLASSES,
    CPU_SIZES,
    GPU_SIZES,
    ROUNDS,
    Bench,
    Switches,
    make_network,
    make_patches,
    set_backends,
)
from gpu_course import MEASURED, SWITCHES, Course, Row
from gpu_draw import draw
from gpu_loop import measure_loop, measure_plain
from gpu_mapping import measure_mapping
from gpu_profile import measure_profile
from gpu_show import derive, show
from gpu_step import flops_of, measure_ceilings, measure_step, measure_switches

from lulcseg.processes import quiet_lightning
from lulcseg.training.cpu_allocator import keep_freed_memory
from lulcseg.training.precision import fast_bf16

PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "kornia", "numpy")


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
        bf16=fast_bf16("gpu" if on_gpu else "cpu"),
        compiled=on_gpu if asked.compile is None else asked.compile,
        fused=on_gpu,
        tf32=on_gpu,
        benchmark=on_gpu,
    )
    pool = make_patches(sizes["batch"], sizes["patch"])
    batch = {key: value.to(device) for key, value in pool.items()}
    return Bench(sizes, device, usual if asked.workers is None else asked.workers, pool, batch, fast)


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


if __name__ == "__main__":
    main()
