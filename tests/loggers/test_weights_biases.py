"""A run in Weights & Biases, read back from its offline file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lulcseg.assessment.assessment import Assessment
from lulcseg.loggers.open_display import open_display, reopen_display
from lulcseg.loggers.run_contents import (
    facts_of,
)
from lulcseg.loggers.run_identity import identity_of
from lulcseg.maps.classraster import ClassRaster
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.logger import LoggerSettings
from tests.support.displayed_run import CONFIG, LEGEND, MAP, STEM, display_all, write_displayed_run
from tests.support.wandb_files import OfflineRun


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory, shown."""
    run = write_displayed_run(tmp_path_factory.mktemp("runs") / "run")
    record = RunRecord.load(RunFolder(run))
    identity = identity_of(CONFIG, ["synthetic2018"])
    with open_display(LoggerSettings(project="farms"), identity, CONFIG | facts_of(record, identity), run) as display:
        display_all(display, run)
    return run


@pytest.fixture(scope="module")
def offline(folder: Path) -> OfflineRun:
    """Return what the offline file holds."""
    (only,) = (folder / "wandb").glob("offline-run-*")
    return OfflineRun(only)


def test_runs_are_grouped_named_and_tagged(offline: OfflineRun) -> None:
    run = offline.run
    assert (run.project, run.run_group, run.display_name, run.job_type) == (
        "farms", "patch size", "patch96_seed3", "train",
    )  # fmt: skip
    assert list(run.tags) == [
        "patch size", "patch96", "sampling:stratified", "patch:96", "augment:light", "scaling:none",
        "scene:synthetic2018",
    ]  # fmt: skip
    assert offline.config["trial"] == {"name": "patch size", "value": "patch96", "level": 96}
    assert offline.config["sampling"]["patch_size"] == 96
    assert offline.config["plan"]["train"] == 110
    assert offline.exit_code == 0


def test_curves_lie_over_steps_and_epochs_and_the_best_is_kept(offline: OfflineRun) -> None:
    curve = [(h["trainer/global_step"], h["val/kappa"]) for h in offline.history if "val/kappa" in h]
    assert curve == [(9, 0.2), (19, 0.6), (29, 0.4)]
    assert offline.metrics["train/loss_step"].step_metric == "trainer/global_step"
    assert offline.metrics["val/*"].step_metric == offline.metrics["val/kappa"].step_metric == "epoch"
    assert offline.summary["val/kappa"] == {"max": 0.6}
    assert offline.summary["training_seconds"] == 287.4


def test_confusion_matrix_is_counts(offline: OfflineRun, folder: Path) -> None:
    scored = Assessment.load(folder / "assessment" / STEM)
    columns, rows = offline.table(f"confusion/{STEM}_table")
    assert columns == ["reference", "map", "count"]
    names = LEGEND.names
    found = np.zeros_like(scored.confusion)
    for reference, mapped, count in rows:
        found[names.index(reference), names.index(mapped)] = count
    assert (found == scored.confusion).all()
    assert found.sum() > found.trace() > 0, "the matrix cannot tell rows from columns"
    chart = offline.config["_wandb"]["visualize"][f"confusion/{STEM}"]["panel_config"]
    assert chart["panelDefId"] == "wandb/confusion_matrix/v1"
    assert chart["fieldSettings"] == {"Actual": "reference", "Predicted": "map", "nPredictions": "count"}
    assert offline.summary[f"{STEM}/kappa"] == pytest.approx(scored.scores.kappa)


def test_map_and_labels_are_masks_over_the_imagery(offline: OfflineRun, folder: Path) -> None:
    logged = offline.logged(f"maps/{STEM}")
    assert set(logged["masks"]) == {"map", "labels"}
    files = offline.folder / "files"
    image = np.asarray(Image.open(files / logged["path"]))
    assert (image == np.asarray(Image.open(folder / "previews" / "synthetic2018.png").convert("RGB"))).all()
    mask = np.asarray(Image.open(files / logged["masks"]["map"]["path"]))
    with ClassRaster(folder / MAP, LEGEND) as raster:
        index = raster.overview(*image.shape[:2])
    assert (mask == LEGEND.index_to_code()[index]).all()
    assert set(np.unique(mask)) > {10, 255}
    shown_names = [
        entry["value"] for key, entry in offline.config["_wandb"]["mask/class_labels"].items() if "maps/" in key
    ]
    assert shown_names
    for names in shown_names:
        assert names == {str(c.code): c.name for c in LEGEND} | {"255": "no class"}


def test_plan_sheets_and_classes_are_there(offline: OfflineRun, folder: Path) -> None:
    for name in ("plan/plan", "augmentation/versions", f"confusion/{STEM}_picture"):
        assert (offline.folder / "files" / offline.logged(name)["path"]).is_file(), name
    scores = Assessment.load(folder / "assessment" / STEM).scores
    columns, rows = offline.table(f"classes/{STEM}")
    assert columns == [
        "class", "reference points", "mapped points", "user's", "user's low", "user's high", "producer's",
        "producer's low", "producer's high", "F1",
    ]  # fmt: skip
    trees = dict(zip(columns, rows[1], strict=True))
    assert trees["class"] == "Trees"
    assert trees["reference points"] == scores.reference_points[1]
    assert (trees["user's low"], trees["user's high"]) == pytest.approx(scores.users_interval[1])
    assert (trees["user's"], trees["producer's"]) == pytest.approx((scores.users[1], scores.producers[1]))
    assert trees["F1"] == pytest.approx(scores.f1[1])


def test_plan_and_model_are_artifacts_that_lie_in_the_run(offline: OfflineRun, folder: Path) -> None:
    plan, model = offline.artifacts["plan"], offline.artifacts["model"]
    digest = json.loads((folder / "record.json").read_text())["plan"]["digest"]
    assert plan.name == f"plan-{digest[:12]}"
    assert {entry.path for entry in plan.manifest.contents} == {"plan.gpkg", "plan.json", "plan.png"}
    assert model.name == "patch_size-patch96-seed3"
    assert set(model.aliases) >= {"best", "seed3"}
    assert {entry.path for entry in model.manifest.contents} == {"best.ckpt", "config.yaml", "record.json"}
    every = [entry.local_path for artifact in offline.artifacts.values() for entry in artifact.manifest.contents]
    assert all(Path(path).is_relative_to(folder) and Path(path).is_file() for path in every)
    assert "WANDB_DATA_DIR" not in os.environ


def test_later_maps_are_a_run_beside_it(tmp_path: Path) -> None:
    model, maps = tmp_path / "model", tmp_path / "maps"
    for made in (model, maps):
        made.mkdir()
    (model / "config.yaml").write_text(json.dumps(CONFIG))
    (model / "record.json").write_text(json.dumps({"shown": {"service": "wandb", "id": "abc"}}))
    request: dict[str, Any] = {"scene": "two.yaml"}
    run, empty = RunFolder(model), RunRecord.of()
    with reopen_display(run, RunFolder(maps), empty, request=request, scenes=["two"], detail="two_multiple") as display:
        display.scores({"two_multiple/kappa": 0.5})
    (only,) = (maps / "wandb").glob("offline-run-*")
    later = OfflineRun(only)
    assert (later.run.run_group, later.run.job_type) == ("patch size", "predict")
    assert later.run.display_name == "patch96_seed3_two_multiple"
    assert "scene:two" in later.run.tags
    assert later.config["model_of"] == {"service": "wandb", "id": "abc"}
    assert later.config["predict"] == request
    request["trial"] = {"name": "passes", "value": "multiple", "level": None}
    with reopen_display(run, RunFolder(tmp_path), empty, request=request, scenes=["two"], detail="two_multiple"):
        pass
    (only,) = (tmp_path / "wandb").glob("offline-run-*")
    replicate = OfflineRun(only)
    assert (replicate.run.run_group, replicate.run.display_name) == ("passes", "multiple_seed3")


def test_a_run_that_fails_is_closed_as_failed(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="torn"),
        open_display(LoggerSettings(), identity_of(CONFIG, []), {}, tmp_path) as display,
    ):
        display.scores({"kappa": 0.1})
        raise RuntimeError("torn")
    (only,) = (tmp_path / "wandb").glob("offline-run-*")
    assert OfflineRun(only).exit_code == 1


def test_without_a_key_an_online_run_is_kept_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("wandb.login", lambda **_: False)
    with open_display(LoggerSettings(offline=False), identity_of(CONFIG, []), {}, tmp_path) as display:
        display.scores({"kappa": 0.5})
    told = capsys.readouterr().out
    assert "can't be reached" in told
    assert f"wandb sync {tmp_path}" in told
    (only,) = (tmp_path / "wandb").glob("offline-run-*")
    assert OfflineRun(only).summary["kappa"] == 0.5


def test_logging_draws_no_random_number(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with open_display(LoggerSettings(), identity_of(CONFIG, []), {}, tmp_path) as display:
        display.scores({"kappa": 0.5})
    assert torch.equal(torch.get_rng_state(), before)
