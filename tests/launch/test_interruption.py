"""Ctrl-C and SIGTERM of a single run."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from lulcseg.launch import entry
from lulcseg.run_folder.folder import RunFolder
from lulcseg.settings.config import PredictConfig, TrainConfig


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("wrote", ["nothing", "record", "checkpoint"])
def test_a_training_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int, code: int, wrote: str
) -> None:
    folder = RunFolder(tmp_path / "run")

    def task(_: object) -> None:
        folder.checkpoints.mkdir(parents=True)
        if wrote != "nothing":
            folder.record.write_text("{}")
        if wrote == "checkpoint":
            folder.last.write_text("x")
        signal.raise_signal(number)  # os.kill may reach another thread, and this one would wait for ever
        raise AssertionError("not interrupted")

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left:
        entry._single(task, TrainConfig(run_dir=str(folder.path)))
    assert left.value.code == code
    assert signal.getsignal(signal.SIGTERM) is before
    said = {
        "nothing": "the same command begins it anew",
        "record": f"no epoch was finished: remove {folder.path}, or choose another run_dir, and give the same command",
        "checkpoint": f"the same command with another run_dir and ckpt_path={folder.last} goes on from there",
    }[wrote]
    assert capsys.readouterr().err == f"lulcseg: interrupted; {said}.\n"


def test_a_prediction_is_resumed_by_the_same_command(capsys: pytest.CaptureFixture[str]) -> None:
    def task(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="130"):
        entry._single(task, PredictConfig(checkpoint="x"))
    assert capsys.readouterr().err == "lulcseg: interrupted; the same command resumes it.\n"
