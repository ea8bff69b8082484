"""What travels with a model: everything prediction needs to use it correctly.

In a checkpoint it is plain Python only (dict, list, str, numbers), so that the file loads with
``weights_only=True`` and no code runs from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.registry import plain_section
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.settings.value_types import check_types
from lulcseg.training.checkpoint_file import REMEDY, read_checkpoint
from lulcseg.training.record_checks import check_content, check_record, read_section

KEY = "lulcseg"
TRAINING = "lulcseg_training"
"""Key of the settings that a checkpoint was trained with, which a resumed training must share."""

WEIGHTS = "lulcseg_class_weights"
"""Key of the class weights of its training loss, if it has any, which a resumed training must share."""

FORMAT = 2
"""2: scaling by method and source, with statistics of the training mosaics."""

_AFTER = {"before_augmentation": False}
"""The order of scaling and augmentation in records that don't state it."""

_COMPARED = ("model", "scaling", "statistics", "bands", "legend", "plan", "seed")
"""Parts of the record that a resumed training must share."""


@dataclass(frozen=True)
class ModelRecord:
    """The record of a model.

    Attributes:
        legend: The legend, from :meth:`lulcseg.legend.Legend.to_plain`.
        bands: Bands of its imagery.
        dtype: NumPy name of the imagery's type.
        resolution: Pixel width and height it was trained at, in metres.
        patch_size: Side of its training patches, in pixels.
        model: Settings of the network.
        scaling: Settings of the scaling.
        statistics: Statistics of all training mosaics' raw values, if scaling may need them
            (:meth:`lulcseg.scene.statistics.BandStatistics.summary`); else None.
        quantiles: For each band, quantiles of all training mosaics' raw values, evenly spaced from the least to the
            greatest, to which another mosaic's values may be matched; None in records of earlier versions.
        class_shares: Each class's share of the labelled pixels of its training patches, in the legend's order; None in
            records of earlier versions, and if they weren't counted.
        scenes: Names of the scenes it was trained on.
        name: Name of the run.
        seed: Seed of the run.
        plan: Digest of its sampling plan.
        weights: The pretrained weights that its encoder started from, with the mean and deviation that its input is
            normalised by; None: random weights, and no normalisation.
        format: Version of this record.
    """

    legend: list[dict[str, int | str]]
    bands: int
    dtype: str
    resolution: list[float]
    patch_size: int
    model: ModelSettings = field(default_factory=ModelSettings)
    scaling: ScalingSettings = field(default_factory=ScalingSettings)
    statistics: dict[str, Any] | None = None
    quantiles: list[list[float]] | None = None
    class_shares: list[float] | None = None
    scenes: list[str] = field(default_factory=list)
    name: str = "run"
    seed: int = 0
    plan: str = ""
    weights: PretrainedWeights | None = None
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Refuse arguments of a network that a checkpoint can't hold as plain values."""
        for name, value in self.model.arguments.items():
            if not _is_plain(value):
                raise LulcsegError(
                    f"{name} is a {type(value).__name__}, which a checkpoint can't hold without code",
                    where="model",
                    remedy="use numbers, text, lists and mappings as arguments",
                )

    def to_plain(self) -> dict[str, Any]:
        """Return the record as a plain dictionary, as a checkpoint holds it."""
        plain = asdict(self) | {"model": plain_section(self.model), "scaling": plain_section(self.scaling)}
        return {key: value for key, value in plain.items() if key != "weights" or value is not None}

    def to_legend(self) -> Legend:
        """Return the legend."""
        return Legend.from_plain(self.legend)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], where: str) -> ModelRecord:
        """Read a record from its plain form.

        Raises:
            LulcsegError: The record has another format, is incomplete, or has values that no model has.
        """
        if not isinstance(plain, Mapping):
            raise LulcsegError("its record is not a mapping", where=where, remedy=REMEDY)
        if plain.get("format") != FORMAT:
            raise LulcsegError(
                f"its record has format {str(plain.get('format'))[:40]}, this version reads {FORMAT}",
                where=where,
                remedy="use the lulcseg that made it",
            )
        sections: dict[str, Any] = {"model": None, "scaling": None, "weights": None}
        check_types(cls, {**plain, **sections}, where)
        try:
            sections["model"] = read_section(ModelSettings, plain["model"], where, "model")
            scaling = plain["scaling"]
            ordered = {**_AFTER, **scaling} if isinstance(scaling, Mapping) else scaling
            sections["scaling"] = read_section(ScalingSettings, ordered, where, "scaling")
            if (weights := plain.get("weights")) is not None:
                sections["weights"] = read_section(PretrainedWeights, weights, where, "weights")
            record = cls(**{**plain, **sections})
        except (KeyError, TypeError) as error:
            raise LulcsegError(f"its record is incomplete ({error})", where=where, remedy="train it again") from error
        check_record(record, where)
        return record


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or type(value) in {bool, int, float, str}


def check_same(mine: ModelRecord, theirs: ModelRecord, *, other_weights: bool = False) -> None:
    """Check that a training may resume from the checkpoint of another.

    Args:
        mine: Record of the training that is to resume.
        theirs: The checkpoint's.
        other_weights: Whether their class weights differ.

    Raises:
        LulcsegError: They differ in something that a resumed training must share.
    """
    differing = [part for part in _COMPARED if getattr(mine, part) != getattr(theirs, part)]
    differing += ["class weights"] if other_weights else []
    if not differing:
        return
    remedy = "use the same settings"
    if "plan" in differing:
        remedy += "; sampling.plan=<its run>/plan.gpkg takes its plan, validation.fraction=0 holds no ground out as in "
        remedy += "earlier versions"
    raise LulcsegError(f"it was trained with another {', '.join(differing)}", where="ckpt_path", remedy=remedy)


def load_checkpoint(path: Path) -> tuple[ModelRecord, dict[str, Any]]:
    """Load a lulcseg checkpoint without running code from it.

    Args:
        path: A ``.ckpt`` file of a run.

    Returns:
        The model's record, and the whole checkpoint, on the CPU.

    Raises:
        LulcsegError: The file is missing, damaged, or not a lulcseg checkpoint.
    """
    checkpoint = read_checkpoint(path)
    if KEY not in checkpoint or "state_dict" not in checkpoint:
        raise LulcsegError("a checkpoint, but not one of lulcseg", where=path, remedy=REMEDY)
    check_content(checkpoint, str(path), TRAINING)
    return ModelRecord.from_plain(checkpoint[KEY], str(path)), checkpoint
