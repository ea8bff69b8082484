"""What benchmarks/gpu.py measures on a batch that lies on the device: its ceilings, the step and its switches."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import torch
from gpu_bench import Bench, Switches, make_task, set_backends
from gpu_course import SWITCHES, Course, Row
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lulcseg.settings.optim import OptimSettings
from lulcseg.training.compiling import compile_network, try_step
from lulcseg.training.losses.cross_entropy import cross_entropy
from lulcseg.training.optimizers import build_optimizer


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
    optimizer = build_optimizer(task.network, OptimSettings(), 10_000, fused=switches.fused)["optimizer"]

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
