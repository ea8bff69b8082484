"""What a map asks of a model, whatever its file is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from lulcseg.augment.band_matching import Quantiles
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.forward import PatchModel
from lulcseg.training.batch_norm import BatchNormStatistics
from lulcseg.training.calibration import Calibration
from lulcseg.training.model_record import ModelRecord


class MapModel(Protocol):
    """A model that maps can be made with: a trained one, or an exported file."""

    @property
    def record(self) -> ModelRecord:
        """The record that travels with the model."""

    @property
    def checkpoint(self) -> Path:
        """Its file."""

    @property
    def precision(self) -> str:
        """As in ``trainer.precision``."""

    @property
    def devices(self) -> Devices:
        """The devices to predict on."""

    @property
    def calibration(self) -> Calibration | None:
        """Calibration of its probabilities; None: as the network gives them."""

    @property
    def scaled_over(self) -> str | None:
        """Source of the statistics that patches are scaled by; None without scaling."""

    @property
    def adapted(self) -> str | None:
        """How the mosaic that it is for was adapted when its file was made, as maps' tags name it; None: not at all."""

    @property
    def weights(self) -> int:
        """Size of its weights, in bytes."""

    def calibration_identity(self) -> dict[str, Any]:
        """Return the entry of a calibration in a map's identity; empty without one."""

    def check_adaptable(self, adapt: str) -> None:
        """Check that the model can be adapted to mosaics.

        Raises:
            LulcsegError: It can't.
        """

    def check_request(self, scene: str, patch_size: int) -> None:
        """Check that the model can map a scene by patches of a size, which is the one that its network sees.

        Raises:
            LulcsegError: It can't.
        """

    def predictor(
        self,
        device: torch.device,
        statistics: Mapping[str, Any] | None = None,
        quantiles: Quantiles | None = None,
        batch_norm: BatchNormStatistics | None = None,
    ) -> PatchModel:
        """Return the model's predictor on a device, for one mosaic.

        Args:
            device: The device.
            statistics: Those of the mosaic, if the model scales by them.
            quantiles: Those of the mosaic, if it is adapted by its histogram.
            batch_norm: Batch norm's statistics of the mosaic, if it is adapted by them.
        """
