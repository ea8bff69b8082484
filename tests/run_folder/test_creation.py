"""The folder of a run: made by its first process, joined by the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.run_folder.creation import join_run_dir, new_run_dir
from lulcseg.run_folder.folder import RunFolder


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process has told this one where its run is, and this one tells no other test."""
    monkeypatch.setenv("LULCSEG_RUN_DIR", "")
    monkeypatch.delenv("LULCSEG_RUN_DIR")


def begin(folder: Path, state: str = "running") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "record.json").write_text(json.dumps({"state": state}))
    return folder


def test_processes_that_the_first_starts_join_it_wherever_it_is(tmp_path: Path) -> None:
    with new_run_dir(str(tmp_path / "a")) as made:
        assert made.path.is_dir()
        begin(made.path)
        assert join_run_dir("runs/2026-01-31_23-59-59_seed0", 0) == made
    with pytest.raises(LulcsegError, match="holds a run already"), new_run_dir(str(made.path)):
        pass
    assert made.has_record


def test_processes_started_from_outside_join_a_run_that_goes_on(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    assert join_run_dir(str(tmp_path / "run"), 0) == RunFolder(tmp_path / "run")


@pytest.mark.parametrize("state", [None, "finished", "failed"])
def test_without_a_run_that_goes_on_they_wait_in_vain(tmp_path: Path, state: str | None) -> None:
    if state:
        begin(tmp_path / "run", state)
    late = "didn't start a run there within 0 seconds; give every process the same run_dir"
    with pytest.raises(LulcsegError, match=late):
        join_run_dir(str(tmp_path / "run"), 0)


def test_they_wait_until_the_first_has_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lulcseg.run_folder.creation.time.sleep", lambda _: begin(tmp_path / "run"))
    assert join_run_dir(str(tmp_path / "run"), 60) == RunFolder(tmp_path / "run")


def test_a_folder_named_after_the_time_is_refused_at_once() -> None:
    with pytest.raises(LulcsegError, match=r"named after the time.*give every process the same run_dir"):
        join_run_dir("runs/run/2026-01-31_23-59-59_seed0")
