"""Learning-rate range test (Smith 2017, "Cyclical learning rates for training neural networks", section 3.3).

Lightning's own (``Tuner.lr_find``) reads the value that a micro-batch backpropagates, which is no mean over pixels
where a step is split; it sets every group of weights to the same rate, encoder or not; and it saves and reloads the
model in the working directory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch

from lulcseg.progress import Progress

SMOOTHING = 0.9
"""Share of the smoothed loss that a step keeps."""

DIVERGED = 4.0
"""Multiple of the lowest smoothed loss at which the test ends."""

_SETTLED = 10
"""Steps before which neither the end nor the lowest loss is looked for."""


class RateTest(pl.Callback):
    """Raises the learning rate exponentially from step to step, and keeps the losses, until they diverge.

    Groups of weights keep their rates' proportions to the optimiser's own rate.

    Args:
        rates: The rate of each step, as :func:`rising_rates` returns them.
        progress: Called with (steps done, steps).

    Attributes:
        losses: Mean loss over labelled pixels of each step so far, before its update.
        diverged: Whether the test ended because the loss diverged.
    """

    def __init__(self, rates: Sequence[float], progress: Progress) -> None:
        self.rates, self._progress = list(rates), progress
        self.losses: list[float] = []
        self.diverged = False

    def on_before_optimizer_step(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,  # noqa: ARG002
        optimizer: torch.optim.Optimizer,
    ) -> None:
        """Set the rate of this step, whatever the schedule has set."""
        own = float(optimizer.defaults.get("lr") or 1.0)
        for group in optimizer.param_groups:
            group["lr"] = self.rates[len(self.losses)] * float(group.get("initial_lr", own)) / own

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Keep the loss of a step, and end the test once it diverges."""
        if trainer.global_step == len(self.losses):
            return
        self.losses.append(float(trainer.callback_metrics["train/loss_step"]))
        self._progress(len(self.losses), len(self.rates))
        self.diverged = has_diverged(self.losses)
        if self.diverged or len(self.losses) == len(self.rates):
            trainer.should_stop = True


@dataclass(frozen=True)
class Suggestion:
    """What a range test suggests.

    Attributes:
        rate: The rate: a tenth of the one at which the smoothed loss is lowest; None: the loss never fell.
        lowest: Rate at which the smoothed loss is lowest.
        steepest: Rate at which it falls fastest over the logarithm of the rate, up to the lowest; None likewise.
    """

    rate: float | None
    lowest: float
    steepest: float | None


def rising_rates(steps: int, lowest: float, highest: float) -> list[float]:
    """Return rates that rise exponentially, one a step.

    Examples:
        >>> [round(rate, 6) for rate in rising_rates(4, 0.001, 1)]
        [0.001, 0.01, 0.1, 1.0]
    """
    return [lowest * (highest / lowest) ** (step / (steps - 1)) for step in range(steps)]


def smoothed(losses: Sequence[float]) -> list[float]:
    """Return an exponential moving average of losses, corrected for its start (as Adam's moments).

    Examples:
        >>> [round(loss, 3) for loss in smoothed([2.0, 2.0, 1.0])]
        [2.0, 2.0, 1.631]
    """
    average, found = 0.0, []
    for step, loss in enumerate(losses, start=1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        found.append(average / (1 - SMOOTHING**step))
    return found


def has_diverged(losses: Sequence[float]) -> bool:
    """Whether the last loss isn't finite, or the smoothed loss is four times its lowest.

    Examples:
        >>> has_diverged([1.0, float("nan")]), has_diverged([1.0] * 20), has_diverged([1.0] * 20 + [90.0])
        (True, False, True)
    """
    if not math.isfinite(losses[-1]):
        return True
    curve = smoothed(losses)
    return len(curve) > _SETTLED and curve[-1] > DIVERGED * min(curve[_SETTLED:])


def suggest_rate(rates: Sequence[float], losses: Sequence[float]) -> Suggestion:
    """Suggest a learning rate: a tenth of the one at which the smoothed loss is lowest.

    At the lowest loss the rate is already too high: learning and diverging balance. A tenth of it is the usual rule;
    the steepest descent, given beside it, is a derivative of a noisy curve, and differs from one test to the next.

    Args:
        rates: The rate of each step.
        losses: The loss of each step, as many or fewer; those that aren't finite don't count.

    Raises:
        ValueError: Fewer than 12 finite losses.
    """
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < _SETTLED + 2:
        raise ValueError(f"{len(finite)} losses are too few")
    curve = smoothed(finite)
    lowest = min(range(_SETTLED, len(curve)), key=curve.__getitem__)
    if lowest <= _SETTLED or curve[lowest] > 0.98 * curve[_SETTLED]:
        return Suggestion(None, rates[lowest], None)
    falls = {step: curve[step + 1] - curve[step - 1] for step in range(_SETTLED, lowest)}
    return Suggestion(rates[lowest] / 10, rates[lowest], rates[min(falls, key=falls.__getitem__)])
