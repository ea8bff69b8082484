"""Files of weights, read without running code."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lulcseg.errors import LulcsegError
from lulcseg.models.weights_file import read_weights
from lulcseg.training.task import SegmentationTask
from tests.support.encoders import smp
from tests.support.models import record, save


def test_tensors_are_found_wherever_a_trainer_keeps_them(tmp_path: Path) -> None:
    tensors = {"conv1.weight": torch.rand(2, 3), "conv1.bias": torch.rand(2)}
    for number, content in enumerate((tensors, {"state_dict": tensors, "epoch": 3}, {"model": {"model": tensors}})):
        torch.save(content, tmp_path / f"{number}.pth")
        read = read_weights(tmp_path / f"{number}.pth")
        assert list(read.tensors) == list(tensors)
        assert (read.licence, read.record) == (None, None)
    save_file(tensors, tmp_path / "file.safetensors", {"license": "CC-BY-4.0"})
    read = read_weights(tmp_path / "file.safetensors")
    assert torch.equal(read.tensors["conv1.weight"], tensors["conv1.weight"])
    assert read.licence == "CC-BY-4.0"


def test_of_a_lulcseg_checkpoint_the_encoder_is_read(tmp_path: Path) -> None:
    task = SegmentationTask(record(model=smp()))
    read = read_weights(save(task, tmp_path / "best.ckpt"))
    assert all(name.startswith("network.encoder.") for name in read.tensors)
    assert len(read.tensors) == len(task.network.encoder.state_dict())
    assert read.record is not None
    assert read.record["bands"] == 3


class Trap:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"a": Trap(tmp_path / "ran")}, tmp_path / "trap.pth")
    with pytest.raises(LulcsegError, match="can't be read as tensors without running code"):
        read_weights(tmp_path / "trap.pth")
    assert not (tmp_path / "ran").exists()


def test_a_whole_module_is_told_to_be_saved_as_its_weights(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    torch.save(module, tmp_path / "whole.pth")
    torch.save({"model": module, "epoch": 3}, tmp_path / "nested.pth")
    torch.jit.save(torch.jit.script(module), tmp_path / "scripted.pt")
    for name in ("whole.pth", "nested.pth", "scripted.pt"):
        with pytest.raises(LulcsegError, match=r"holds a whole module, whose loading would run code.*state_dict\(\)"):
            read_weights(tmp_path / name)


def test_a_pickle_of_other_make_is_a_sentence_alone(tmp_path: Path) -> None:
    (tmp_path / "raw.pth").write_bytes(pickle.dumps({"a": torch.rand(2)}))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(LulcsegError, match="can't be read as tensors without running code"):
            read_weights(tmp_path / "raw.pth")
    assert not warned


def test_files_that_hold_no_weights_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LulcsegError, match=r"none\.pth: there is no such file"):
        read_weights(tmp_path / "none.pth")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(LulcsegError, match="holds no encoder's tensors"):
        read_weights(tmp_path / "empty.pth")
    for name in ("damaged.safetensors", "damaged.pth"):
        (tmp_path / name).write_bytes(b"no weights")
        with pytest.raises(LulcsegError, match="damaged"):
            read_weights(tmp_path / name)
