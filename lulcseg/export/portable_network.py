"""A trained model as one graph: raw pixel values in, class probabilities out."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from lulcseg.augment.stretch import Limits
from lulcseg.export.portable_matching import PortableMatching
from lulcseg.training.calibration import Calibration
from lulcseg.training.predictor import PatchPredictor


class PortableNetwork(nn.Module):
    """Everything that prediction does with a patch, in the order in which :class:`PatchPredictor` does it.

    A pixel has no imagery where a band is not a number, which no other program passes by accident and ours passes on
    purpose, or where its bands equal a nodata value. Whole numbers are rounded first: programs that divide by 255,
    and are told to multiply again, are off by the last bit.

    Args:
        predictor: The trained model with what it knows of a mosaic; it stays as it is.
        calibration: Of the logits; None: none.
        nodata: Raw value that means no imagery: in all bands of integer imagery, in any band of floats; None: none.
    """

    factor: Tensor | None
    offset: Tensor | None

    def __init__(
        self, predictor: PatchPredictor, *, calibration: Calibration | None = None, nodata: float | None = None
    ) -> None:
        super().__init__()
        task = predictor.task
        self.network = copy.deepcopy(task.network).to(memory_format=torch.contiguous_format)
        self.scaler, self.normalisation = copy.deepcopy(task.scaler), copy.deepcopy(task.normalisation)
        self.is_whole = np.dtype(task.record.dtype).kind in "iu"
        self.nodata = nodata
        self.matching = None if predictor.matching is None else PortableMatching(predictor.matching)
        for name in ("offset", "span"):
            limit = None if predictor.mosaic is None else getattr(predictor.mosaic, name)
            self.register_buffer(f"mosaic_{name}", limit, persistent=False)
        for name in ("factor", "offset"):
            values = None if calibration is None else torch.tensor(getattr(calibration, name)).reshape(1, -1, 1, 1)
            self.register_buffer(name, values, persistent=False)
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        """Return class probabilities.

        Args:
            image: (B, C, P, P) float32, raw values; not a number in any band: no imagery there.

        Returns:
            (B, K, P, P) float32, in the order of the legend; of pixels without imagery too.
        """
        raw = image.round() if self.is_whole else image
        missing = torch.isnan(raw).any(dim=1)
        if self.nodata is not None:
            equal = raw == self.nodata
            missing = missing | (equal.all(dim=1) if self.is_whole else equal.any(dim=1))
        valid = ~missing
        values = torch.where(valid.unsqueeze(1), raw, 0.0)
        if self.matching is not None:
            values = self.scaler.optical.changed(values, self.matching)
        unit = self.scaler.to_unit(values, valid)
        scaled = self.scaler(unit, valid, self.scaler.at_prediction, self._mosaic)
        logits: Tensor = self.network(self.normalisation(scaled, valid))
        if self.factor is not None and self.offset is not None:
            logits = logits * self.factor + self.offset
        return torch.softmax(logits, dim=1)

    @property
    def _mosaic(self) -> Limits | None:
        offset, span = self.mosaic_offset, self.mosaic_span
        return Limits(offset, span) if isinstance(offset, Tensor) and isinstance(span, Tensor) else None
