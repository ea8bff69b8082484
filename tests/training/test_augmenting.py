"""Augmentation in the training step."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from lulcseg.augment.build_augmentation import build
from lulcseg.errors import LulcsegError
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.training.augmenting import build_augmentation
from tests.support.models import augmenting, record


def test_no_operation_is_no_augmentation_and_unknown_ones_are_refused() -> None:
    assert build_augmentation(augmenting(), record()) is None
    assert build_augmentation(augmenting(name="paper", strength=0.0), record()) is None
    with pytest.raises(LulcsegError, match="did you mean 'zoom'"):
        build("none", 3, p={"zoon": 1.0})
    off = build_augmentation(augmenting({"multiply": 0.0}, name="light"), record())
    assert off is not None
    names = {o.name for o in off.operations}
    assert "hue" in names
    assert "multiply" not in names


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32"])
@pytest.mark.parametrize("operation", ["gamma", "zoom"])
def test_a_range_is_asked_for_where_a_type_does_not_tell_black_and_white(dtype: str, operation: str) -> None:
    augment = augmenting({operation: 1.0})
    assert build_augmentation(augment, record(dtype=dtype, scaling=ScalingSettings(range=[0.0, 2047.0]))) is not None
    asked = pytest.raises(LulcsegError, match=rf"the {dtype} values .*set scaling\.range")
    with nullcontext() if dtype.endswith("int8") else asked:
        build_augmentation(augment, record(dtype=dtype))
    assert build_augmentation(augmenting({"horizontal_flip": 1.0}), record(dtype=dtype)) is not None, "flips need none"
