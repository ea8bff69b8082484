"""Patches a second of the U-Net on this machine: number format × memory layout, forward and training step.

python benchmarks/step.py [--patch 128] [--batch 16] [--filters 16] [--memory | --compile]

--memory compares instead, in bf16 and channels-last, freed memory that is kept (lulcseg/training/cpu_allocator.py) with
what the C library does by default: fresh processes in turn, of each the fastest of three, and their peak memory.
--compile compares instead, on a CPU and with one thread, a network compiled by torch.compile with one that isn't, step
by step in turn, of each the least time of six; --batch has no effect.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

from lulcseg.models.unet import UNet
from lulcseg.settings.model import ModelSettings
from lulcseg.training.cpu_allocator import keep_freed_memory
from lulcseg.training.losses.cross_entropy import cross_entropy
from lulcseg.training.measured_speed import BFLOAT16, FLOAT32, Work

_SECONDS = 4.0


def main() -> None:
    """Time every combination in turn, and print a table with ratios to fp32, contiguous."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patch", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--one", choices=("keep", "leave"), help=argparse.SUPPRESS)
    sizes = parser.parse_args()
    if sizes.one:
        _one(sizes)
        return
    if sizes.memory:
        _compare_memory(sizes)
        return
    keep_freed_memory()
    if sizes.compile:
        _compare_compiled(sizes)
        return
    device = "cuda" if torch.cuda.is_available() else "cpu"
    table = Table(title=f"U-Net, {sizes.filters} filters, {sizes.batch} patches of {sizes.patch}², {device}")
    for column in ("format", "layout", "forward patches/s", "ratio", "trained patches/s", "ratio"):
        table.add_column(column, justify="right")
    base: tuple[float, float] | None = None
    for bf16 in (False, True):
        for channels_last in (False, True):
            rates = _rates(sizes, device, bf16=bf16, channels_last=channels_last)
            base = base or rates
            cells = [
                f"{v:.1f}" if i == 0 else f"{v:.2f}"
                for pair in zip(rates, base, strict=True)
                for i, v in ((0, pair[0]), (1, pair[0] / pair[1]))
            ]
            table.add_row("bf16" if bf16 else "fp32", "channels-last" if channels_last else "contiguous", *cells)
    Console().print(table)


def _compare_memory(sizes: argparse.Namespace) -> None:
    """Print rates and peak memory with freed memory kept, and left to the C library."""
    found: dict[str, list[tuple[float, float, float]]] = {"keep": [], "leave": []}
    for _ in range(3):
        for how, rounds in found.items():
            options = [f"--{name}={getattr(sizes, name)}" for name in ("patch", "batch", "filters")]
            command = [sys.executable, __file__, *options, f"--one={how}"]
            rounds.append(tuple(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)))
    table = Table(title=f"U-Net, {sizes.filters} filters, {sizes.batch} patches of {sizes.patch}², bf16, channels-last")
    for column in ("freed memory", "forward patches/s", "trained patches/s", "peak memory"):
        table.add_column(column, justify="right")
    for how, rounds in found.items():
        best = [max(values) for values in zip(*rounds, strict=True)]
        table.add_row(how, f"{best[0]:.1f}", f"{best[1]:.1f}", f"{best[2] / 1e9:.2f} GB")
    Console().print(table)


def _compare_compiled(sizes: argparse.Namespace) -> None:
    """Print the times of steps of a compiled network and of one that isn't, and how long compiling takes."""
    torch.set_num_threads(1)
    table = Table(title=f"U-Net, {sizes.filters} filters, patches of {sizes.patch}², one thread")
    for column in ("computes", "format", "ms a step", "compiled", "ratio", "first compiled step, s"):
        table.add_column(column, justify="right")
    for training in (True, False):
        work = Work(ModelSettings(filters=sizes.filters), 3, sizes.patch, training=training)
        for precision in (BFLOAT16, FLOAT32):
            plain = work.step(channels_last=True)
            compiled = work.step(channels_last=True, compiled=True)
            plain(precision)
            first = _seconds(compiled, precision)
            pairs = [(_seconds(plain, precision), _seconds(compiled, precision)) for _ in range(6)]
            without, with_it = (1e3 * min(each) for each in zip(*pairs, strict=True))
            row = (work.use, precision, f"{without:.0f}", f"{with_it:.0f}", f"{with_it / without:.2f}", f"{first:.0f}")
            table.add_row(*row)
    Console().print(table)


def _seconds(step: Callable[[str], None], precision: str) -> float:
    started = time.perf_counter()
    step(precision)
    return time.perf_counter() - started


def _one(sizes: argparse.Namespace) -> None:
    """Print rates and peak memory of this process as JSON."""
    if sizes.one == "keep":
        keep_freed_memory()
    rates = _rates(sizes, "cpu", bf16=True, channels_last=True)
    sys.stdout.write(json.dumps([*rates, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))


def _rates(sizes: argparse.Namespace, device: str, *, bf16: bool, channels_last: bool) -> tuple[float, float]:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = UNet(3, 9, filters=sizes.filters).to(device, memory_format=layout)
    image = torch.rand(sizes.batch, 3, sizes.patch, sizes.patch, device=device).to(memory_format=layout)
    mask = torch.randint(0, 9, (sizes.batch, sizes.patch, sizes.patch), device=device)
    optimizer = torch.optim.AdamW(network.parameters())

    def forward() -> None:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=bf16):
            network(image)

    def train() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            loss = cross_entropy(network(image), mask)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    network.eval()
    forward_rate = _rate(forward, sizes.batch, device)
    network.train()
    return forward_rate, _rate(train, sizes.batch, device)


def _rate(step: Callable[[], None], batch: int, device: str) -> float:
    """Return patches a second over a few seconds, after two steps of warming up."""

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    step()
    step()
    wait()
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < _SECONDS:
        step()
        steps += 1
    wait()
    return batch * steps / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
