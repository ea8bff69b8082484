"""Augmentation in the training step: built from the settings, with draws of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from lulcseg.augment.assemble import build
from lulcseg.augment.augmentation import Augmentation
from lulcseg.augment.operation import Move
from lulcseg.augment.warp import Affine, Elastic
from lulcseg.errors import LulcsegError
from lulcseg.seeds import mixed_seed
from lulcseg.settings.augment import AugmentSettings
from lulcseg.training.model_record import ModelRecord


def build_augmentation(settings: AugmentSettings, record: ModelRecord) -> Augmentation | None:
    """Build the augmentation that the settings describe; None if it has no operations.

    Args:
        settings: Of the augmentation.
        record: What travels with the model.

    Raises:
        LulcsegError: An unknown operation, a share outside 0 to 1, an operation that the imagery's bands exclude, or
            imagery whose values for 0 and 1 are not known.
    """
    chosen = {name: float(share) for name, share in asdict(settings.p).items() if share is not None}
    augmentation = build(
        settings.name,
        record.bands,
        p=chosen,
        strength=settings.strength,
        strengths=settings.strengths,
        crop=record.patch_size if settings.margin else None,
    )
    if not augmentation.operations:
        return None
    _check_range(augmentation, record)
    return augmentation


def margin_of(settings: AugmentSettings, record: ModelRecord) -> int:
    """Return how many pixels to read around each training patch: 0 unless an operation warps."""
    augmentation = build_augmentation(settings, record)
    return settings.margin if augmentation is not None and _warps(augmentation) else 0


def augmented(
    augmentation: Augmentation, image: Tensor, mask: Tensor, valid: Tensor, parts: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Augment a batch by draws that depend on some numbers alone; the global generators are left as they were.

    Args:
        augmentation: The augmentation.
        image: (B, C, S, S) float32, 0…1.
        mask: (B, S, S) class index, 255 where not known.
        valid: (B, S, S) bool.
        parts: Seed, epoch, number of the batch within the epoch, and rank: the same numbers give the same draws,
            so that a resumed run draws what it would have drawn uninterrupted.
    """
    own = torch.Generator().manual_seed(mixed_seed(*parts))
    changed: tuple[Tensor, Tensor, Tensor] = augmentation(image, mask, valid, generator=own)
    return changed


def _warps(augmentation: Augmentation) -> bool:
    return any(isinstance(operation, Affine | Elastic) for operation in augmentation.operations)


def _check_range(augmentation: Augmentation, record: ModelRecord) -> None:
    """Check that operations defined on 0…1 get values in that range that also fill it: few mosaics fill 16 bits."""
    bound = [o.name for o in augmentation.operations if not isinstance(o, Move)]
    if bound and np.dtype(record.dtype).itemsize > 1 and record.scaling.range is None:
        raise LulcsegError(
            f"{bound[0]} is defined on 0…1, and the {record.dtype} values that 0 and 1 stand for are not known",
            where="augment",
            remedy="set scaling.range=[low,high] to the values of black and white",
        )
