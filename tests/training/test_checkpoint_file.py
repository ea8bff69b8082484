"""Checkpoint files: whole or not at all, and verified before anything in them is used."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.training.checkpoint_file import WholeCheckpoints, read_checkpoint
from lulcseg.training.record_reading import load_checkpoint
from lulcseg.training.task import SegmentationTask
from tests.support.models import record, save

CONTENT = {"state_dict": {"weight": torch.arange(1000.0)}, "epoch": 3}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(SegmentationTask(record()), tmp_path_factory.mktemp("checkpoint") / "best.ckpt")


def test_content_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "last.ckpt"
    WholeCheckpoints().save_checkpoint(CONTENT, path)
    read = read_checkpoint(path)
    assert read["epoch"] == 3
    assert torch.equal(read["state_dict"]["weight"], CONTENT["state_dict"]["weight"])  # type: ignore[index,call-overload]
    assert [p.name for p in path.parent.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("seed", range(12))
def test_a_changed_byte_is_refused_or_changes_nothing(whole: Path, tmp_path: Path, seed: int) -> None:
    content = bytearray(whole.read_bytes())
    rng = np.random.default_rng(seed)
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    path = tmp_path / "best.ckpt"
    path.write_bytes(content)
    try:
        _, damaged = load_checkpoint(path)
    except LulcsegError:
        return
    else:  # a byte between the archive's parts, or of a date
        _, intact = load_checkpoint(whole)
        assert all(torch.equal(damaged["state_dict"][k], v) for k, v in intact["state_dict"].items())


def test_a_changed_weight_is_named_as_damage(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    with zipfile.ZipFile(whole) as archive:
        data = [entry for entry in archive.infolist() if "/data/" in entry.filename]
        part = max(data, key=lambda entry: entry.file_size)
    content = bytearray(whole.read_bytes())
    content[part.header_offset + part.file_size // 2 + 200] ^= 1
    path.write_bytes(content)
    with pytest.raises(LulcsegError, match="damaged: its part '"):
        load_checkpoint(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_off_file_is_refused(whole: Path, tmp_path: Path, share: float) -> None:
    path = tmp_path / "best.ckpt"
    content = whole.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(LulcsegError, match="not a lulcseg checkpoint, or damaged"):
        load_checkpoint(path)


def test_an_archive_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    packed = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive, archive.open("data", "w") as part:
        for _ in range(64):
            part.write(bytes(1 << 20))
    with pytest.raises(LulcsegError, match=r"unpack to 0\.1 GB"):
        read_checkpoint(path)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("write")])
def test_writing_that_fails_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint(CONTENT, path)

    def fail(content: Any, file: io.BufferedWriter) -> None:
        file.write(b"PK half a file")
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises((LulcsegError, KeyboardInterrupt)):
        WholeCheckpoints().save_checkpoint({"epoch": 4}, path)
    monkeypatch.undo()
    assert read_checkpoint(path)["epoch"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]
