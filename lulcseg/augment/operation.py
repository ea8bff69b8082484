"""What an augmentation operation is, and how a batch of samples draws for it.

Every sample's draws are numbers in [0, 1) made on the CPU (see :mod:`lulcseg.augment.augmentation`); an
operation turns the ones it asks for into strengths. So deciding which samples an operation changes never
waits for the device, and CPU and GPU decide alike.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Patches with what is known of each of their pixels.

    Attributes:
        image: (B, C, P, P) float32, 0…1 by the imagery type's range.
        mask: (B, P, P) whole numbers: class index, 255 where the class is not known.
        valid: (B, P, P) bool: whether there is imagery.
    """

    image: Tensor
    mask: Tensor
    valid: Tensor


def amount(default: float, about: str) -> Any:
    """Declare how strong an operation may get.

    Args:
        default: Value where nothing is said.
        about: One sentence on what it is, with the unit.
    """
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True, kw_only=True)
class Operation(ABC):
    """One kind of change; its fields are its strengths, and its docstring says what it stands for.

    Attributes:
        name: Its key in the configuration.
        group: ``contrast``, ``noise``, ``geometry`` or ``weather``.
        draws: Numbers a sample draws for it, beside the one that decides whether it is changed.
        bands: Number of bands it needs; None: any.
    """

    name: ClassVar[str]
    group: ClassVar[str]
    draws: ClassVar[int]
    bands: ClassVar[int | None] = None

    @property
    def about(self) -> str:
        """What it does, in one sentence."""
        return (type(self).__doc__ or "").strip().splitlines()[0]


class Photometric(Operation):
    """An operation that changes values and leaves every pixel where it is."""

    @abstractmethod
    def apply(self, image: Tensor, valid: Tensor, u: Tensor, strength: float) -> Tensor:
        """Change the samples it is given.

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
        """Move the pixels of the samples it is given.

        Args:
            batch: The n samples.
            u: (n, ``draws``) float64 on the CPU.
        """


def symmetric(u: Tensor) -> Tensor:
    """Bring draws in [0, 1) to [-1, 1)."""
    return 2.0 * u - 1.0


def factor(u: Tensor, widest: float, strength: float) -> Tensor:
    """Draw a factor between 1 / widest and widest, as likely below 1 as above.

    Args:
        u: (n,) in [0, 1).
        widest: Largest factor, above 0.
        strength: Factor on the logarithm of ``widest``; at 0 all come out as 1.
    """
    return torch.exp(symmetric(u) * (strength * math.log(widest)))


def on(values: Tensor, image: Tensor) -> Tensor:
    """Bring per-sample values to the image's device: (n,) or (n, C) → (n, 1 or C, 1, 1) float32."""
    shaped = values.reshape(len(values), -1, 1, 1).float()
    return shaped.to(image.device, non_blocking=True)


def seeds(u: Tensor) -> list[int]:
    """Turn draws (n,) on the CPU into seeds, one a sample."""
    seeded: list[int] = (u * 2**31).long().tolist()
    return seeded
