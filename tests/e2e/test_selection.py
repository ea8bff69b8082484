"""Which epoch a run predicts with: chosen by a score, stopped early, averaged; and what its folder says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run.fingerprint import fingerprint_of
from lulcseg.run.train import train
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.training.task import SegmentationTask
from lulcseg.training.weight_average import TRAINED
from tests.support.small_runs import QUICK, run

Make = Callable[..., Path]
SPLIT = ["validation.fraction=0.3", "validation.block=32", "sampling.patch_size=16"]
LAST = Path("checkpoints") / "last.ckpt"


def test_the_best_epoch_is_that_of_the_monitored_score(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *QUICK, "trainer.epochs=3"]
    for name, monitor, settings in (
        ("held", "val/mean_f1", SPLIT),
        ("kappa", "val/kappa", [*SPLIT, "trainer.monitor=val/kappa"]),
        ("whole", "train/loss_epoch", []),
        ("accuracy", "train/accuracy", ["trainer.monitor=train/accuracy"]),
    ):
        folder = RunFolder(run(tmp_path / name, *options, *settings, "stop_after=training"))
        chosen = RunRecord.load(folder).selection
        assert chosen is not None
        curve = pd.read_csv(folder.metrics).dropna(subset=monitor).set_index("epoch")[monitor]
        best = curve.idxmin() if chosen.mode == "min" else curve[::-1].idxmax()  # of equal ones the last
        assert (chosen.monitor, chosen.epoch, chosen.epochs) == (monitor, best + 1, 3)
        assert chosen.value == pytest.approx(curve[best])
        assert torch.load(folder.best, weights_only=True)["epoch"] == best
        assert chosen.sentence in capsys.readouterr().out
        assert ("classes)" in chosen.sentence) == (chosen.classes == chosen.of_classes == 3) == (name == "held")
        assert ("held-out ground" in chosen.sentence) == (name in {"whole", "accuracy"})
        assert chosen.sentence.split(" (")[0] in folder.report.read_text()


def test_a_score_on_ground_that_is_not_held_out_is_refused(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *QUICK]
    for settings, part in (
        (["trainer.monitor=val/kappa"], "no ground is held out"),
        (["trainer.monitor=val/kapa"], "val/kapa"),
        (["trainer.patience=0"], "trainer.patience"),
        (["trainer.ema=1"], "trainer.ema"),
        (["validation.fraction=0.1", "validation.block=16"], "validation.block"),
    ):
        with pytest.raises(LulcsegError, match=part):
            run(tmp_path / "none", *options, *settings)
        assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_a_run_that_stopped_early_is_finished(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *QUICK, "trainer.epochs=30", "optim.learning_rate=1e-12"]
    options += ["trainer.patience=2", "trainer.monitor=train/accuracy", "scaling=none", "stop_after=training"]
    options += ["optim.warmup=0.4"]  # 12 epochs, which aren't waited for
    folder = RunFolder(run(tmp_path / "run", *options))
    record = RunRecord.load(folder)
    assert record.state == "finished"
    assert record.selection is not None
    epochs = record.selection.epochs
    assert 14 <= epochs < 30
    assert record.selection.stopped_early
    assert "training stopped early" in record.selection.sentence
    steps = record.steps

    with pytest.raises(LulcsegError, match=rf"stopped early, after epoch {epochs}: 2 epochs brought nothing better"):
        run(tmp_path / "none", *options, f"ckpt_path={folder.last}")
    assert not (tmp_path / "none").exists()
    # interrupted after training had stopped, before the record was complete: it doesn't train again
    plain = json.loads(folder.record.read_text())
    for key in ("checkpoint", "selection", "steps", "finished"):
        plain.pop(key)
    folder.record.write_text(json.dumps(plain | {"state": "interrupted"}))
    before = folder.last.read_bytes()
    train(compose("train", [*options, f"run_dir={folder.path}"]), goes_on=True)
    again = RunRecord.load(folder)
    assert (again.state, again.attempts, again.steps) == ("finished", 2, steps)
    assert again.selection is not None
    assert again.selection.to_plain() == record.selection.to_plain()
    assert folder.last.read_bytes() == before


@pytest.mark.slow
def test_a_run_whose_minutes_are_spent_is_finished(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *QUICK, "trainer.epochs=1000", "stop_after=training"]
    options += ["optim.schedule=cosine", "trainer.minutes=0.1", *SPLIT]
    folder = RunFolder(run(tmp_path / "run", *options))
    record = RunRecord.load(folder)
    assert record.state == "finished"
    assert record.selection is not None
    assert (record.selection.stopped_early, record.selection.minutes) == (True, 0.1)
    assert record.selection.epochs < 1000
    assert "its minutes were spent (trainer.minutes=0.1)" in record.selection.sentence
    assert record.selection.sentence in capsys.readouterr().out
    assert record.selection.sentence.split(" (")[0] in folder.report.read_text()
    rates = pd.read_csv(folder.metrics).filter(like="lr-").iloc[:, 0].dropna()
    assert rates.iloc[-1] < 0.5 * rates.max(), "by its steps it would still be in the warm-up"
    for more, refusal in (
        ([], rf"stopped in epoch {record.selection.epochs}, as its minutes were spent"),
        (["trainer.minutes=5"], r"cosine learning rate is laid out by trainer\.minutes=0\.1"),
        (["trainer.minutes=null"], r"cosine learning rate is laid out by trainer\.minutes=0\.1"),
    ):
        with pytest.raises(LulcsegError, match=refusal):
            run(tmp_path / "none", *options, *more, f"ckpt_path={folder.last}")
    # interrupted after training had stopped, before the record was complete: it doesn't train again
    plain = json.loads(folder.record.read_text())
    for key in ("checkpoint", "selection", "steps", "finished"):
        plain.pop(key)
    folder.record.write_text(json.dumps(plain | {"state": "interrupted"}))
    train(compose("train", [*options, f"run_dir={folder.path}"]), goes_on=True)
    again = RunRecord.load(folder)
    assert again.selection is not None
    assert (again.state, again.steps, again.selection.value) == ("finished", record.steps, record.selection.value)
    assert (again.selection.epochs, again.selection.minutes) == (record.selection.epochs, 0.1)


@pytest.mark.slow
def test_averaged_weights_are_predicted_with_and_training_resumes_exactly(
    make_scene: Make, cache: Path, tmp_path: Path
) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *QUICK, "trainer.ema=0.9", "trainer.precision=32-true"]
    options += ["model.norm=instance_batch", "model.dropout=0.5"]
    options += ["stop_after=training", *SPLIT]
    whole = run(tmp_path / "whole", *options, "trainer.epochs=2")
    begun = run(tmp_path / "begun", *options)
    resumed = run(tmp_path / "resumed", *options, "trainer.epochs=2", f"ckpt_path={begun / LAST}")
    one, other = (torch.load(folder / LAST, weights_only=True) for folder in (whole, resumed))
    for part in ("state_dict", TRAINED):
        assert one[part].keys() == other[part].keys()
        for name, value in one[part].items():
            assert torch.equal(value, other[part][name]), name
    averaged = one["state_dict"]
    assert not torch.equal(averaged["network.head.weight"], one[TRAINED]["head.weight"])
    loaded = SegmentationTask.load_from_checkpoint(whole / LAST).network.state_dict()
    assert {k: v.sum() for k, v in loaded.items()} == {k: averaged[f"network.{k}"].sum() for k in loaded}
    record = RunRecord.load(RunFolder(whole))
    assert record.selection is not None
    assert record.selection.ema == 0.9
    with pytest.raises(LulcsegError, match=r"another trainer\.ema;"):
        run(tmp_path / "none", *options[:-4], "trainer.epochs=2", f"ckpt_path={begun / LAST}", "trainer.ema=0")


def test_a_default_run_of_earlier_versions_is_another_run(make_scene: Make, cache: Path) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}"]
    default, without = (fingerprint_of(compose("train", [*options, *more])) for more in ([], ["validation.fraction=0"]))
    assert default != without
