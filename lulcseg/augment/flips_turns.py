"""Flips and quarter turns: pixels change places and keep their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia.geometry.transform import hflip, rot180, vflip
from torch import Tensor

from lulcseg.augment.operation import Batch, Move


@dataclass(frozen=True, kw_only=True)
class HorizontalFlip(Move):
    """Horizontal flip: mirror the patch left to right."""

    name: ClassVar[str] = "horizontal_flip"
    group: ClassVar[str] = "geometry"
    draws: ClassVar[int] = 0

    def apply(self, batch: Batch, u: Tensor) -> Batch:  # noqa: ARG002
        """Mirror."""
        return Batch(*(hflip(part) for part in batch))


@dataclass(frozen=True, kw_only=True)
class VerticalFlip(Move):
    """Vertical flip: mirror the patch top to bottom."""

    name: ClassVar[str] = "vertical_flip"
    group: ClassVar[str] = "geometry"
    draws: ClassVar[int] = 0

    def apply(self, batch: Batch, u: Tensor) -> Batch:  # noqa: ARG002
        """Mirror."""
        return Batch(*(vflip(part) for part in batch))


@dataclass(frozen=True, kw_only=True)
class QuarterTurn(Move):
    """Quarter turn: turn the patch by 90, 180 or 270 degrees (shadows then fall another way)."""

    name: ClassVar[str] = "quarter_turn"
    group: ClassVar[str] = "geometry"
    draws: ClassVar[int] = 1

    def apply(self, batch: Batch, u: Tensor) -> Batch:
        """Turn by flips and a transposition, chosen for each sample."""
        turns = (u[:, 0] * 3).long() + 1

        def turned(part: Tensor) -> Tensor:
            index = turns.to(part.device, non_blocking=True).view(-1, *[1] * (part.dim() - 1))
            half = torch.where(index >= 2, rot180(part), part)  # 2 and 3 quarters
            return torch.where(index == 2, half, hflip(half).mT)  # one more quarter for 1 and 3

        return Batch(*(turned(part) for part in batch))
