"""From raw patches to a network's input: scaled, augmented in training, and normalised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lulcseg.augment.scaler import Scaler
from lulcseg.augment.stretch import Limits
from lulcseg.models.pretrained import Normalisation
from lulcseg.training.augmenting import BatchAugmentation, augmented
from lulcseg.training.model_record import ModelRecord


class NetworkInput(nn.Module):
    """Scales, augments and normalises raw patches, in float32.

    Args:
        scaler: The scaling.
        normalisation: What a pretrained network expects.
        augmentation: Of training patches; None: they stay as they are.
        scaled_first: Whether training patches are scaled before they are augmented (``scaling.before_augmentation``).
    """

    def __init__(
        self,
        scaler: Scaler,
        normalisation: Normalisation,
        augmentation: BatchAugmentation | None,
        scaled_first: bool,
    ) -> None:
        super().__init__()
        self.scaler, self.normalisation, self.augmentation = scaler, normalisation, augmentation
        self.scaled_first = scaled_first

    def at_prediction(self, image: Tensor, valid: Tensor, mosaic: Limits | None) -> Tensor:
        """Return the input at validation and prediction.

        Args:
            image: (B, C, P, P) in the imagery's own type.
            valid: (B, P, P) bool.
            mosaic: Limits of each patch's mosaic, if scaling uses the mosaic.

        Returns:
            (B, C, P, P), 0 where there is no imagery; a patch's doesn't depend on the others.
        """
        with torch.autocast(image.device.type, enabled=False):
            unit = self.scaler.to_unit(image, valid)
            scaled = self.scaler(unit, valid, self.scaler.at_prediction, mosaic)
            result: Tensor = self.normalisation(scaled, valid)
        return result

    @torch.no_grad()
    def in_training(
        self, raw: Tensor, mask: Tensor, valid: Tensor, mosaic: Limits | None, parts: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Return the input in training, and the labels moved along with it.

        Args:
            raw: (B, C, S, S) raw values.
            mask: (B, S, S) class index, 255 where not known.
            valid: (B, S, S) bool.
            mosaic: Limits of each patch's mosaic, if scaling uses the mosaic.
            parts: Numbers that the draws depend on.

        Returns:
            (B, C, P, P), 0 where there is no imagery, and (B, P, P).
        """
        scaler, first = self.scaler, self.scaled_first
        with torch.autocast(raw.device.type, enabled=False):
            image = scaler.to_unit(raw, valid)
            if first:
                image = scaler(image, valid, scaler.over, mosaic)
            if self.augmentation is not None:
                image, mask, valid = augmented(self.augmentation, image, mask, valid, parts)
            image = torch.where(valid[:, None], image, 0.0) if first else scaler(image, valid, scaler.over, mosaic)
            return self.normalisation(image, valid), mask


def build_scaler(
    record: ModelRecord, scenes: Sequence[Mapping[str, Any]] = (), at_prediction: str | None = None
) -> Scaler:
    """Return the scaling that a model's record describes.

    Args:
        record: What travels with the model.
        scenes: Statistics of each training scene's mosaic; needed to train with those of the mosaic.
        at_prediction: Statistics used at prediction in place of the batch's; None: as in the record.
    """
    return Scaler(
        record.scaling,
        record.dtype,
        record.statistics,
        scenes=scenes,
        at_prediction=at_prediction,
        bands=record.named_bands,
    )
