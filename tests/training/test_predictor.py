"""A trained model at prediction: compiled where that can be had, and the same answers either way."""

from __future__ import annotations

import shutil

import pytest
import torch

from lulcseg.training.predictor import PatchPredictor
from lulcseg.training.task import SegmentationTask
from tests.support.models import record


@pytest.fixture
def predictor() -> PatchPredictor:
    torch.manual_seed(0)
    return PatchPredictor(SegmentationTask(record()), accelerator="cpu", precision="32-true")


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8, generator=draw), torch.ones(2, 32, 32).bool()


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler, which torch.compile needs on a CPU")
def test_a_compiled_network_gives_the_same(predictor: PatchPredictor) -> None:
    expected = predictor(*batch())
    assert predictor.compile(*batch()) is None
    assert predictor.task.network._compiled_call_impl is not None
    torch.testing.assert_close(predictor(*batch()), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("when", ["at once", "at the first batch"])
def test_without_a_compiler_it_says_why_and_predicts(
    predictor: PatchPredictor, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    expected = predictor(*batch())

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("\nno compiler is installed\nand more lines")

    monkeypatch.setattr(torch, "compile", broken if when == "at once" else lambda *_, **__: broken)
    assert predictor.compile(*batch()) == "no compiler is installed"
    assert torch.equal(predictor(*batch()), expected)


def test_it_goes_to_the_device_it_is_told(predictor: PatchPredictor) -> None:
    assert PatchPredictor(predictor.task, device=torch.device("cpu")).device == torch.device("cpu")
