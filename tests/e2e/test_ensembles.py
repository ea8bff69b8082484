"""Ensembles through ``predict.py`` and ``map_scene``: replicates of a trial averaged, recorded, ranked and reported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio

from lulcseg import map_scene
from lulcseg.errors import LulcsegError
from lulcseg.files import sha256_of
from lulcseg.launch.jobs import jobs_from
from lulcseg.pictures.class_map import holds_values
from lulcseg.report.trial.run_states import runs_view
from lulcseg.run.predict import predict
from lulcseg.run_folder.folder import RunFolder
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.calibration import Calibration, CalibrationFile, calibration_beside
from lulcseg.training.task import SegmentationTask
from lulcseg.trials.trial_reader import read_trial
from tests.conftest import scene_maker
from tests.support.html_page import Page
from tests.support.small_runs import QUICK, run

LAYERS = "mosaic.outputs=[probabilities,disagreement]"


@pytest.fixture(scope="module")
def value(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial's value of two models of three plain colours, and the scene they were trained on."""
    folder = tmp_path_factory.mktemp("trained")
    scene = scene_maker(folder)("trained")
    for seed in (0, 1):
        options = [*QUICK, "trainer.precision=32-true", f"seed={seed}", "sampling.seed=0", f"cache={folder / 'cache'}"]
        trial = ["trial.name=tiny", "trial.value=small"]
        run(folder / "tiny" / "small" / f"seed{seed}", f"scene={scene}", "mosaic=single", *options, *trial)
    return folder / "tiny" / "small"


def mapped(value: Path, *words: str) -> None:
    """Predict the trained scene in this process, from a command line."""
    fixed = [f"scene={value.parents[1] / 'trained' / 'scene.yaml'}", f"cache={value.parents[1] / 'cache'}"]
    (job,) = jobs_from("predict", [*words, *fixed, "accelerator=cpu", "precision=32-true", "mosaic=single"])
    predict(job.settings)


def bands(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read()


def test_replicates_of_a_trial_are_averaged_and_gain_a_row(value: Path, tmp_path: Path) -> None:
    mapped(value, f"trial={value.parent}", f"value={value.name}", LAYERS)
    folder = value.with_name("small_ensemble")
    checkpoints = [str(value / f"seed{seed}" / "checkpoints" / "best.ckpt") for seed in (0, 1)]
    record = json.loads((folder / "record.json").read_text())
    assert record["checkpoint"] == record["maps"][0]["checkpoint"] == checkpoints
    stem = folder / "maps" / "trained_single"
    item = pystac.Item.from_file(f"{stem}.json").properties
    assert item["lulcseg:checkpoint"] == checkpoints
    assert len(set(item["lulcseg:checkpoint_sha256"])) == 2
    assert item["title"] == "trained, single, 2 models"
    shares = []
    for seed, checkpoint in enumerate(checkpoints):
        mapped(value, f"checkpoint={checkpoint}", LAYERS.replace(",disagreement", ""), f"output={tmp_path / str(seed)}")
        shares.append(bands(tmp_path / str(seed) / "maps" / "trained_single_probabilities.tif").astype(float))
    together = bands(Path(f"{stem}_probabilities.tif"))
    np.testing.assert_allclose(together, sum(shares) / 2, atol=1.01)  # three roundings to steps of 0.004
    whole, models, views = bands(Path(f"{stem}_disagreement.tif"))
    assert (views == 0).all(), "there is one view"
    assert (whole == models).all()
    assert whole.max() > 0
    trial = read_trial(value.parent)
    assert [(v.name, len(trial.of(v.name))) for v in trial.values] == [("small", 2), ("small_ensemble", 1)]
    assert trial.notes == ()
    assert [(row.name, len(row.cells)) for row in runs_view(trial).rows] == [("small", 2)], "an ensemble exists once"
    assert holds_values(Path(f"{stem}_disagreement.tif"))
    assert not holds_values(Path(f"{stem}_probabilities.tif"))
    report = (folder / "report.html").read_text()
    assert "small_ensemble" in report
    assert "trained_single_disagreement.tif" in report


def test_a_script_averages_models_too_and_one_in_a_list_is_itself(value: Path, tmp_path: Path) -> None:
    checkpoints = [value / f"seed{seed}" / "checkpoints" / "best.ckpt" for seed in (0, 1)]
    scene = str(value.parents[1] / "trained" / "scene.yaml")
    options = {"settings": MosaicSettings(outputs=["probabilities"]), "accelerator": "cpu", "precision": "32-true"}
    for name, models in {"both": checkpoints, "list": checkpoints[:1], "one": checkpoints[0]}.items():
        map_scene(models, scene, tmp_path / f"{name}.tif", **options)
    assert (tmp_path / "list.tif").read_bytes() == (tmp_path / "one.tif").read_bytes()
    stored = [bands(tmp_path / f"{name}_probabilities.tif") for name in ("both", "list", "one")]
    assert (stored[1] == stored[2]).all()
    assert (stored[0] != stored[1]).any()


def test_nothing_is_written_when_models_do_not_fit(value: Path, tmp_path: Path) -> None:
    best = value / "seed0" / "checkpoints" / "best.ckpt"
    with pytest.raises(LulcsegError, match="the same model as"):
        mapped(value, f"checkpoint=[{best},{best}]", f"output={tmp_path / 'out'}")
    with pytest.raises(LulcsegError, match="there is only one; set mosaic=multiple"):
        mapped(value, f"checkpoint={best}", "mosaic.outputs=[disagreement]", f"output={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_replicates_of_the_sweep_ensemble(value: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = jobs_from("predict", ["-m", "+sweeps=ensemble", f"checkpoint={value}", "seed=0,1", "scene=any"])
    assert [(job.settings.trial.value, job.settings.members) for job in jobs] == [
        ("one", "one"), ("one", "one"), ("others", "others"), ("others", "others"),
    ]  # fmt: skip
    common = [f"checkpoint={value}", "trial.name=ensemble", "seed=1"]
    for members in ("one", "others", "all"):
        mapped(value, *common, f"members={members}", f"trial.value={members}", f"output=ensemble/{members}/seed1")
    folders = {members: tmp_path / "ensemble" / members / "seed1" for members in ("one", "others", "all")}
    records = {members: json.loads((folder / "record.json").read_text()) for members, folder in folders.items()}
    assert {m: r["seed"] for m, r in records.items()} == {"one": 1, "others": 1, "all": 1}
    assert records["one"]["checkpoint"].endswith("seed1/checkpoints/best.ckpt")
    assert records["others"]["checkpoint"].endswith("seed0/checkpoints/best.ckpt")
    assert records["all"]["plan"]["digest"] == records["one"]["plan"]["digest"]
    assert records["all"]["steps"] == 2 * records["one"]["steps"]


def test_maps_without_output_never_replace_those_by_other_models(
    value: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (RunFolder(value / f"seed{seed}") for seed in (0, 1))
    for models in ([first.best, second.best], [first.best, first.last], [first.best, second.best]):
        mapped(value, f"checkpoint=[{','.join(map(str, models))}]")
    folders = sorted((tmp_path / "predictions").glob("2_models_*"))
    records = [json.loads((folder / "record.json").read_text()) for folder in folders]
    assert [len(record["maps"]) for record in records] == [1, 1]
    assert {record["maps"][0]["checkpoint"][1] for record in records} == {str(second.best), str(first.last)}
    assert [record["name"] for record in records] == [folder.name for folder in folders]
    assert f"2 of 2 models are of one training run, {first.path} (best.ckpt, last.ckpt)" in capfd.readouterr().out
    words = Page((folders[0] / "report.html").read_text()).words()
    assert "The mean of 2 models:" in words
    for trained in ("learning curves", "sampling plan", "config.yaml", "metrics.csv", "composed configuration"):
        assert trained not in words.lower()
    mapped(value, f"checkpoint={first.best}")  # its run's own map, made by the training
    kept = first.map_file("trained_single").read_bytes()
    with pytest.raises(LulcsegError, match=r"trained_single.tif: it was made by another model .*best.ckpt.*last.ckpt"):
        mapped(value, f"checkpoint={first.last}")
    assert first.map_file("trained_single").read_bytes() == kept


def test_a_partly_calibrated_ensemble_says_so_by_model(
    value: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    models = []
    for seed in (0, 1):
        models.append(tmp_path / f"{seed}.ckpt")
        shutil.copy(RunFolder(value / f"seed{seed}").best, models[-1])
    legend = tuple(SegmentationTask.load_from_checkpoint(models[1]).record.to_legend().names)
    fits = {"temperature": Calibration.of_temperature(0.2, len(legend))}
    CalibrationFile(sha256_of(models[1]), legend, "temperature", fits).save(calibration_beside(models[1]))
    both = f"checkpoint=[{models[0]},{models[1]}]"
    review = ["mosaic.outputs=[probabilities,review]", "mosaic.review_precision=0.9"]
    with pytest.raises(LulcsegError, match=r"0.ckpt: places to review by precision"):
        mapped(value, both, *review, f"output={tmp_path / 'out'}")
    assert "calibrated" not in capfd.readouterr().out
    mapped(value, both, "mosaic.outputs=[probabilities]", f"output={tmp_path / 'out'}")
    sentence = "Probabilities are calibrated: 1.ckpt by temperature 0.200; 0.ckpt is not calibrated."
    assert sentence in capfd.readouterr().out
    words = Page((tmp_path / "out" / "report.html").read_text()).words()
    assert words.count(sentence) == 2, "once of the map, once beside the scores of its probabilities"
