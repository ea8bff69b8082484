"""A trained model on devices, as a map is requested of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from lulcseg.augment.band_matching import Quantiles
from lulcseg.mosaic.devices import Devices
from lulcseg.settings.adapt import BY_BATCH_NORM, BY_HISTOGRAM
from lulcseg.training.batch_norm import BatchNormStatistics, check_batch_norm, put_statistics, trained_shares
from lulcseg.training.calibration import Calibration
from lulcseg.training.measured_speed import Work
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.precision import AUTO, choose_computing
from lulcseg.training.predictor import PatchPredictor, scaled_over, trained_quantiles
from lulcseg.training.task import SegmentationTask


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, and the devices to predict on.

    Attributes:
        task: The model with its record.
        checkpoint: Its file.
        precision: As in ``trainer.precision``; ``auto`` becomes what is faster for this network here.
        devices: The devices.
        calibration: Of its probabilities; None: as the network gives them.
        leaves_open: Whether the settings left the number format open (``auto``).
    """

    task: SegmentationTask
    checkpoint: Path
    precision: str = "auto"
    devices: Devices = field(default_factory=Devices)
    calibration: Calibration | None = None
    leaves_open: bool = False

    def __post_init__(self) -> None:
        """Decide on the number format, so that all that is made with the model has one."""
        object.__setattr__(self, "leaves_open", self.leaves_open or self.precision == AUTO)
        work = Work(self.record.model, self.record.bands, self.record.patch_size, training=False)
        chosen = choose_computing(self.precision, self.devices.accelerator, work)
        object.__setattr__(self, "precision", chosen.precision)

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

    def predictor(
        self,
        device: torch.device,
        statistics: Mapping[str, Any] | None = None,
        quantiles: Quantiles | None = None,
        batch_norm: BatchNormStatistics | None = None,
    ) -> PatchPredictor:
        """Return the model's predictor on a device, for one mosaic (:class:`lulcseg.mosaic.map_model.MapModel`)."""
        own = self if batch_norm is None else self.with_batch_norm(batch_norm)
        predictor = own.on(device)
        is_own = statistics is None and quantiles is None
        return predictor if is_own else predictor.of_mosaic(statistics, quantiles)

    @property
    def adapted(self) -> None:
        """How a mosaic is adapted inside its file: not at all."""

    def check_adaptable(self, adapt: str) -> None:
        """Check that the model can be adapted to mosaics.

        Raises:
            LulcsegError: Its record doesn't hold what it was trained on, or its network has no batch norm to adapt.
        """
        if adapt in BY_HISTOGRAM:
            trained_quantiles(self.record)
        if adapt in BY_BATCH_NORM:
            check_batch_norm(self.task.network, self.checkpoint)
            trained_shares(self.record)

    def check_request(self, scene: str, patch_size: int) -> None:
        """Check that the model can map a scene by patches of a size: any scene, and any size."""

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
