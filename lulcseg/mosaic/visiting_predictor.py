"""A predictor whose weights are on its device only while it is called: for models that don't fit there together."""

from __future__ import annotations

from torch import Tensor

from lulcseg.training.predictor import PatchPredictor


class VisitingPredictor:
    """Moves a predictor's network to its device for each call, and back.

    Args:
        predictor: The predictor.
    """

    def __init__(self, predictor: PatchPredictor) -> None:
        self._predictor = predictor
        predictor.task.to("cpu")

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """Return logits, (B, K, P, P), of images (B, C, P, P) in their raw type, valid where (B, P, P) is true."""
        task = self._predictor.task.to(self._predictor.device)
        try:
            return self._predictor(image, valid)
        finally:
            task.to("cpu")
