"""Runs views of patches through one model or the several of an ensemble, in full batches of one shape."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Protocol

import torch
from torch import Tensor

from lulcseg.errors import LulcsegError
from lulcseg.mosaic.one_against_all import OneAgainstAll
from lulcseg.mosaic.passes import PassPlan, PatchView
from lulcseg.mosaic.patch_reader import Patch


class PatchModel(Protocol):
    """The model as prediction needs it. Scaling, autocast and memory layout are up to the model."""

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """Return logits, (B, K, P, P), of images (B, C, P, P) in their raw type, valid where (B, P, P) is true."""


@dataclass(frozen=True, slots=True)
class ForwardSample:
    """A view of a patch.

    Attributes:
        patch: The patch.
        view: Its rotation and mirroring.
        is_last: Whether this is the last of the patch's views.
    """

    patch: Patch
    view: PatchView
    is_last: bool


@dataclass(frozen=True, slots=True)
class Prediction:
    """A patch's class probabilities.

    Attributes:
        patch: The patch.
        probabilities: (K, P, P) float32 on the device, the mean over the pass's views and the models.
        entropy: (E, P, P) float32, in nats (:class:`ForwardPass`); None if not requested.
    """

    patch: Patch
    probabilities: Tensor
    entropy: Tensor | None


def samples_of(patches: Iterable[Patch], plan: PassPlan) -> Iterator[ForwardSample]:
    """Yield all views of each patch in turn, in the plan's order."""
    for patch in patches:
        views = plan.passes[patch.tile.pass_index].views
        for number, view in enumerate(views, start=1):
            yield ForwardSample(patch, view, is_last=number == len(views))


def batches_of(
    patches: Iterable[Patch], plan: PassPlan, batch_size: int, device: torch.device
) -> Iterator[list[ForwardSample]]:
    """Yield batches of B samples (the last may be smaller), with their patches on the device.

    A patch is moved to the device once, and its views are made there. Patches of all passes share batches.

    Args:
        patches: The patches, in order.
        plan: The passes.
        batch_size: Samples per batch B.
        device: Where the model computes.
    """
    moved = (patch.to(device) for patch in patches)
    for group in batched(samples_of(moved, plan), batch_size):
        yield list(group)


class ForwardPass:
    """Predicts batches of samples, and averages the views of each patch, and the models of an ensemble.

    The last batch is padded, so that all have one shape, and a patch's views are summed in the plan's order. A patch's
    probabilities therefore depend neither on the rest of its batch nor on its position there (given a model in
    evaluation mode), and on the batch size only as far as the model's own arithmetic does.

    Models are called one after another on the same batch, and a view's probabilities are their mean, with equal
    weights. Of several models, three class probabilities of the batch are held at a time, however many they are.

    With entropies, E planes are averaged over the views: of one model the entropy of its probabilities (E = 1); of
    several the mean of the models' entropies, and the entropy of their mean (E = 2), whose difference is what the
    models disagree in.

    Args:
        model: The model, in evaluation mode, on ``device``; or several, which are averaged.
        classes: Number of classes K that it must give.
        batch_size: Samples per batch B.
        device: Where it computes.
        with_entropy: Whether to average the views' entropies too.

    Attributes:
        samples: Forward samples so far, of each model, without those that pad the last batch.
        seconds: Time in the model so far, in seconds; on a GPU by the device's clock.
    """

    def __init__(
        self,
        model: PatchModel | Sequence[PatchModel],
        *,
        classes: int,
        batch_size: int,
        device: torch.device,
        with_entropy: bool = False,
    ) -> None:
        self._models = list(model) if isinstance(model, Sequence) else [model]
        self._networks = sum(each.networks if isinstance(each, OneAgainstAll) else 1 for each in self._models)
        self._classes = classes
        self._batch_size = batch_size
        self._with_entropy = with_entropy
        self._clock = _Clock(device)
        self._total: Tensor | None = None
        self._entropy: Tensor | None = None
        self._views = 0
        self.samples = 0

    @property
    def seconds(self) -> float:
        """Time in the model so far, in seconds."""
        return self._clock.seconds()

    def __call__(self, group: list[ForwardSample]) -> Iterator[Prediction]:
        """Predict a batch; a patch whose last view is in a later batch is yielded with that batch.

        Args:
            group: At most B samples, on the device.

        Yields:
            Patches of which all views are predicted, in order.

        Raises:
            LulcsegError: The model gives another number of classes than the legend has.
        """
        turned, entropy = self._means(group)
        for number, sample in enumerate(group):
            self._total = _plus(self._total, sample.view.undo(turned[number]))
            if entropy is not None:
                self._entropy = _plus(self._entropy, sample.view.undo(entropy[:, number]))
            self._views += 1
            if sample.is_last:
                mean = None if self._entropy is None else self._entropy / self._views
                yield Prediction(sample.patch, self._total if self._views == 1 else self._total / self._views, mean)
                self._total, self._entropy, self._views = None, None, 0
        self.samples += len(group) * self._networks

    def _means(self, group: list[ForwardSample]) -> tuple[Tensor, Tensor | None]:
        """Return the mean over the models of (B, K, P, P) probabilities, and (E, B, P, P) entropies if requested.

        The first ``len(group)`` of the batch are the samples'.
        """
        padded = group + group[-1:] * (self._batch_size - len(group))
        image = torch.stack([sample.view.apply(sample.patch.image) for sample in padded])
        valid = torch.stack([sample.view.apply(sample.patch.valid) for sample in padded])
        total, entropies = self._of_one(self._models[0], image, valid)
        if len(self._models) == 1:
            return total, None if entropies is None else entropies[None]
        for model in self._models[1:]:
            shares, more = self._of_one(model, image, valid)
            total += shares
            if entropies is not None and more is not None:
                entropies += more
        total /= len(self._models)
        if entropies is None:
            return total, None
        return total, torch.stack([entropies / len(self._models), _entropy(total)])

    def _of_one(self, model: PatchModel, image: Tensor, valid: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return a model's probabilities (B, K, P, P) and, if requested, their entropies (B, P, P), float32."""
        self._clock.start()
        with torch.inference_mode():
            logits = model(image, valid)
        self._clock.stop()
        if logits.shape != (self._batch_size, self._classes, *valid.shape[1:]):
            raise LulcsegError(
                f"the model gives {logits.shape[1]} classes at {tuple(logits.shape[2:])} pixels, "
                f"the legend has {self._classes} and the patch {tuple(valid.shape[1:])} pixels",
                where="checkpoint",
                remedy="map with the legend and patch size that the model was trained with",
            )
        # In channels-last order softmax takes twice as long, and gives the same bits
        shares = torch.softmax(logits.contiguous(), dim=1, dtype=torch.float32)
        return shares, _entropy(shares) if self._with_entropy else None


def _entropy(shares: Tensor) -> Tensor:
    """Return the entropy, (B, P, P) in nats, of probabilities (B, K, P, P)."""
    terms: Tensor = torch.special.xlogy(shares, shares)
    return -terms.sum(dim=1)


def _plus(total: Tensor | None, more: Tensor) -> Tensor:
    return more if total is None else total + more


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


class _Clock:
    """Sums the time between starts and stops without synchronising a GPU."""

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
