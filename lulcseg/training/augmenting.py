"""Augmentation as the training step calls it: built from the settings, drawn from numbers of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lulcseg.augment.assemble import build
from lulcseg.augment.augmentation import Augmentation
from lulcseg.augment.operation import Move
from lulcseg.augment.warp import Affine, Elastic
from lulcseg.errors import LulcsegError
from lulcseg.training.model_record import ModelRecord


def build_augmentation(settings: Mapping[str, Any], record: ModelRecord) -> Augmentation | None:
    """Build what the settings ask for, or None where they ask for nothing.

    Args:
        settings: Of the augmentation (``lulcseg.settings.augment.AugmentSettings``), as a plain mapping.
        record: What travels with the model.

    Raises:
        LulcsegError: An unknown operation, a share that isn't one, an operation that the imagery can't have, or
            imagery of which it isn't known what 0 and 1 are.
    """
    chosen = {name: float(share) for name, share in settings["p"].items() if share is not None}
    crop = record.patch_size if settings["margin"] else None
    augmentation = build(
        settings["name"],
        record.bands,
        p=chosen,
        strength=float(settings["strength"]),
        strengths=settings.get("strengths"),
        crop=crop,
    )
    if not augmentation.operations:
        return None
    _check_range(augmentation, record)
    return augmentation


def margin_of(settings: Mapping[str, Any], record: ModelRecord) -> int:
    """Return how many pixels to read around each training patch: none where nothing warps."""
    augmentation = build_augmentation(settings, record)
    return int(settings["margin"]) if augmentation is not None and _warps(augmentation) else 0


def augmented(
    augmentation: Augmentation, image: Tensor, mask: Tensor, valid: Tensor, parts: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Change a batch by draws from some numbers alone, leaving the global generators as they were.

    Args:
        augmentation: What may happen.
        image: (B, C, S, S) float32, 0…1.
        mask: (B, S, S) class index, 255 where not known.
        valid: (B, S, S) bool.
        parts: Seed, epoch, number of the batch within the epoch, and rank: the same numbers draw the same,
            so that a run that goes on draws what it would have drawn.
    """
    own = torch.Generator().manual_seed(draw_seed(parts))
    changed: tuple[Tensor, Tensor, Tensor] = augmentation(image, mask, valid, generator=own)
    return changed


def draw_seed(parts: Sequence[int]) -> int:
    """Mix whole numbers (run seed, epoch, step, rank) into one seed for a generator."""
    return int(np.random.SeedSequence(list(parts)).generate_state(1)[0])


def _warps(augmentation: Augmentation) -> bool:
    return any(isinstance(operation, Affine | Elastic) for operation in augmentation.operations)


def _check_range(augmentation: Augmentation, record: ModelRecord) -> None:
    """See that operations that act within 0…1 meet values that are, and that fill it: few mosaics fill 16 bits."""
    bound = [o.name for o in augmentation.operations if not isinstance(o, Move)]
    if bound and np.dtype(record.dtype).itemsize > 1 and record.scaling["range"] is None:
        raise LulcsegError(
            f"{bound[0]} acts within 0…1, and of {record.dtype} imagery it isn't known which values those are",
            where="augment",
            remedy="set scaling.range=[low,high] to the values that black and white have",
        )
