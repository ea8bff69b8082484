"""One writer in a run's folder, which goes again if nothing was done there."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.sole_writer import sole_writer

FORK = multiprocessing.get_context("fork")


def hold(folder: RunFolder, ready: Any, loader: Any) -> Any:
    def run() -> None:
        with sole_writer(folder, "run_dir"):
            forked = FORK.Process(target=signal.pause)
            forked.start()
            loader.value = forked.pid
            ready.set()
            signal.pause()

    process = FORK.Process(target=run)
    process.start()
    assert ready.wait(30)
    return process


def test_the_second_of_two_writers_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """Processes that the first has forked, such as loaders of patches, don't hold the folder."""
    folder, loader = RunFolder(tmp_path / "run"), FORK.Value("i", 0)
    process = hold(folder, FORK.Event(), loader)
    (folder.path / "maps").mkdir()
    said = "another process is writing to it; wait until it has ended, or choose another output"
    with pytest.raises(LulcsegError, match=said), sole_writer(folder, "output"):
        pass
    assert folder.maps.is_dir()
    os.kill(process.pid, signal.SIGKILL)
    process.join()  # a bound would wait for the loader too, which has inherited the pipe that a bounded wait reads
    try:
        with sole_writer(folder, "output"):
            pass
    finally:
        os.kill(loader.value, signal.SIGKILL)
    assert [path.name for path in folder.path.iterdir()] == ["maps"]


def refuse(folder: RunFolder, error: type[Exception], *files: str) -> None:
    with pytest.raises(error), sole_writer(folder, "run_dir"):
        for name in files:
            (folder.path / name).parent.mkdir(exist_ok=True)
            (folder.path / name).write_text("x")
        raise error("no")


def test_what_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "new")
    refuse(folder, LulcsegError, "record.json", "previews/a.png")
    assert not folder.path.exists()


@pytest.mark.parametrize("name", ["progress.json", "checkpoints/last.ckpt", "maps/a.tif"])
def test_what_was_done_stays(tmp_path: Path, name: str) -> None:
    folder = RunFolder(tmp_path / "new")
    refuse(folder, LulcsegError, "record.json", name)
    assert folder.has_record


def test_other_errors_and_folders_with_content_stay(tmp_path: Path) -> None:
    refuse(RunFolder(tmp_path / "bug"), RuntimeError, "record.json")
    assert (tmp_path / "bug" / "record.json").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    refuse(RunFolder(tmp_path / "mine"), LulcsegError, "record.json")
    assert (tmp_path / "mine" / "record.json").exists()
