"""What an exported file says of itself: the model's record, and what is fixed in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lulcseg
from lulcseg.errors import LulcsegError
from lulcseg.training.calibration import Calibration
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.record_reading import read_record

FORMAT = 1
"""Version of the description."""

REMEDY = "export the checkpoint again: lulcseg export … --to onnx"


@dataclass(frozen=True)
class ExportedModel:
    """The description of an exported model.

    Attributes:
        record: The model's record.
        checkpoint: SHA-256 of the checkpoint.
        patch_size: Side of the patches that the graph takes, in pixels.
        scaled_over: Source of the statistics that patches are scaled by; None without scaling.
        scene: Name of the scene whose mosaic it is for; None: any mosaic.
        adapted: How that mosaic is adapted to the model, as maps' tags name it; None: not at all.
        calibration: Calibration inside the graph; None: none.
        nodata: Raw value that means no imagery; None: none.
        made_by: Version of lulcseg that exported it.
    """

    record: ModelRecord
    checkpoint: str
    patch_size: int
    scaled_over: str | None = None
    scene: str | None = None
    adapted: str | None = None
    calibration: Calibration | None = None
    nodata: float | None = None
    made_by: str = lulcseg.__version__

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "format": FORMAT,
            "made_by": self.made_by,
            "checkpoint_sha256": self.checkpoint,
            "patch_size": self.patch_size,
            "scaled_over": self.scaled_over,
            "scene": self.scene,
            "adapted": self.adapted,
            "calibration": None if self.calibration is None else self.calibration.to_plain(),
            "nodata": self.nodata,
            "record": self.record.to_plain(),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], where: Path) -> ExportedModel:
        """Read the output of :meth:`to_plain`.

        Args:
            plain: The JSON form.
            where: The file, for errors.

        Raises:
            LulcsegError: It has another format, or a part that no model has.
        """
        if plain.get("format") != FORMAT:
            raise LulcsegError(
                f"its description has format {str(plain.get('format'))[:40]}, this version reads {FORMAT}",
                where=where,
                remedy=REMEDY,
            )
        try:
            calibration = plain["calibration"]
            found = cls(
                record=read_record(plain["record"], str(where)),
                checkpoint=_text(plain["checkpoint_sha256"]),
                patch_size=plain["patch_size"],
                scaled_over=None if plain["scaled_over"] is None else _text(plain["scaled_over"]),
                scene=None if plain["scene"] is None else _text(plain["scene"]),
                adapted=None if plain["adapted"] is None else _text(plain["adapted"]),
                calibration=None if calibration is None else Calibration.from_plain(calibration),
                nodata=None if plain["nodata"] is None else float(plain["nodata"]),
                made_by=_text(plain["made_by"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(where) from error
        classes = len(found.record.legend)
        if type(found.patch_size) is not int or found.patch_size < 1:
            raise _damaged(where)
        if found.calibration is not None and len(found.calibration.factor) != classes:
            raise _damaged(where)
        return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value


def _damaged(where: Path) -> LulcsegError:
    return LulcsegError("its description is incomplete or damaged", where=where, remedy=REMEDY)
