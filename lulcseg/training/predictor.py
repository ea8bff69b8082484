"""A trained model for prediction: raw patches in, logits out, in the fastest safe number format."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lulcseg.augment.band_matching import BandMatching, Quantiles
from lulcseg.augment.stretch import Limits
from lulcseg.errors import LulcsegError
from lulcseg.training.calibration import Calibration
from lulcseg.training.compiling import compile_network
from lulcseg.training.cpu_allocator import keep_freed_memory
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.precision import resolve_precision
from lulcseg.training.task import SegmentationTask

_FORMATS = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
"""Autocast's types by settings of ``trainer.precision``; others compute in float32."""


class PatchPredictor:
    """Calls a trained task under autocast.

    Args:
        task: The trained model.
        accelerator: ``auto``, ``cpu``, ``gpu`` or ``mps``.
        precision: As in ``trainer.precision``.
        device: The device itself; None: the first of the accelerator's.
        calibration: Applied to the logits; None: none.

    Attributes:
        device: Where it computes.
        mosaic: Limits of the mosaic that is mapped, if scaling uses them.
        matching: Match of the mosaic's optical bands to those trained on, if it is to be matched.
    """

    mosaic: Limits | None = None
    matching: BandMatching | None = None

    def __init__(
        self,
        task: SegmentationTask,
        *,
        accelerator: str = "auto",
        precision: str = "auto",
        device: torch.device | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.device = device or device_of(accelerator)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.task = task.to(self.device).eval()
        self.dtype = number_format(precision, accelerator)
        self._calibrate = None if calibration is None else calibration.on(self.device)

    def of_mosaic(
        self, statistics: Mapping[str, Any] | None = None, quantiles: Quantiles | None = None
    ) -> PatchPredictor:
        """Return the predictor for a mosaic's patches.

        Args:
            statistics: The mosaic's, as in the model's record; None: scaling doesn't use them.
            quantiles: The mosaic's, if its values are to be matched to those that the model was trained on. Scaling
                then takes the training mosaics' statistics for the mosaic's.

        Raises:
            LulcsegError: The mosaic can't be matched: a band has a single value, or the model is of a version that
                didn't record what it was trained on.
        """
        own, record = copy.copy(self), self.task.record
        if quantiles is not None:
            pair = [record.of_optical(each) for each in (quantiles, trained_quantiles(record))]
            own.matching = BandMatching(*pair).to(self.device)
            statistics = record.statistics if statistics is not None else None
        if statistics is not None:
            own.mosaic = Limits(*(limit.to(self.device) for limit in self.task.scaler.limits_of(statistics)))
        return own

    def compile(self, image: Tensor, valid: Tensor) -> str | None:
        """Compile the network, and run it once.

        Args:
            image: A batch as it will be predicted.
            valid: Where it is valid.

        Returns:
            The reason why it is not compiled, as a clause, or None if it is. It predicts either way.
        """
        return compile_network(self.task.network, lambda: self(image, valid))

    @torch.inference_mode()
    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """Return logits, calibrated if a calibration was given.

        Args:
            image: (B, C, P, P) in the imagery's own type.
            valid: (B, P, P) bool.

        Returns:
            (B, K, P, P) float32, contiguous: each class's plane is one block of memory, as blending needs.
        """
        if self.matching is not None:
            image = self.task.scaler.optical.changed(image, self.matching)
        with torch.autocast(self.device.type, self.dtype or torch.bfloat16, enabled=self.dtype is not None):
            logits: Tensor = self.task(image, valid, self.mosaic)
        logits = logits.to(torch.float32, memory_format=torch.contiguous_format)
        return logits if self._calibrate is None else self._calibrate(logits)


def trained_quantiles(record: ModelRecord) -> Quantiles:
    """Return the quantiles of the mosaics that a model was trained on.

    Raises:
        LulcsegError: Its record has none.
    """
    if record.quantiles is None:
        raise LulcsegError(
            "the model's record doesn't hold the values it was trained on",
            where="adapt",
            remedy="set adapt=none, or train it again with this version",
        )
    return record.quantiles


def scaled_over(task: SegmentationTask) -> str | None:
    """Return the pixels whose statistics scale a model's patches at prediction, or None without scaling."""
    return None if task.scaler.method == "none" else task.scaler.at_prediction


def number_format(precision: str, accelerator: str) -> torch.dtype | None:
    """Return autocast's type for a setting of ``trainer.precision``; None: float32, without autocast.

    Examples:
        >>> number_format("bf16-mixed", "cpu")
        torch.bfloat16
    """
    return _FORMATS.get(resolve_precision(precision, accelerator))


def precision_named(name: str) -> str:
    """Return the setting of ``trainer.precision`` that computes in a type, by the type's name.

    Examples:
        >>> precision_named("torch.bfloat16"), precision_named("torch.float32")
        ('bf16-mixed', '32-true')
    """
    return next((precision for precision, dtype in _FORMATS.items() if str(dtype) == name), "32-true")


def device_of(accelerator: str) -> torch.device:
    """Return the first device of an accelerator: ``auto``, ``cpu``, ``gpu`` or ``mps``."""
    if accelerator == "mps":
        return torch.device("mps")
    if accelerator == "gpu" or (accelerator == "auto" and torch.cuda.is_available()):
        return torch.device("cuda")
    return torch.device("cpu")
