"""Exponential moving average of the weights, which is validated, and predicted with.

Lightning's own callback (``EMAWeightAveraging`` of 2.6) has no warm-up, so that a training of a few hundred steps would
keep most of the random weights it began with; it averages the whole LightningModule, constants and integer counters
included, which drift by rounding; and it updates one tensor after the other. Its layout of checkpoints is kept: the
averaged weights are where a checkpoint always has its weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

TRAINED = "lulcseg_trained_weights"
"""Key of a checkpoint that holds the network's weights as trained, to resume from; ``state_dict`` has the average."""

_NETWORK = "network."


class WeightAverage(pl.Callback):
    """Keeps an exponential moving average of the network's weights and of batch norm's statistics.

    After optimiser step t the average moves towards the weights by 1 − d, with d the smaller of ``decay`` and
    (1 + t) / (10 + t) (as TensorFlow's ``ExponentialMovingAverage``), so that early weights are soon forgotten. It
    starts with the initial weights. Integer buffers are copied. Validation runs with the average, which checkpoints
    hold as the model's weights; training is not affected. On several devices each process averages the same weights.

    Args:
        decay: Largest share of the average that a step keeps, 0…1.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._average: dict[str, Tensor] = {}
        self._steps = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Bring an average that was loaded to the device of the weights; without one, begin with the weights."""
        self._steps = trainer.global_step
        current = _tensors(pl_module)
        loaded = self._average
        self._average = {name: value.clone() for name, value in current.items()}
        for name, value in self._average.items():
            if name in loaded:
                value.copy_(loaded[name])

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Move the average towards the weights, after each optimiser step."""
        if trainer.global_step > self._steps:
            self._steps = trainer.global_step
            move_average(self._average, _tensors(pl_module), decay_at(self._steps, self.decay))

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Put the average into the network."""
        self._swap(pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Put the weights as trained back into the network."""
        self._swap(pl_module)

    def on_save_checkpoint(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,  # noqa: ARG002
        checkpoint: dict[str, Any],
    ) -> None:
        """Save the average as the model's weights, and the weights as trained beside it."""
        weights = checkpoint["state_dict"]
        mine = [name for name in self._average if _NETWORK + name in weights]
        checkpoint[TRAINED] = {name: weights[_NETWORK + name] for name in mine}
        weights.update({_NETWORK + name: self._average[name] for name in mine})

    def on_load_checkpoint(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,
        checkpoint: Mapping[str, Any],
    ) -> None:
        """Take average and weights as trained from a checkpoint, whose ``state_dict`` has been loaded already."""
        if TRAINED in checkpoint:
            weights = checkpoint["state_dict"]
            self._average = {name: weights[_NETWORK + name] for name in checkpoint[TRAINED]}
            network = pl_module.get_submodule(_NETWORK.rstrip("."))
            network.load_state_dict(checkpoint[TRAINED])

    def _swap(self, pl_module: pl.LightningModule) -> None:
        for name, current in _tensors(pl_module).items():
            average = self._average[name]
            kept = current.clone()
            current.copy_(average)
            average.copy_(kept)


def decay_at(step: int, decay: float) -> float:
    """Return the share of the average that an optimiser step keeps.

    Args:
        step: Number of the step, from 1.
        decay: Its largest value.

    Examples:
        >>> [round(decay_at(step, 0.99), 3) for step in (1, 10, 100, 10_000)]
        [0.182, 0.55, 0.918, 0.99]
    """
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def move_average(average: Mapping[str, Tensor], current: Mapping[str, Tensor], decay: float) -> None:
    """Move an average towards current values, in place: decay × average + (1 − decay) × current.

    Args:
        average: Tensors by name; those that aren't floating-point are set to the current values.
        current: Tensors of the same names, shapes and types.
        decay: Share of the average that is kept, 0…1.

    Examples:
        >>> average = {"weight": torch.tensor([1.0])}
        >>> move_average(average, {"weight": torch.tensor([2.0])}, 0.75)
        >>> average["weight"]
        tensor([1.2500])
    """
    floats = [name for name, value in average.items() if value.is_floating_point()]
    if floats:
        torch._foreach_lerp_([average[n] for n in floats], [current[n] for n in floats], 1 - decay)
    for name in average.keys() - floats:
        average[name].copy_(current[name])


def _tensors(pl_module: pl.LightningModule) -> dict[str, Tensor]:
    """Return the network's weights and persistent buffers by their names in its ``state_dict``, detached."""
    network: nn.Module = pl_module.get_submodule(_NETWORK.rstrip("."))
    return {name: value.detach() for name, value in network.state_dict().items()}
