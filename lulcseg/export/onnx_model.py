"""An exported ONNX file as a model that maps are made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lulcseg.augment.band_matching import Quantiles
from lulcseg.errors import LulcsegError
from lulcseg.export.exported_model import ExportedModel
from lulcseg.export.onnx_file import INPUT, read_onnx
from lulcseg.mosaic.devices import Devices
from lulcseg.training.batch_norm import BatchNormStatistics
from lulcseg.training.calibration import Calibration
from lulcseg.training.model_record import ModelRecord

SUFFIX = ".onnx"


@dataclass(frozen=True)
class OnnxModel:
    """An exported model, as maps ask for it (:class:`lulcseg.mosaic.map_model.MapModel`).

    Attributes:
        exported: What the file says of itself.
        checkpoint: The file.
        session: ONNX Runtime's session.
        devices: The devices to predict on.
    """

    exported: ExportedModel
    checkpoint: Path
    session: Any
    devices: Devices = field(default_factory=Devices)

    precision = "32-true"
    """ONNX Runtime computes in float32."""

    @classmethod
    def load(cls, path: Path, devices: Devices) -> OnnxModel:
        """Open a file.

        Raises:
            LulcsegError: It is not a file of lulcseg export, or damaged, or ONNX Runtime is missing.
        """
        session, exported = read_onnx(path)
        return cls(exported, path, session, devices)

    @property
    def record(self) -> ModelRecord:
        """The record of the model; its patches are those that the graph takes."""
        return replace(self.exported.record, patch_size=self.exported.patch_size)

    @property
    def calibration(self) -> Calibration | None:
        """Calibration of its probabilities, inside the graph."""
        return self.exported.calibration

    @property
    def scaled_over(self) -> str | None:
        """Source of the statistics that patches are scaled by, inside the graph; None without scaling."""
        over, scene = self.exported.scaled_over, self.exported.scene
        return over if over is None or scene is None else f"{over} of {scene}"

    @property
    def adapted(self) -> str | None:
        """How the mosaic that it is for is adapted, inside the graph; None: not at all."""
        return self.exported.adapted

    @property
    def weights(self) -> int:
        """Size of its file, in bytes."""
        return self.checkpoint.stat().st_size

    def calibration_identity(self) -> dict[str, Any]:
        """Return nothing: the calibration is part of the file, which a map's identity has."""
        return {}

    def check_adaptable(self, adapt: str) -> None:
        """Refuse to adapt the model.

        Raises:
            LulcsegError: In any case.
        """
        raise LulcsegError(
            f"an exported model can't be adapted to another mosaic (adapt={adapt})",
            where=self.checkpoint,
            remedy=f"set adapt=none, or export it for this scene: lulcseg export … --adapt {adapt} --scene …",
        )

    def check_request(self, scene: str, patch_size: int) -> None:
        """Check that the model can map a scene by patches of a size.

        Raises:
            LulcsegError: It is for another scene, or for patches of another size.
        """
        own = self.exported
        if own.scene is not None and own.scene != scene:
            raise LulcsegError(
                f"it was exported for the mosaic of {own.scene}, not of {scene}",
                where=self.checkpoint,
                remedy="export the checkpoint for this scene (--scene), or map with the checkpoint",
            )
        if patch_size != own.patch_size:
            raise LulcsegError(
                f"it takes patches of {own.patch_size} pixels, not of {patch_size}",
                where=self.checkpoint,
                remedy=f"leave mosaic.patch_size out, or export it with --patch-size {patch_size}; mosaic.patch_size "
                f"times mosaic.scale must be {own.patch_size}",
            )

    def predictor(
        self,
        device: torch.device,
        statistics: Mapping[str, Any] | None = None,
        quantiles: Quantiles | None = None,
        batch_norm: BatchNormStatistics | None = None,
    ) -> OnnxPredictor:
        """Return the model's predictor on a device; what it needs of a mosaic is inside the graph."""
        assert statistics is None
        assert quantiles is None
        assert batch_norm is None
        return OnnxPredictor(self.session, device)


class OnnxPredictor:
    """Calls an exported graph as prediction calls a network.

    Args:
        session: ONNX Runtime's session.
        device: Device of the images and of what is returned; ONNX Runtime computes on the device that it has.
    """

    def __init__(self, session: Any, device: torch.device) -> None:
        self._session = session
        self._device = device

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """Return logits, (B, K, P, P) float32, whose softmax are the graph's probabilities.

        Args:
            image: (B, C, P, P) in the imagery's own type.
            valid: (B, P, P) bool.
        """
        raw = torch.where(valid.unsqueeze(1), image.float(), torch.nan).cpu().numpy()
        (shares,) = self._session.run(None, {INPUT: np.ascontiguousarray(raw)})
        return torch.from_numpy(shares).log().to(self._device)
