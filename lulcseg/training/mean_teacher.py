"""Self-training: the network learns, of unlabelled patches, what its own moving average is sure of.

Mean teacher (Tarvainen & Valpola 2017) with hard labels above a confidence, and augmentation on the learner's side
alone (Sohn et al. 2020, FixMatch).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lulcseg.augment.stretch import Limits
from lulcseg.legend import IGNORE
from lulcseg.seeds import mixed_seed
from lulcseg.settings.self_training import SelfTrainingSettings
from lulcseg.training.weight_average import decay_at, move_average

UNLABELLED = 2
"""Sets the draws of unlabelled patches apart from those of augmentation and exchange."""


class Unlabelled(NamedTuple):
    """Patches of unlabelled mosaics.

    Attributes:
        image: (N, C, S, S) in the imagery's own type.
        valid: (N, S, S) bool.
        limits: Of each patch's mosaic, (N, …), if scaling uses the mosaic.
    """

    image: Tensor
    valid: Tensor
    limits: Limits | None = None


class MeanTeacher(nn.Module):
    """A moving average of the network that labels unlabelled patches where it is sure.

    Its weights are part of a checkpoint, so that a resumed training goes on with them; the patches are not.

    Args:
        network: The network that learns.
        settings: Of the self-training.
        patches: The pool that patches are drawn from.
    """

    image: Tensor
    valid: Tensor

    def __init__(self, network: nn.Module, settings: SelfTrainingSettings, patches: Unlabelled) -> None:
        super().__init__()
        self.network = deepcopy(network).requires_grad_(False)
        self.settings, self._limits, self._steps = settings, patches.limits, 0
        self.register_buffer("image", patches.image, persistent=False)
        self.register_buffer("valid", patches.valid, persistent=False)

    def train(self, mode: bool = True) -> MeanTeacher:  # noqa: ARG002
        """Stay in evaluation mode: labels come of batch norm's averages."""
        return super().train(False)

    def draw(self, labelled: int, parts: Sequence[int]) -> Unlabelled:
        """Draw the unlabelled patches of a micro-batch.

        Args:
            labelled: Number of its labelled patches.
            parts: Seed, epoch, number of the micro-batch and rank: the same numbers give the same patches.
        """
        number = max(1, round(self.settings.share * labelled))
        own = torch.Generator().manual_seed(mixed_seed(*parts, UNLABELLED))
        rows = torch.randint(len(self.image), (number,), generator=own).to(self.image.device)
        limits = None if self._limits is None else Limits(*(part.to(rows.device)[rows] for part in self._limits))
        return Unlabelled(self.image[rows], self.valid[rows], limits)

    def labels(self, logits: Tensor, valid: Tensor) -> Tensor:
        """Return labels where the teacher is sure.

        Args:
            logits: (n, K, S, S), the teacher's.
            valid: (n, S, S) bool.

        Returns:
            (n, S, S) uint8 class index; 255 where it isn't sure, or there is no imagery.
        """
        sure, best = logits.float().softmax(dim=1).max(dim=1)
        return torch.where((sure >= self.settings.confidence) & valid, best, IGNORE).to(torch.uint8)

    def follow(self, network: nn.Module, step: int) -> None:
        """Move towards the network's weights, once after each optimiser step.

        Args:
            network: The one that learns.
            step: Number of the optimiser step, from 1.
        """
        if step > self._steps:
            self._steps = step
            mine, current = ({k: v.detach() for k, v in each.state_dict().items()} for each in (self.network, network))
            move_average(mine, current, decay_at(step, self.settings.decay))
