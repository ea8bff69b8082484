"""Running patches and their rotations through the model, in full batches of one shape."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import Protocol

import torch
from torch import Tensor

from lulcseg.errors import LulcsegError
from lulcseg.mosaic.passes import PassPlan
from lulcseg.mosaic.reading import Patch
from lulcseg.mosaic.tiling import Tile

_PLANE = (-2, -1)


class PatchModel(Protocol):
    """What prediction needs of a model. Scaling, autocast and memory layout are the model's affair."""

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """Return logits, (B, K, P, P), of images (B, C, P, P) in their raw type, valid where (B, P, P) is true."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A patch's class probabilities.

    Attributes:
        number: The patch's place in the order of prediction.
        tile: Where it lies.
        probabilities: (K, P, P) float32 on the device, the mean over the pass's rotations.
        valid: (P, P) bool on the device.
    """

    number: int
    tile: Tile
    probabilities: Tensor
    valid: Tensor


@dataclass(frozen=True, slots=True)
class _Sample:
    """A patch on the device, and how it is turned."""

    patch: Patch
    image: Tensor
    valid: Tensor
    turns: int
    is_last: bool


class Forward:
    """The model at work on a stream of patches.

    Rotations of a patch, and patches of all passes, share batches. The last batch is filled up, so that all
    have one shape; and a patch's rotations are summed in the plan's order. So a patch's probabilities
    depend on the batch size by no more than the model's own arithmetic does.

    Attributes:
        samples: Forward samples so far, without those that fill up the last batch.
        seconds: Time in the model so far, in seconds; on a GPU the device's own.
    """

    def __init__(self, model: PatchModel, plan: PassPlan, *, classes: int, batch: int, device: torch.device) -> None:
        """Keep the parts.

        Args:
            model: The model, in evaluation mode, on ``device``.
            plan: The passes.
            classes: Number of classes K that it must give.
            batch: Forward samples in a batch B.
            device: Where it computes.
        """
        self._model = model
        self._plan = plan
        self._classes = classes
        self._batch = batch
        self._device = device
        self._clock = _Clock(device)
        self.samples = 0

    @property
    def seconds(self) -> float:
        """Time in the model so far, in seconds."""
        return self._clock.seconds()

    def __call__(self, patches: Iterable[Patch]) -> Iterator[Prediction]:
        """Predict patches, in order.

        Raises:
            LulcsegError: The model gives another number of classes than there are in the legend.
        """
        total: Tensor | None = None
        for group in batched(self._samples(patches), self._batch):
            for sample, turned in zip(group, self._probabilities(group), strict=False):
                upright = torch.rot90(turned, -sample.turns, _PLANE)
                total = upright if total is None else total + upright
                if sample.is_last:
                    tile = sample.patch.tile
                    mean = total / len(self._plan.passes[tile.pass_index].rotations)
                    yield Prediction(sample.patch.number, tile, mean, sample.valid)
                    total = None
            self.samples += len(group)

    def _samples(self, patches: Iterable[Patch]) -> Iterator[_Sample]:
        for patch in patches:
            image = patch.image.to(self._device, non_blocking=True)
            valid = patch.valid.to(self._device, non_blocking=True)
            rotations = self._plan.passes[patch.tile.pass_index].rotations
            for number, turns in enumerate(rotations, start=1):
                yield _Sample(patch, image, valid, turns, is_last=number == len(rotations))

    def _probabilities(self, group: tuple[_Sample, ...]) -> Tensor:
        """Return (B, K, P, P) float32, of which the first ``len(group)`` count."""
        filled = group + group[-1:] * (self._batch - len(group))
        image = torch.stack([torch.rot90(sample.image, sample.turns, _PLANE) for sample in filled])
        valid = torch.stack([torch.rot90(sample.valid, sample.turns, _PLANE) for sample in filled])
        self._clock.start()
        with torch.inference_mode():
            logits = self._model(image, valid)
        self._clock.stop()
        if logits.shape != (self._batch, self._classes, *valid.shape[1:]):
            raise LulcsegError(
                f"the model gives {logits.shape[1]} classes at {tuple(logits.shape[2:])} pixels, "
                f"the legend has {self._classes} and the patch {tuple(valid.shape[1:])} pixels",
                where="checkpoint",
                remedy="map with the legend and patch size that the model was trained with",
            )
        return torch.softmax(logits, dim=1, dtype=torch.float32)


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


class _Clock:
    """Adds up the time between starts and stops, without making a GPU wait."""

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._total = 0.0
        self._started = 0.0
        self._events: deque[tuple[torch.cuda.Event, torch.cuda.Event]] = deque()

    def start(self) -> None:
        if self._on_gpu:
            pair = (_event(), _event())
            pair[0].record()
            self._events.append(pair)
        else:
            self._started = time.perf_counter()

    def stop(self) -> None:
        if not self._on_gpu:
            self._total += time.perf_counter() - self._started
            return
        self._events[-1][1].record()
        while self._events and self._events[0][1].query():  # type: ignore[no-untyped-call]
            self._fold()

    def seconds(self) -> float:
        while self._events:
            self._events[0][1].synchronize()
            self._fold()
        return self._total

    def _fold(self) -> None:
        first, last = self._events.popleft()
        self._total += first.elapsed_time(last) / 1000
