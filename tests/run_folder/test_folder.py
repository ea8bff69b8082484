"""The paths of a run's folder and of a trial's."""

from __future__ import annotations

from pathlib import Path

from lulcseg.run_folder.folder import RunFolder, TrialFolder
from lulcseg.sampling.plan_file import json_beside


def test_names_are_those_of_every_run_so_far() -> None:
    folder = RunFolder(Path("run"))
    names = {
        "record": "record.json", "request": "replicate.json", "config": "config.yaml", "plan": "plan.gpkg",
        "plan_json": "plan.json", "metrics": "metrics.csv", "progress": "progress.json",
        "augmentation_sheet": "augmentation.png", "best": "checkpoints/best.ckpt", "last": "checkpoints/last.ckpt",
        "maps": "maps", "report": "report.html",
    }  # fmt: skip
    assert {name: folder.relative(getattr(folder, name)) for name in names} == names
    assert folder.relative(folder.assessment("a_single")) == "assessment/a_single"
    assert folder.relative(folder.map_file("a_single")) == "maps/a_single.tif"
    assert [folder.plan_picture(scene).name for scene in (None, "a")] == ["plan.png", "plan_a.png"]
    assert folder.plan_json == json_beside(folder.plan)
    assert RunFolder.of_checkpoint(folder.best) == folder


def test_a_seed_is_read_from_a_folders_name() -> None:
    names = {"seed12": 12, "2026-01-01_seed3": 3, "run": None, "seed1_again": None}
    assert {name: RunFolder(Path(name)).named_seed for name in names} == names


def test_runs_of_a_trial_lie_one_or_two_levels_down(tmp_path: Path) -> None:
    trial = TrialFolder(tmp_path)
    run = trial.run("on", 3)
    assert TrialFolder.of_run(run) == trial
    single = RunFolder(tmp_path / "single")
    aside = RunFolder(trial.moved_aside / "on" / "seed3.abc")
    for folder in (run, single, aside):
        folder.path.mkdir(parents=True)
        folder.record.write_text("{}")
    assert trial.runs() == [single, run]
    assert trial.description_lock.name == ".trial.json.lock"
