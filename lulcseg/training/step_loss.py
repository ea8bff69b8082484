"""One optimiser step's mean loss over labelled pixels, however the step is split.

The mean of the means of ranks and micro-batches is not the mean of all pixels if they have
different numbers of labels. So each part is backpropagated as its sum over a constant, the labelled pixels
of the whole step are counted meanwhile, and the gradients are rescaled before clipping and the optimiser step.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class StepLoss:
    """Sum and count of one optimiser step on this rank.

    Args:
        parts: Ranks × micro-batches that the trainer will average gradients over.
        nominal: Pixels of a full step over all parts. Any constant gives the same gradients in the end;
            this one keeps them at their usual magnitude until then, as half precision needs.
    """

    def __init__(self, parts: int, nominal: int) -> None:
        self.parts = parts
        self.nominal = nominal
        self._total: Tensor | None = None
        self._pixels: Tensor | None = None

    def add(self, total: Tensor, pixels: Tensor) -> Tensor:
        """Add a micro-batch, and return the scalar to backpropagate.

        Args:
            total: Scalar, its loss summed over labelled pixels.
            pixels: Scalar, their number.
        """
        summed = total.detach()
        self._total = summed if self._total is None else self._total + summed
        self._pixels = pixels if self._pixels is None else self._pixels + pixels
        if self.parts == 1:
            return total / pixels.clamp(min=1)
        return total * (self.parts / self.nominal)

    def finish(self, optimizer: torch.optim.Optimizer, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Rescale the gradients to those of the step's mean over labelled pixels, and reset.

        Args:
            optimizer: Holds the parameters; their gradients are averages over all parts.
            reduce: Sums a tensor over all ranks; None if there is one.

        Returns:
            Scalar, the step's mean loss; 0 (and gradients of 0) if no pixel was labelled.
        """
        assert self._total is not None
        assert self._pixels is not None
        total, pixels = self._total, self._pixels
        self._total = self._pixels = None
        if reduce is not None:
            total, pixels = reduce(torch.stack([total.double(), pixels.double()])).unbind()
        pixels = pixels.clamp(min=1)
        if self.parts > 1:
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            torch._foreach_mul_(gradients, (self.nominal / pixels).to(gradients[0].dtype))
        return (total / pixels).float()


def summed_over_ranks(values: Tensor) -> Tensor:
    """Sum over ranks, in place; Lightning's own reduction has every rank wait for the others first."""
    torch.distributed.all_reduce(values)
    return values
