"""Loader processes that are killed, or find no room in shared memory, while a training reads."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.patches.timed_loader import Stopwatch, TimedLoader, reporting_lost_loaders
from lulcseg.scene.imagery import ImageryReader
from tests.support.small_runs import QUICK, run


class Faulty(torch.utils.data.Dataset[torch.Tensor]):
    def __init__(self, fault: Callable[[], object]) -> None:
        self.fault = fault

    def __len__(self) -> int:
        return 4

    def __getitem__(self, number: int) -> torch.Tensor:
        self.fault()
        return torch.zeros(1)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def without_room() -> None:
    raise RuntimeError("unable to write to file </torch_7_8_9>: No space left on device (28)")


def bus_error() -> None:
    os.kill(os.getpid(), signal.SIGBUS)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (killed, "was killed, perhaps"),
        (without_room, "shared memory is full"),
        (bus_error, "(shared memory is full|was killed, perhaps)"),  # torch doesn't always name the signal
    ],
)
def test_a_lost_loader_ends_in_a_sentence(fault: Callable[[], object], said: str) -> None:
    loader = TimedLoader(Stopwatch(), Faulty(fault), num_workers=1)
    with (
        pytest.raises(LulcsegError, match=rf"^reading\.workers: .*{said}.*; set reading\.workers=0"),
        reporting_lost_loaders(),
    ):
        list(loader)


@pytest.mark.parametrize("error", [ValueError("x"), RuntimeError("x"), OSError("No space left on device")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)), reporting_lost_loaders():
        raise error


def test_a_training_whose_first_loader_is_killed_leaves_no_folder(
    make_scene: Callable[..., Path], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, own, read = make_scene(), os.getpid(), ImageryReader.read

    def read_and_die(reader: ImageryReader, window: Window) -> tuple[np.ndarray, np.ndarray]:
        if os.getpid() != own:
            killed()
        return read(reader, window)

    monkeypatch.setattr(ImageryReader, "read", read_and_die)
    with pytest.raises(LulcsegError, match=r"set reading\.workers=0"):
        run(tmp_path / "run", f"scene={scene}", f"cache={cache}", *QUICK, "reading.workers=1", "validation.fraction=0")
    assert not (tmp_path / "run").exists()
