"""What a loss is, and how one is built from the settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE
from lulcseg.settings.loss import LOSSES, LossSettings
from lulcseg.settings.registry import bound_arguments, build_target, import_target

_TARGET = "loss._target_"


class SummedLoss(Protocol):
    """A loss as the training step needs it, so that a step can be split over ranks and micro-batches."""

    def __call__(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss summed over labelled pixels, and their number.

        Args:
            logits: (B, K, H, W).
            labels: (B, H, W) class index, uint8; 255 for ignore.

        Returns:
            Scalar float32, 0 (with a gradient of 0) if no pixel is labelled; scalar int64.
        """


class MeanLoss(nn.Module):
    """A mean over labelled pixels (``loss._target_``) as a summed loss.

    Args:
        mean: Takes logits (B, K, H, W) float32 and labels (B, H, W) int64 with 255 for ignore, and returns the mean
            over labelled pixels, a scalar. It is never given labels that are all 255.
    """

    def __init__(self, mean: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean times the number of labelled pixels, and that number."""
        pixels = (labels != IGNORE).sum()
        # a batch without labels gets some, so that the mean exists, and is multiplied by 0
        known = torch.where(pixels == 0, 0, labels.long())
        return self.mean(logits.float(), known) * pixels, pixels


def build_loss(settings: LossSettings, classes: int, class_weights: Sequence[float] | None = None) -> SummedLoss:
    """Build the loss that the settings describe.

    A target that is a class is called with its arguments and the result is the loss (:class:`MeanLoss` says what it
    must do); a function is the loss itself, and gets the arguments besides logits and labels. ``classes`` is among
    the arguments if the signature names it, and so is ``class_weights``, which is refused if it doesn't.

    Args:
        settings: Of the loss.
        classes: Number of classes K.
        class_weights: One number a class (:func:`lulcseg.training.losses.class_weights.plan_weights`); None: all 1.

    Raises:
        LulcsegError: An unknown name; or a target that can't be imported, refuses its arguments or class weights, or
            doesn't return a scalar for a small batch.

    Examples:
        >>> custom = LossSettings(target="torch.nn.CrossEntropyLoss", arguments={"ignore_index": 255})
        >>> total, pixels = build_loss(custom, 2)(torch.zeros(1, 2, 1, 3), torch.tensor([[[0, 1, 255]]]))
        >>> round(total.item(), 4), pixels.item()
        (1.3863, 2)
    """
    if settings.target is None:
        return cast(SummedLoss, LOSSES.load(settings.name)(settings, class_weights))
    offered: dict[str, Any] = {"classes": classes}
    if class_weights is not None:
        offered["class_weights"] = list(class_weights)
        _check_takes_weights(settings.target)
    loss = MeanLoss(_mean_of(settings.target, settings.arguments, offered))
    _check(settings.target, loss, classes)
    return loss


def _mean_of(target: str, arguments: Mapping[str, Any], offered: Mapping[str, Any]) -> Callable[..., Tensor]:
    if inspect.isclass(import_target(target, _TARGET)):
        return cast(Callable[..., Tensor], build_target(target, arguments, _TARGET, offered=offered))
    function, chosen = bound_arguments(target, arguments, _TARGET, offered, given=2)
    return partial(function, **chosen)


def _check_takes_weights(target: str) -> None:
    try:
        taken = "class_weights" in inspect.signature(import_target(target, _TARGET)).parameters
    except (TypeError, ValueError):  # some functions written in C have no signature
        taken = False
    if not taken:
        raise LulcsegError(
            f"{target} takes no class_weights",
            where="loss.class_weights",
            remedy="leave loss.class_weights out and give it its own arguments, such as +loss.weight=…",
        )


def _check(target: str, loss: MeanLoss, classes: int) -> None:
    """Try a loss on a small batch, one pixel of which is ignored.

    Raises:
        LulcsegError: It fails, or doesn't return a scalar that depends on the logits.
    """
    logits = torch.zeros(2, classes, 4, 4, requires_grad=True)
    labels = torch.arange(32, dtype=torch.uint8).reshape(2, 4, 4) % classes
    labels[0, 0, 0] = IGNORE
    remedy = "it must take logits (B, K, H, W) and labels (B, H, W) with 255 for ignore, and return their mean loss"
    try:
        total, _ = loss(logits, labels)
    except Exception as error:  # whatever somebody else's code raises
        first = (str(error).splitlines() or [""])[0]
        raise LulcsegError(
            f"{target} fails on a small batch ({type(error).__name__}: {first})", where=_TARGET, remedy=remedy
        ) from error
    if not isinstance(total, Tensor) or total.ndim or not total.requires_grad:
        raise LulcsegError(f"{target} doesn't return a scalar with a gradient", where=_TARGET, remedy=remedy)
