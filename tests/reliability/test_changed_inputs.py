"""Input that changes, and folders that others write to, while a run goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.files import sha256_of
from lulcseg.launch.compose import compose
from lulcseg.run import train as training
from lulcseg.run.predict import predict
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.run_folder.sole_writer import sole_writer
from tests.support.small_runs import QUICK, run

TINY = [*QUICK, "sampling.patches=8", "model.filters=4", "validation.fraction=0"]


def test_imagery_that_is_replaced_during_training_ends_the_run(
    make_scene: Callable[..., Path], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, fit = make_scene(), training.fit

    def fit_and_touch(*args: Any, **kwargs: Any) -> Any:
        done = fit(*args, **kwargs)
        os.utime(scene.parent / "image.tif")
        return done

    monkeypatch.setattr(training, "fit", fit_and_touch)
    with pytest.raises(LulcsegError, match="the imagery changed during training; train again"):
        run(tmp_path / "run", f"scene={scene}", f"cache={cache}", *TINY)
    record = RunRecord.load(RunFolder(tmp_path / "run"))
    assert (record.state, record.checkpoint) == ("failed", None)


def test_runs_and_maps_are_refused_where_another_process_writes(
    make_scene: Callable[..., Path], cache: Path, tmp_path: Path
) -> None:
    scene, folder = make_scene(), tmp_path / "run"
    options = [f"scene={scene}", f"cache={cache}"]
    with sole_writer(RunFolder(folder), "run_dir"), pytest.raises(LulcsegError, match="another process is writing"):
        run(folder, *options, *TINY, "stop_after=training")
    run(folder, *options, *TINY, "stop_after=training")
    maps = [*options, f"checkpoint={folder}/checkpoints/best.ckpt", "accelerator=cpu"]
    for output in ([], [f"output={tmp_path}/maps"]):
        shared = RunFolder(folder if not output else tmp_path / "maps")
        with sole_writer(shared, "output"), pytest.raises(LulcsegError, match="another process is writing"):
            predict(compose("predict", [*maps, *output]))
        assert not shared.maps.exists()


def test_calibrations_and_reports_wait_for_nobody_who_writes_to_the_run(
    make_scene: Callable[..., Path], cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene, folder = make_scene(), tmp_path / "run"
    run(folder, f"scene={scene}", f"cache={cache}", *TINY, "stop_after=training")
    checkpoint = str(folder / "checkpoints" / "best.ckpt")
    calibrate = ["calibrate", checkpoint, f"scene={scene}", f"cache={cache}", "accelerator=cpu"]
    for words in (calibrate, ["report", str(folder)]):
        with sole_writer(RunFolder(folder), "run_dir"), pytest.raises(SystemExit, match="2"):
            main(words)
        assert f"{folder}: another process is writing to it" in capsys.readouterr().err
    main(["report", str(folder)])
    with pytest.raises(SystemExit, match="2"):
        main(calibrate)
    assert "another process" not in capsys.readouterr().err  # ground held out is what it lacks
    assert RunRecord.load(RunFolder(folder)).checkpoint_sha256 == sha256_of(Path(checkpoint))
    assert sha256_of(Path(checkpoint)) in (folder / "report.html").read_text()


def test_a_prediction_of_its_own_states_its_models_digest(
    make_scene: Callable[..., Path], cache: Path, tmp_path: Path
) -> None:
    scene, folder = make_scene(), tmp_path / "run"
    run(folder, f"scene={scene}", f"cache={cache}", *TINY, "stop_after=training")
    checkpoint = folder / "checkpoints" / "best.ckpt"
    options = [f"scene={scene}", f"cache={cache}", f"checkpoint={checkpoint}", "accelerator=cpu"]
    predict(compose("predict", [*options, f"output={tmp_path}/maps"]))
    assert RunRecord.load(RunFolder(tmp_path / "maps")).checkpoint_sha256 == sha256_of(checkpoint)
