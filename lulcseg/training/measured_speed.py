"""What this processor computes a network fastest in: number format, memory layout, threads."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from lulcseg.models.networks import build_network
from lulcseg.processes import usable_cores
from lulcseg.progress import Progress
from lulcseg.settings.model import ModelSettings
from lulcseg.training.losses.cross_entropy import cross_entropy
from lulcseg.training.processor import cpu_capabilities

FLOAT32, BFLOAT16 = "32-true", "bf16-mixed"
MARGIN = 0.05
"""Share of the time that anything other than float32, channels-last must save to be chosen: less is noise."""

_PIXELS, _LARGEST = 8 * 128**2, 256
"""Pixels of a step, about, and the largest side of a patch, beyond which the time of a pixel hardly changes."""
_ROUNDS, _MOST_ROUNDS, _SECONDS = 3, 9, 8.0
_OF_WEIGHTS = ("encoder_weights", "encoder_mean", "encoder_deviation", "freeze")


@dataclass(frozen=True)
class Computing:
    """How a network is computed.

    Attributes:
        precision: Lightning's: ``32-true`` or ``bf16-mixed``.
        channels_last: Whether its memory layout is channels-last.
        threads: PyTorch's number of threads.
    """

    precision: str
    channels_last: bool
    threads: int

    def describe(self) -> str:
        """Return it in words.

        >>> Computing("bf16-mixed", True, 2).describe()
        'bf16-mixed, channels-last, 2 threads'
        """
        return f"{self.describe_format()}, {self.threads} thread{'' if self.threads == 1 else 's'}"

    def describe_format(self) -> str:
        """Return number format and layout in words."""
        return f"{self.precision}, {'channels-last' if self.channels_last else 'contiguous'}"


@dataclass(frozen=True)
class Work:
    """What is computed.

    Attributes:
        model: The network.
        bands: Bands of a patch.
        patch: Its side, in pixels.
        training: Whether training steps are computed; else maps.
        classes: Classes, which the time hardly depends on.
    """

    model: ModelSettings
    bands: int
    patch: int
    training: bool = True
    classes: int = 9

    @property
    def use(self) -> str:
        """``training`` or ``mapping``."""
        return "training" if self.training else "mapping"

    @property
    def batch(self) -> tuple[int, int]:
        """Patches of a measured step, two at least, as some networks normalise over the batch at a single pixel; side.

        Of larger patches a part stands for the whole, unless the network is a user's own, which may insist on a size.
        """
        side = self.patch if self.model.target else min(self.patch, _LARGEST)
        return max(2, min(16, _PIXELS // side**2)), side

    @property
    def key(self) -> dict[str, Any]:
        """What a measurement is kept by, besides processor and version of PyTorch."""
        model = {key: value for key, value in asdict(self.model).items() if key not in _OF_WEIGHTS}
        return {"network": model, "bands": self.bands, "patch": self.patch, "training": self.training}

    def step(self, *, channels_last: bool, compiled: bool = False) -> Callable[[str], None]:
        """Return a function of a precision that computes a few random patches, forward and, in training, backward."""
        with torch.random.fork_rng(devices=[]):
            plain = replace(self.model, encoder_weights=None, encoder_mean=None, encoder_deviation=None, freeze="none")
            network = build_network(plain, self.bands, self.classes).train(self.training)
            patches, side = self.batch
            image = torch.rand(patches, self.bands, side, side)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        network, image = network.to(memory_format=layout), image.contiguous(memory_format=layout)
        if compiled:
            network.compile(dynamic=False)
        labels = torch.zeros(patches, side, side, dtype=torch.uint8)

        def step(precision: str) -> None:
            bf16 = precision == BFLOAT16
            with nullcontext() if self.training else torch.inference_mode():
                with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                    logits = network(image)
                if self.training:
                    _backward(logits, labels, network)

        return step


@dataclass(frozen=True)
class Measured:
    """The time of one way of computing.

    Attributes:
        computing: The way.
        ms: Least time of a step, in milliseconds.
        ratio: It over that of float32, channels-last, with one thread.
    """

    computing: Computing
    ms: float
    ratio: float


@dataclass(frozen=True)
class Measurement:
    """Times of the ways that were tried.

    Attributes:
        formats: Number formats and layouts with one thread; float32, channels-last first.
        threads: The fastest of them with several numbers of threads, PyTorch's own first; empty for maps, and where
            the machine was busy.
        path: The file that keeps them; None: it couldn't be written.
    """

    formats: tuple[Measured, ...]
    threads: tuple[Measured, ...] = ()
    path: Path | None = None

    def fastest_format(self, *, precision: str | None = None, channels_last: bool | None = None) -> Measured:
        """Return the fastest format and layout; the first, float32 before others, unless one saves :data:`MARGIN`.

        Args:
            precision: The number format; None: any.
            channels_last: The layout; None: any.
        """
        known = [each for each in self.formats if precision in (None, each.computing.precision)] or self.formats
        known = [each for each in known if channels_last in (None, each.computing.channels_last)] or known
        return _clearly_fastest(known)

    @property
    def fastest(self) -> Measured:
        """The fastest way of all: PyTorch's own number of threads, unless another saves :data:`MARGIN`."""
        return _clearly_fastest(self.threads) if self.threads else self.fastest_format()

    def to_plain(self) -> dict[str, list[dict[str, Any]]]:
        """Return the times as plain Python."""
        parts = {"formats": self.formats, "threads": self.threads}
        return {
            name: [asdict(each.computing) | {"ms": each.ms, "ratio": each.ratio} for each in times]
            for name, times in parts.items()
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], path: Path | None) -> Self:
        """Read the output of :meth:`to_plain`.

        Raises:
            ValueError: It isn't one.
        """
        try:
            formats, threads = (tuple(_read_times(plain[name])) for name in ("formats", "threads"))
        except (KeyError, TypeError) as error:
            raise ValueError("not a measurement") from error
        if not formats:
            raise ValueError("no measurement")
        return cls(formats, threads, path)


def measure(work: Work, progress: Progress | None = None) -> Measurement:
    """Measure number formats and memory layouts with one thread, then the fastest with several numbers of threads.

    Ways take turns, and the least time of each counts: what else the machine does falls on all of them. Several threads
    wait for each other where the machine is busy, which says nothing of a format, hence one; and nothing of the number
    that is best on an idle machine, hence numbers of threads aren't measured on a busy one.

    Args:
        work: The network, and patches.
        progress: Called with the steps done and to be done.
    """
    layouts = (True, False) if work.training else (True,)
    kinds = [FLOAT32, BFLOAT16] if computes_bf16() else [FLOAT32]
    ways = [Computing(kind, layout, 1) for layout in layouts for kind in kinds]
    own = torch.get_num_threads()
    numbers = list(dict.fromkeys([own, 1, max(1, own // 2), usable_cores()]))
    if len(numbers) == 1 or not work.training or is_busy():
        numbers = []
    steps = {layout: work.step(channels_last=layout) for layout in layouts}
    report = progress or (lambda _done, _total: None)
    later, before = (1 + _ROUNDS) * len(numbers), 0

    def of_formats(done: int, total: int) -> None:
        nonlocal before
        before = total
        report(done, total + later)

    least = _take_turns(steps, ways, of_formats)
    formats = tuple(Measured(way, _ms(t), round(t / least[0], 3)) for way, t in zip(ways, least, strict=True))
    if not numbers:
        return Measurement(formats)
    best = Measurement(formats).fastest_format()
    ways = [replace(best.computing, threads=number) for number in numbers]
    least = _take_turns(steps, ways, lambda done, total: report(before + done, before + total))
    alone = least[numbers.index(1)]
    ratios = [round(taken / alone * best.ratio, 3) for taken in least]
    threads = tuple(Measured(way, _ms(t), ratio) for way, t, ratio in zip(ways, least, ratios, strict=True))
    return Measurement(formats, threads)


def computes_bf16() -> bool:
    """Whether the processor has instructions for bfloat16: AMX, AVX-512 BF16, or those of other makers."""
    return any(name.endswith("bf16") and bool(has) for name, has in cpu_capabilities().items())


def is_busy() -> bool:
    """Whether other processes compute on this machine: more of them in the last minute than a tenth of its cores."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return load > 1 + 0.1 * (os.cpu_count() or 1)


@contextmanager
def using_threads(number: int | None) -> Iterator[None]:
    """Have PyTorch compute with a number of threads while a block runs; None: its own."""
    before = torch.get_num_threads()
    if number:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _clearly_fastest(times: Sequence[Measured]) -> Measured:
    best = min(times, key=lambda each: each.ratio)
    return best if best.ratio < (1 - MARGIN) * times[0].ratio else times[0]


def _take_turns(
    steps: Mapping[bool, Callable[[str], None]], ways: Sequence[Computing], report: Progress
) -> list[float]:
    """Return the least time of each way over some rounds, in seconds."""
    rounds: list[list[float]] = []
    wanted = 1 + _ROUNDS
    while len(rounds) < wanted:
        rounds.append([])
        for way in ways:
            with using_threads(way.threads):
                started = time.perf_counter()
                steps[way.channels_last](way.precision)
                rounds[-1].append(time.perf_counter() - started)
            report((len(rounds) - 1) * len(ways) + len(rounds[-1]), wanted * len(ways))
        if len(rounds) == 1:
            wanted = 1 + max(_ROUNDS, min(_MOST_ROUNDS, int(_SECONDS / sum(rounds[0]))))
    return [min(taken) for taken in zip(*rounds[1:], strict=True)]  # the first round prepares


def _read_times(plain: Sequence[Mapping[str, Any]]) -> Iterator[Measured]:
    for each in plain:
        way = Computing(str(each["precision"]), bool(each["channels_last"]), int(each["threads"]))
        measured = Measured(way, float(each["ms"]), float(each["ratio"]))
        if way.precision not in {FLOAT32, BFLOAT16} or way.threads < 1 or not 0 < measured.ratio < math.inf:
            raise ValueError("a time that can't have been measured")
        yield measured


def _ms(seconds: float) -> float:
    return round(1e3 * seconds, 2)


def _backward(logits: torch.Tensor, labels: torch.Tensor, network: nn.Module) -> None:
    cross_entropy(logits.float(), labels).backward()  # type: ignore[no-untyped-call]
    network.zero_grad()
