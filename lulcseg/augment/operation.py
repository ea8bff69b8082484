"""The base classes of augmentation operations, and how draws become strengths.

Every sample's draws are numbers in [0, 1) made on the CPU (see :mod:`lulcseg.augment.augmentation`); an
operation turns its own into strengths. So deciding which samples an operation changes never
waits for the device, and CPU and GPU decide alike.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from lulcseg.seeds import seed_from_draw


class Batch(NamedTuple):
    """Patches with label and validity of each pixel.

    Attributes:
        image: (B, C, P, P) float32, 0…1 by the imagery type's range.
        mask: (B, P, P) whole numbers: class index, 255 for ignore.
        valid: (B, P, P) bool: whether there is imagery.
    """

    image: Tensor
    mask: Tensor
    valid: Tensor


def amount(default: float, about: str) -> Any:
    """Declare a strength of an operation.

    Args:
        default: Its default value.
        about: One sentence that describes it, with the unit.
    """
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True, kw_only=True)
class Operation(ABC):
    """One kind of change; its fields are its strengths, and its docstring describes it to users.

    Attributes:
        name: Its key in the configuration.
        group: ``contrast``, ``noise``, ``geometry`` or ``weather``.
        draws: Numbers a sample draws for it, besides the one that decides whether it is changed.
        bands: Number of bands it needs; None: any.
    """

    name: ClassVar[str]
    group: ClassVar[str]
    draws: ClassVar[int]
    bands: ClassVar[int | None] = None

    @property
    def about(self) -> str:
        """Its description, one sentence."""
        return (type(self).__doc__ or "").strip().splitlines()[0]


class Photometric(Operation):
    """An operation that changes values and moves no pixel."""

    @abstractmethod
    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:
        """Change samples.

        Args:
            image: (n, C, P, P) float32, 0…1.
            valid: (n, P, P) bool.
            u: (n, ``draws``) float64 on the CPU, each in [0, 1).
            strength: Factor on every strength: at 0 nothing changes, 1 is as declared.

        Returns:
            (n, C, P, P) float32; the caller clamps it to 0…1.
        """


class Move(Operation):
    """An operation that moves whole pixels: image, labels and validity alike, without resampling."""

    @abstractmethod
    def apply(self, batch: Batch, u: Tensor) -> Batch:
        """Move the pixels of samples.

        Args:
            batch: The n samples.
            u: (n, ``draws``) float64 on the CPU.
        """


def symmetric(u: Tensor) -> Tensor:
    """Map draws in [0, 1) to [-1, 1).

    Examples:
        >>> symmetric(torch.tensor([0.0, 0.5, 0.75])).tolist()
        [-1.0, 0.0, 0.5]
    """
    return 2.0 * u - 1.0


def factor(u: Tensor, widest: float, strength: float) -> Tensor:
    """Draw a factor between 1 / widest and widest, as likely below 1 as above.

    Args:
        u: (n,) in [0, 1).
        widest: Largest factor, above 0.
        strength: Factor on the logarithm of ``widest``; at 0 all results are 1.

    Examples:
        >>> [round(f, 3) for f in factor(torch.tensor([0.0, 0.5, 0.75]), widest=4.0, strength=1.0).tolist()]
        [0.25, 1.0, 2.0]
    """
    return torch.exp(symmetric(u) * (strength * math.log(widest)))


def on(values: Tensor, image: Tensor) -> Tensor:
    """Move per-sample values to the image's device: (n,) or (n, C) → (n, 1 or C, 1, 1) float32."""
    shaped = values.reshape(len(values), -1, 1, 1).float()
    return shaped.to(image.device, non_blocking=True)


def seeds(u: Tensor) -> list[int]:
    """Turn draws (n,) on the CPU into seeds, one a sample."""
    return [seed_from_draw(draw) for draw in u.tolist()]
