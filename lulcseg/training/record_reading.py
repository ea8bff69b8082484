"""A model's record is read from a checkpoint without running code, and checked before anything is built by it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lulcseg.errors import LulcsegError
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.settings.value_types import check_types
from lulcseg.training.checkpoint_file import REMEDY, read_checkpoint
from lulcseg.training.model_record import FORMAT, KEY, TRAINING, ModelRecord
from lulcseg.training.record_checks import check_content, check_record, check_shapes, read_section

NETWORK = "network."
"""What the names of the network's weights begin with in a checkpoint."""

_AFTER = {"before_augmentation": False}
"""The order of scaling and augmentation in records that don't state it."""


def read_record(plain: Mapping[str, Any], where: str) -> ModelRecord:
    """Read a model's record from its plain form.

    Args:
        plain: As :meth:`ModelRecord.to_plain` returns it.
        where: The file, for errors.

    Raises:
        LulcsegError: The record has another format, is incomplete, or has values that no model has.
    """
    if not isinstance(plain, Mapping):
        raise LulcsegError("its record is not a mapping", where=where, remedy=REMEDY)
    if type(plain.get("format")) is not int or plain["format"] != FORMAT:
        raise LulcsegError(
            f"its record has format {str(plain.get('format'))[:40]}, this version reads {FORMAT}",
            where=where,
            remedy="use the lulcseg that made it",
        )
    sections: dict[str, Any] = {"model": None, "scaling": None, "weights": None}
    check_types(ModelRecord, {**plain, **sections}, where)
    try:
        sections["model"] = read_section(ModelSettings, plain["model"], where, "model")
        scaling = plain["scaling"]
        ordered = {**_AFTER, **scaling} if isinstance(scaling, Mapping) else scaling
        sections["scaling"] = read_section(ScalingSettings, ordered, where, "scaling")
        if (weights := plain.get("weights")) is not None:
            sections["weights"] = read_section(PretrainedWeights, weights, where, "weights")
        record = ModelRecord(**{**plain, **sections})
    except (KeyError, TypeError) as error:
        raise LulcsegError(f"its record is incomplete ({error})", where=where, remedy="train it again") from error
    check_record(record, where)
    return record


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
    return read_record(checkpoint[KEY], str(path)), checkpoint


def load_weights(path: Path, *, trust_target: bool = False) -> tuple[ModelRecord, dict[str, Tensor]]:
    """Load a model's record and its network's weights, whose shapes are those of the record's network.

    Args:
        path: A ``.ckpt`` file of a run.
        trust_target: Whether code that the record names may be imported.

    Raises:
        LulcsegError: As :func:`load_checkpoint`; weights of another network; a network of other code without
            ``trust_target``.
    """
    record, checkpoint = load_checkpoint(path)
    if record.model.target is not None and not trust_target:
        raise LulcsegError(
            f"its network is {record.model.target}, code outside lulcseg that would be imported and run",
            where=path,
            remedy="set trust_target=true if you trust the file and that code",
        )
    state = checkpoint["state_dict"]
    weights = {name.removeprefix(NETWORK): value for name, value in state.items() if name.startswith(NETWORK)}
    check_shapes(record, weights, str(path))
    return record, weights
