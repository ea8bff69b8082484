"""Augmentation in the training step: built from the settings, with draws of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lulcseg.augment.augmentation import Augmentation
from lulcseg.augment.build_augmentation import build
from lulcseg.augment.exchange import Exchange
from lulcseg.augment.operation import Move
from lulcseg.augment.stretch import Limits
from lulcseg.augment.warp import Affine, Elastic
from lulcseg.errors import LulcsegError
from lulcseg.seeds import mixed_seed
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.registry import build_target
from lulcseg.training.model_record import ModelRecord

_TARGET = "augment._target_"

_EXCHANGE = 1
"""Sets the draws of the exchange apart from those of the augmentation."""


class BatchAugmentation(Protocol):
    """An augmentation: lulcseg's own, or anybody's (``augment._target_``)."""

    def __call__(
        self, image: Tensor, mask: Tensor, valid: Tensor, *, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Change a batch, by draws of the generator alone.

        Args:
            image: (B, C, S, S) float32, 0…1, on the device; S is the patch size and twice the margin.
            mask: (B, S, S) uint8 class index, 255 for ignore.
            valid: (B, S, S) bool, whether there is imagery.
            generator: Of the CPU.

        Returns:
            The same, (B, C, P, P), (B, P, P) and (B, P, P) with the patch size P. Pixels that come from outside the
            patch or the imagery must be 255 in the mask and False in ``valid``.
        """


def build_augmentation(settings: AugmentSettings, record: ModelRecord) -> BatchAugmentation | None:
    """Build the augmentation that the settings describe; None if it has no operations.

    A target is called with its arguments, and with ``bands``, ``optical`` (places of the optical bands; None: all are)
    and ``patch_size`` if its signature names them; it returns a :class:`BatchAugmentation`.

    Args:
        settings: Of the augmentation.
        record: What travels with the model.

    Raises:
        LulcsegError: An unknown operation, a share outside 0 to 1, an operation that the imagery's bands exclude,
            imagery whose values for 0 and 1 are not known, or a target that can't be imported or refuses its
            arguments.
    """
    if settings.target is not None:
        offered = {"bands": record.bands, "optical": record.optical, "patch_size": record.patch_size}
        custom: BatchAugmentation = build_target(settings.target, settings.arguments, _TARGET, offered=offered)
        return custom
    chosen = {name: float(share) for name, share in asdict(settings.p).items() if share is not None}
    augmentation = build(
        settings.name,
        record.bands,
        p=chosen,
        strength=settings.strength,
        most=settings.most,
        strengths=settings.strengths,
        crop=record.patch_size if settings.margin else None,
        optical=record.optical,
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
    augmentation: BatchAugmentation, image: Tensor, mask: Tensor, valid: Tensor, parts: Sequence[int]
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
    return augmentation(image, mask, valid, generator=own)


def exchanged(
    exchange: Exchange | None, batch: Mapping[str, Tensor], mosaic: Limits | None, parts: Sequence[int]
) -> tuple[Tensor, Limits | None]:
    """Return a batch's raw values and their mosaics' limits, after the exchange if there is one.

    Args:
        exchange: The exchange.
        batch: With ``image``, ``valid`` and ``scene``, as training has it.
        mosaic: Limits of the patches' mosaics, if scaling uses them.
        parts: As for :func:`augmented`, whose draws stay as they are.
    """
    if exchange is None:
        return batch["image"], mosaic
    own = torch.Generator().manual_seed(mixed_seed(*parts, _EXCHANGE))
    return exchange(batch["image"], batch["valid"], batch["scene"], mosaic, own)  # type: ignore[no-any-return]


def _warps(augmentation: BatchAugmentation) -> bool:
    """Whether a margin is of use; anybody's augmentation may use it."""
    if not isinstance(augmentation, Augmentation):
        return True
    return any(isinstance(operation, Affine | Elastic) for operation in augmentation.operations)


def _check_range(augmentation: Augmentation, record: ModelRecord) -> None:
    """Check that operations defined on 0…1 get values in that range that also fill it: few mosaics fill 16 bits."""
    bound = [o.name for o in augmentation.operations if not isinstance(o, Move)]
    known = record.scaling.range is not None
    unknown = [] if known else [b.dtype for b in record.named_bands or () if b.optical and not b.has_known_values]
    if record.band_table is None and not known and np.dtype(record.dtype).itemsize > 1:
        unknown = [record.dtype]
    if bound and unknown:
        raise LulcsegError(
            f"{bound[0]} is defined on 0…1, and the {unknown[0]} values that 0 and 1 stand for are not known",
            where="augment",
            remedy="set scaling.range=[low,high] to the values of black and white",
        )
