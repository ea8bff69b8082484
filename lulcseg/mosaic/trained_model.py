"""A trained model on devices, as a map is requested of it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from lulcseg.mosaic.devices import Devices
from lulcseg.training.batch_norm import BatchNormStatistics, put_statistics
from lulcseg.training.calibration import Calibration
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.predictor import PatchPredictor, scaled_over
from lulcseg.training.task import SegmentationTask


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, and the devices to predict on.

    Attributes:
        task: The model with its record.
        checkpoint: Its file.
        precision: As in ``trainer.precision``.
        devices: The devices.
        calibration: Of its probabilities; None: as the network gives them.
    """

    task: SegmentationTask
    checkpoint: Path
    precision: str = "auto"
    devices: Devices = field(default_factory=Devices)
    calibration: Calibration | None = None

    @property
    def record(self) -> ModelRecord:
        """The record that travels with the model."""
        return self.task.record

    @property
    def scaled_over(self) -> str | None:
        """Source of the statistics that patches are scaled by (``scaling.at_prediction``); None without scaling."""
        return scaled_over(self.task)

    @property
    def weights(self) -> int:
        """Size of its weights, in bytes."""
        tensors = [*self.task.parameters(), *self.task.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def on(self, device: torch.device) -> PatchPredictor:
        """Return the model's predictor on a device."""
        return PatchPredictor(
            self.task,
            accelerator=self.devices.accelerator,
            precision=self.precision,
            device=device,
            calibration=self.calibration,
        )

    def copied(self) -> TrainedModel:
        """Return the model with a network of its own, so that a change leaves this one as it is."""
        return replace(self, task=copy.deepcopy(self.task))

    def with_batch_norm(self, statistics: BatchNormStatistics) -> TrainedModel:
        """Return a copy whose batch norm has other statistics."""
        own = self.copied()
        put_statistics(own.task.network, statistics)
        return own

    def calibration_identity(self) -> dict[str, Any]:
        """Return the entry of a calibration in a map's identity; empty without one, as for maps of earlier versions."""
        return {} if self.calibration is None else {"calibration": self.calibration.identity()}
