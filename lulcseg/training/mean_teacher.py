"""Self-training: the network learns, of unlabelled patches, what its own moving average is sure of.

Mean teacher (Tarvainen & Valpola 2017) with hard labels above a confidence, and augmentation on the learner's side
alone (Sohn et al. 2020, FixMatch).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lulcseg.augment.stretch import Limits
from lulcseg.legend import IGNORE
from lulcseg.seeds import mixed_seed
from lulcseg.settings.self_training import OWN, SelfTrainingSettings
from lulcseg.training.domain_statistics import by_own_statistics, check_batch_statistics
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

    Attributes:
        is_apart: Whether batch norm normalises unlabelled patches by statistics of their own.

    Raises:
        LulcsegError: It should, and the network has none.
    """

    image: Tensor
    valid: Tensor

    def __init__(self, network: nn.Module, settings: SelfTrainingSettings, patches: Unlabelled) -> None:
        super().__init__()
        self.network = deepcopy(network).requires_grad_(False)
        self.settings, self._limits, self._steps = settings, patches.limits, 0
        self.is_apart = settings.batch_norm == OWN
        if self.is_apart:
            check_batch_statistics(network, "self_training.batch_norm")
        self.register_buffer("image", patches.image, persistent=False)
        self.register_buffer("valid", patches.valid, persistent=False)
        self.train()  # Lightning leaves modules in the mode that they were built in

    def train(self, mode: bool = True) -> MeanTeacher:  # noqa: ARG002
        """Stay in evaluation mode: labels come of batch norm's averages, unless each domain has its own."""
        return super().train(False)

    def labelled(
        self, predict: Callable[[Tensor, nn.Module], Tensor], learner: nn.Module, image: Tensor, valid: Tensor
    ) -> Tensor:
        """Return the labels of unlabelled patches, as :meth:`labels` does.

        Args:
            predict: Returns a network's logits.
            learner: The network that learns.
            image: (n, C, S, S), scaled as at prediction.
            valid: (n, S, S) bool.
        """
        with self.normalising(self.network, learner):
            return self.labels(predict(image, self.network), valid)

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

    def normalising(self, network: nn.Module, learner: nn.Module) -> AbstractContextManager[None]:
        """Return the context in which a network sees unlabelled patches."""
        return by_own_statistics(network, learner) if self.is_apart else nullcontext()


def learners_logits(
    teacher: MeanTeacher | None,
    predict: Callable[[Tensor], Tensor],
    learner: nn.Module,
    image: Tensor,
    taught: tuple[Tensor, Tensor] | None,
) -> Tensor:
    """Return the logits of labelled and, behind them, unlabelled patches by the network that learns.

    Args:
        teacher: Its teacher; None: it has none.
        predict: Returns its logits.
        learner: The network.
        image: (B, C, P, P), labelled patches.
        taught: (n, C, P, P), unlabelled ones, and their labels; None: there are none.
    """
    if teacher is None or taught is None:
        return predict(image)
    if not teacher.is_apart:
        return predict(torch.cat([image, taught[0]]))
    own = predict(image)
    with teacher.normalising(learner, learner):
        return torch.cat([own, predict(taught[0])])
