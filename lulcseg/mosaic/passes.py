"""Passes over a mosaic, as data: where each pass's patches lie, and which views of a patch it averages."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from lulcseg.errors import LulcsegError
from lulcseg.mosaic.weight_windows import WeightName
from lulcseg.settings.mosaic import MosaicPass, MosaicSettings

_PLANE = (-2, -1)
_COLUMNS = (-1,)


@dataclass(frozen=True, slots=True)
class PatchView:
    """Rotation and mirroring of a patch before it goes through the model.

    Attributes:
        turns: Counter-clockwise quarter turns, 0…3.
        flipped: Whether it is mirrored left to right before it is rotated.

    Example:
        >>> view = PatchView(turns=1)
        >>> view.apply(torch.tensor([[1, 2], [3, 4]])).tolist()
        [[2, 4], [1, 3]]
        >>> view.undo(view.apply(torch.tensor([[1, 2], [3, 4]]))).tolist()
        [[1, 2], [3, 4]]
    """

    turns: int = 0
    flipped: bool = False

    def apply(self, upright: Tensor) -> Tensor:
        """Return the view of an upright patch, (…, P, P)."""
        return _rotated(upright.flip(_COLUMNS) if self.flipped else upright, self.turns)

    def undo(self, turned: Tensor) -> Tensor:
        """Return the model's output for the view, (…, P, P), upright again."""
        upright = _rotated(turned, -self.turns)
        return upright.flip(_COLUMNS) if self.flipped else upright


def _rotated(image: Tensor, turns: int) -> Tensor:
    """Rotate counter-clockwise by quarter turns; without any the image itself, which torch would copy."""
    return torch.rot90(image, turns, _PLANE) if turns % 4 else image


@dataclass(frozen=True, slots=True)
class Pass:
    """One tiling of the whole mosaic with patches.

    Attributes:
        offset_rows: Shift of the patches in rows, as a fraction of the step between patches, 0 ≤ f < 1.
        offset_cols: The same for columns.
        rotations: Distinct counter-clockwise quarter turns, 0…3, whose class probabilities are averaged.
        flips: Whether to average the mirror image of each rotation as well.

    Raises:
        LulcsegError: An offset or rotation out of range, no rotation, or a repeated one.
    """

    offset_rows: float = 0.0
    offset_cols: float = 0.0
    rotations: tuple[int, ...] = (0,)
    flips: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("offset_rows", "offset_cols"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise LulcsegError(
                    f"{name} is {value}", where="mosaic", remedy="give a fraction of the patch, from 0 to below 1"
                )
        if (
            not self.rotations
            or len(set(self.rotations)) < len(self.rotations)
            or not set(self.rotations) <= set(range(4))
        ):
            raise LulcsegError(
                f"rotations are {list(self.rotations)}",
                where="mosaic",
                remedy="give one or more of the quarter turns 0, 1, 2, 3, each once",
            )

    @property
    def views(self) -> tuple[PatchView, ...]:
        """The views of a patch, in the order of summation: all rotations, then all rotations of the mirror image."""
        return tuple(
            PatchView(turns, flipped) for flipped in (False, True)[: 1 + self.flips] for turns in self.rotations
        )

    def origin(self, step: int) -> tuple[int, int]:
        """Return row and column of the first patch: 0, or negative so that the mosaic's edge is covered too.

        Args:
            step: Distance from one patch to the next, in pixels. Offsets are rounded down to whole pixels.

        Example:
            >>> Pass(offset_rows=0.5).origin(512)
            (-256, 0)
        """
        shifts = (math.floor(self.offset_rows * step), math.floor(self.offset_cols * step))
        row, col = (shift - step if shift else 0 for shift in shifts)
        return row, col


@dataclass(frozen=True, slots=True)
class PassPlan:
    """The passes that make a map.

    A pixel's class probabilities are the mean over the passes, weighted by the pixel's position in each pass's patch;
    within a pass they are the unweighted mean over its views.

    Attributes:
        passes: The passes, at least one.
        weight: Name of the weight window, see :mod:`lulcseg.mosaic.weight_windows`.
        trim: Share of the patch that is cut off at each edge, 0 ≤ f < 0.5. Patches then overlap by twice as much, and
            their cores cover each pixel once per pass.

    Raises:
        LulcsegError: There is no pass, or the trim leaves nothing of a patch.
    """

    passes: tuple[Pass, ...]
    weight: WeightName = "uniform"
    trim: float = 0.0

    def __post_init__(self) -> None:
        """Check that there is a pass, and that the trim leaves part of a patch."""
        if not self.passes:
            raise LulcsegError("no pass is given", where="mosaic", remedy="give at least one")
        if not 0 <= self.trim < 0.5:
            raise LulcsegError(
                f"trim is {self.trim}", where="mosaic", remedy="give a share of the patch, from 0 to below 0.5"
            )

    def margin(self, patch_size: int) -> int:
        """Return the number of pixels cut off at each edge of a patch."""
        return math.floor(self.trim * patch_size)

    def step(self, patch_size: int) -> int:
        """Return the distance from one patch to the next, in pixels; it is also the size of a patch's core.

        Example:
            >>> PassPlan((Pass(),), trim=0.125).step(512)
            384
        """
        return patch_size - 2 * self.margin(patch_size)

    @property
    def views_per_patch(self) -> float:
        """Mean number of forward samples per patch."""
        return sum(len(p.views) for p in self.passes) / len(self.passes)

    def to_plain(self) -> dict[str, Any]:
        """Return the plan as plain Python."""
        return asdict(self)


def named_plan(name: str) -> PassPlan:
    """Return the plan of a preset of ``conf/mosaic/``.

    Raises:
        LulcsegError: There is no such preset.
    """
    return plan_from(MosaicSettings(name))[1]


def plan_from(settings: MosaicSettings) -> tuple[str, PassPlan]:
    """Return the passes that the settings request, and a label for them.

    Args:
        settings: ``mosaic`` of the configuration; what it leaves out is as in the preset that it names.

    Returns:
        A label for files and reports, and the plan. The label is the plan's name with the changes to it
        (``multiple-hann``), patch size and scale among them; for passes given one by one it is ``own`` and a few
        letters of their hash.

    Raises:
        LulcsegError: The passes are not valid.
    """
    preset = settings.preset()
    if settings.has_own_passes:
        plan = PassPlan(tuple(_pass_from(each) for each in settings.passes), weight="cone")
        label = f"own-{hashlib.sha256(json.dumps(plan.to_plain()).encode()).hexdigest()[:6]}"
    else:
        passes = tuple(_pass_from(each) for each in preset.passes or [MosaicPass()])
        plan = PassPlan(passes, cast("WeightName", preset.weight or "uniform"), preset.trim or 0.0)
        label = settings.name
    if settings.weight is not None and settings.weight != plan.weight:
        plan, label = replace(plan, weight=cast("WeightName", settings.weight)), f"{label}-{settings.weight}"
    if settings.trim is not None and settings.trim != plan.trim:
        plan, label = replace(plan, trim=settings.trim), f"{label}-trim{settings.trim:g}"
    if settings.patch_size is not None:
        label = f"{label}-patch{settings.patch_size}"
    if settings.scale != 1:
        label = f"{label}-scale{settings.scale:g}"
    return label, plan


def _pass_from(settings: MosaicPass) -> Pass:
    if len(settings.offset) != 2:
        raise LulcsegError(
            f"mosaic.passes: offset is {settings.offset}", where="configuration", remedy="give rows and columns"
        )
    if any(angle % 90 for angle in settings.rotations):
        raise LulcsegError(
            f"mosaic.passes: rotations are {settings.rotations}", where="configuration", remedy="use 0, 90, 180, 270"
        )
    turns = tuple(angle // 90 % 4 for angle in settings.rotations)
    return Pass(settings.offset[0], settings.offset[1], turns, settings.flips)
