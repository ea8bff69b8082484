"""A run in TensorBoard, MLflow and CSV tables, read back; names of runs; loggers that aren't there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE
from lulcseg.loggers.display import NOTHING, NoDisplay, Picture
from lulcseg.loggers.open_display import check_logger, open_display, reopen_display
from lulcseg.loggers.run_contents import facts_of
from lulcseg.loggers.run_identity import TrialPlace, identity_of, trial_of
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.logger import LoggerSettings
from tests.support.displayed_run import CONFIG, LEGEND, STEM, display_all, write_displayed_run


def show(run: Path, settings: LoggerSettings) -> None:
    """Show a whole run."""
    record = RunRecord.load(RunFolder(run))
    identity = identity_of(CONFIG, ["synthetic2018"])
    with open_display(settings, identity, CONFIG | facts_of(record, identity), run) as display:
        display_all(display, run)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory."""
    return write_displayed_run(tmp_path / "run")


def test_tensorboard_events(run: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    show(run, LoggerSettings(name="tensorboard"))
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0, "tensors": 0})
    events.Reload()
    assert [(e.step, round(e.value, 3)) for e in events.Scalars("val/kappa")] == [(9, 0.2), (19, 0.6), (29, 0.4)]
    scored = Assessment.load(run / "assessment" / STEM)
    assert events.Scalars(f"{STEM}/kappa")[0].value == pytest.approx(scored.scores.kappa, rel=1e-6)
    pictures = set(events.Tags()["images"])
    assert pictures >= {"plan/plan", "augmentation/versions", f"maps/{STEM}", f"maps/{STEM}/map", f"maps/{STEM}/labels"}

    def text(name: str) -> str:
        return events.Tensors(f"{name}/text_summary")[0].tensor_proto.string_val[0].decode()

    rows = [line.strip("| ").split(" | ") for line in text(f"confusion/{STEM}").splitlines()]
    assert rows[0][1:] == [name.replace("<", "\\<") for name in LEGEND.names]
    assert [[int(v) for v in row[1:]] for row in rows[2:]] == scored.confusion.tolist()
    assert "checkpoints/best.ckpt" in text("files/model")
    assert text("run").startswith("patch96_seed3, train")


def test_mlflow_store(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database takes ten seconds to be made
    address = (tmp_path / "store").as_uri()
    show(run, LoggerSettings(name="mlflow", address=address))
    client = mlflow.MlflowClient(address)
    experiment = client.get_experiment_by_name("patch size")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "patch96_seed3"
    assert found.data.tags["patch"] == "96"
    assert found.data.params["sampling/patch_size"] == "96"
    history = client.get_metric_history(found.info.run_id, "val/kappa")
    assert [(m.step, m.value) for m in history] == [(9, 0.2), (19, 0.6), (29, 0.4)]
    scored = Assessment.load(run / "assessment" / STEM)
    assert found.data.metrics[f"{STEM}/kappa"] == pytest.approx(scored.scores.kappa)
    store = Path(found.info.artifact_uri.removeprefix("file://"))
    for name in (f"maps/{STEM}.png", f"maps/{STEM}_map.png", "plan/plan.gpkg", "model/best.ckpt", "plan/plan.png"):
        assert (store / name).is_file(), name
    cells = pd.DataFrame(**json.loads((store / f"confusion/{STEM}.json").read_text()))
    assert cells["count"].to_numpy().reshape(4, 4).tolist() == scored.confusion.tolist()
    assert cells["reference"].tolist() == [name for name in LEGEND.names for _ in range(4)]


def test_csv_tables(run: Path) -> None:
    show(run, LoggerSettings(name="csv"))
    scored = Assessment.load(run / "assessment" / STEM)
    scores = pd.read_csv(run / "tables" / "scores.csv", index_col="name")["value"]
    assert scores[f"{STEM}/kappa"] == pytest.approx(scored.scores.kappa)
    assert scores["training_seconds"] == 287.4
    classes = pd.read_csv(run / "tables" / "classes" / f"{STEM}.csv")
    assert classes["F1"].to_numpy() == pytest.approx(scored.scores.f1, nan_ok=True)
    assert classes["class"].tolist() == LEGEND.names


def test_layers_are_painted_half_transparent_and_nothing_where_there_is_no_class() -> None:
    index = np.array([[0, IGNORE]], dtype=np.uint8)
    flat = Picture(Image.new("RGB", (2, 1), "#000000"), {"map": index}, LEGEND).flat()
    assert set(flat) == {"", "map"}
    painted = np.asarray(flat["map"])
    assert (painted[0, 1] == 0).all()
    assert 0 < painted[0, 0, 0] < LEGEND.colours[0, 0]


def test_a_logger_that_is_not_installed_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lulcseg.loggers.open_display.find_spec", lambda _: None)
    for name in ("tensorboard", "mlflow"):
        with pytest.raises(LulcsegError, match=rf"isn't installed; run pip install 'lulcseg\[{name}\]'"):
            check_logger(LoggerSettings(name=name))
    for name in ("wandb", "csv", "none"):
        check_logger(LoggerSettings(name=name))


def test_a_run_by_itself_is_a_trial_of_its_own() -> None:
    assert trial_of({"name": "demo"}) == TrialPlace("demo", "demo", None)
    assert trial_of({"name": "demo", "trial": None}) == TrialPlace("demo", "demo", None)
    whole = {"name": "batch size", "value": "batch10", "level": 10}
    assert trial_of({"name": "demo", "trial": whole}) == TrialPlace("batch size", "batch10", 10)
    long = identity_of(CONFIG, ["x" * 200])
    assert all(0 < len(tag) <= 64 for tag in long.tags)


def test_nothing_is_shown_where_that_is_asked_for_or_the_model_has_no_run(tmp_path: Path) -> None:
    with open_display(LoggerSettings(name="none"), identity_of(CONFIG, []), {}, tmp_path) as display:
        assert isinstance(display, NoDisplay)
    folder, record = RunFolder(tmp_path), RunRecord.of()
    with reopen_display(folder, folder, record, request={}, scenes=[], detail="x") as display:
        assert display is NOTHING
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "config.yaml").write_text("name: old\n")
    with (
        pytest.raises(LulcsegError, match="set show=none"),
        reopen_display(folder, folder, record, request={}, scenes=[], detail="x"),
    ):
        pass
