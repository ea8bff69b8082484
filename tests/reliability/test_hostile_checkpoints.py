"""Checkpoints with records that no training writes: each is refused in one sentence, before a network is built."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.training.checkpoints import epochs_done
from lulcseg.training.model_record import KEY, TRAINING
from lulcseg.training.record_reading import load_checkpoint
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.support.models import record, save

ODD: list[Any] = [
    None, True, -1, 0, 10**30, 1.5, float("nan"), float("inf"), "", "x", "../../etc", [], [[]], {}, {"a": 1}, [None],
    {1: 2}, b"\0", torch.zeros(2),
]  # fmt: skip


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    statistics = {
        part: {name: [1.0] * length for name in ("min", "max", "mean", "std", "low", "high")}
        for part, length in (("bands", 3), ("joint", 1))
    }
    known = record(statistics=statistics, quantiles=[[0.0, 1.0]] * 3, class_shares=[1 / 9] * 9)
    path = save(SegmentationTask(known), tmp_path_factory.mktemp("checkpoint") / "best.ckpt")
    return dict(torch.load(path, weights_only=True))


def outcome(content: dict[str, Any], path: Path) -> str:
    """Load a checkpoint as a prediction and a resumed training do, and return what is said."""
    torch.save(content, path)
    said = ""
    for load in (SegmentationTask.load_from_checkpoint, lambda p: epochs_done(p, TrainingSettings())):
        try:
            load(path)
        except LulcsegError as error:
            said = str(error)
            assert len(said) < 400
            assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("model", "depth"), 40), (("model", "depth"), 0), (("model", "filters"), 10**9), (("model", "filters"), "4"),
        (("model", "name"), "unet2"), (("model", "norm"), None), (("model", "dropout"), float("nan")),
        (("model", "freeze"), "all"), (("model", "colour"), 3), (("scaling", "percentiles"), [98, 2]),
        (("scaling", "method"), "maximum"), (("scaling", "range"), ["a", "b"]), (("legend",), [{"code": 1}]),
        (("legend",), "abc"), (("weights",), {"source": "x"}), (("bands",), 3.0), (("bands",), 10**12),
        (("dtype",), "object"),
        (("resolution",), [0.5]), (("resolution",), [0.5, float("inf")]), (("patch_size",), 0), (("seed",), 2**70),
        (("quantiles",), [[2.0, 1.0]] * 3), (("class_shares",), [2.0] * 9), (("statistics",), {"bands": {}}),
        (("weights",), {"source": "x", "licence": "y", "mean": [1.0], "deviation": [0.0]}), (("dtype",), "complex64"),
        (("format",), [2]), (("format",), torch.zeros(2)), (("unknown",), 1),
    ],
)  # fmt: skip
def test_values_that_no_model_has_are_refused(
    content: dict[str, Any], tmp_path: Path, keys: tuple[str, ...], value: Any
) -> None:
    spoilt = copy.deepcopy(content)
    part = spoilt[KEY]
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    said = outcome(spoilt, tmp_path / "best.ckpt")
    assert said.startswith(str(tmp_path / "best.ckpt")), said


def test_weights_of_another_network_are_refused_before_memory_is_taken_for_it(
    content: dict[str, Any], tmp_path: Path
) -> None:
    spoilt = copy.deepcopy(content)
    spoilt[KEY]["model"] |= {"filters": 128, "depth": 7}  # 3.2 GB, which are never asked for
    assert "don't fit its record" in outcome(spoilt, tmp_path / "best.ckpt")


@pytest.mark.parametrize("strengths", [{"gamma": [1]}, {"gamma": {"widest": "x"}}, [1], 3])
def test_settings_of_training_of_wrong_types_are_of_another_training(
    content: dict[str, Any], tmp_path: Path, strengths: Any
) -> None:
    spoilt = copy.deepcopy(content)
    spoilt[TRAINING] = TrainingSettings().fixed() | {"augment.strengths": strengths}
    assert "trained with another" in outcome(spoilt, tmp_path / "best.ckpt")


@pytest.mark.parametrize("seed", range(60 * int(os.environ.get("LULCSEG_TORTURE", "1"))))
def test_anything_in_place_of_a_value_ends_in_a_sentence_or_the_same_model(
    content: dict[str, Any], tmp_path: Path, seed: int
) -> None:
    """Some value of the checkpoint, at any depth, is replaced or removed."""
    rng, spoilt = np.random.default_rng(seed), copy.deepcopy(content)
    for _ in range(int(rng.integers(1, 3))):
        part: Any = spoilt
        key = list(part)[rng.integers(len(part))] if rng.random() < 0.3 or KEY not in part else KEY
        while isinstance(part[key], dict) and part[key] and rng.random() < 0.9:
            part = part[key]
            key = list(part)[rng.integers(len(part))]
        if rng.random() < 0.2:
            del part[key]
        else:
            part[key] = ODD[rng.integers(len(ODD))]
    outcome(spoilt, tmp_path / "best.ckpt")


def test_an_intact_one_is_read(content: dict[str, Any], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "best.ckpt")
    found, _ = load_checkpoint(tmp_path / "best.ckpt")
    assert found.bands == 3
    SegmentationTask.load_from_checkpoint(tmp_path / "best.ckpt")
