"""A run's record as a value: what a file holds stays in it, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.run_folder.environment import environment, git_state
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RecordWriter, RunRecord
from lulcseg.run_folder.record_parts import EnvironmentEntry, MapEntry, PlanEntry, SceneEntry, TrialEntry, plain_level
from lulcseg.settings.trial import TrialSettings

FULL: dict[str, Any] = {
    "format": 1,
    "attempts": 2,
    "goes_on_from": None,
    "started": "2026-01-31T12:00:00+10:00",
    "name": "patch96",
    "seed": 3,
    "trial": {"name": "patch_size", "value": "patch96", "level": 96},
    "fingerprint": "abc",
    "command": "python train.py -m +sweeps=patch_size",
    "state": "finished",
    "train_scenes": ["a", "b"],
    "notes": {"a": ["One note."]},
    "environment": {"lulcseg": "1", "python": "3.12", "cpus": 2, "gpus": [], "packages": {"torch": None}},
    "git": {"commit": "f00", "dirty": False},
    "plan": {
        "path": "plan.gpkg", "digest": "d", "taken_from": None, "made": {"method": "grid"}, "notes": [],
        "train": 10, "validation": 2, "per_class": {"Vines": 7}, "valid": None, "touches": {"Vines": 9},
        "prior": {"Vines": {"ground": 0.5, "pixels": 0.25, "shift": -0.69}},
    },
    "scenes": {"a": {"imagery_preview": "previews/a.png", "labels_preview": None, "grid": {}, "legend": []}},
    "shown": {"service": "wandb", "id": "x"},
    "checkpoint": "checkpoints/best.ckpt",
    "training_seconds": 12.5,
    "energy_wh": None,
    "maps": [{"scene": "a", "mosaic": "single", "path": "maps/a_single.tif", "seconds": 1.5, "areas": [{"name": "V"}]}],
    "assessments": ["assessment/a_single", "assessment/a_labels"],
    "finished": "2026-01-31T13:00:00+10:00",
}  # fmt: skip
NEWER = FULL | {"mood": {"good": [1, 2]}, "plan": FULL["plan"] | {"beauty": 7}}
OLDER: dict[str, Any] = {"name": "demo", "seed": 1, "maps": [{"path": "maps/a.tif", "scene": "a"}]}


@pytest.mark.parametrize("plain", [FULL, NEWER, OLDER, {}], ids=["full", "newer", "older", "empty"])
def test_what_was_read_is_written_again_byte_for_byte(tmp_path: Path, plain: dict[str, Any]) -> None:
    folder = RunFolder(tmp_path)
    text = json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
    folder.record.write_text(text, encoding="utf-8")
    RunRecord.load(folder).save(folder)
    assert folder.record.read_text(encoding="utf-8") == text


def test_its_parts_are_values() -> None:
    record = RunRecord.from_plain(NEWER)
    assert record.trial == TrialEntry(name="patch_size", value="patch96", level=96, written=("name", "value", "level"))
    assert record.plan is not None
    assert (record.plan.digest, record.plan.train, record.plan.prior_shift) == ("d", 10, [-0.69])
    assert record.git is not None
    assert record.git.commit == "f00"
    assert record.scenes["a"].imagery_preview == "previews/a.png"
    assert [(m.scene, m.path, m.seconds) for m in record.maps or ()] == [("a", "maps/a_single.tif", 1.5)]
    assert record.is_complete


def test_what_an_older_version_left_out_has_a_default() -> None:
    record = RunRecord.from_plain(OLDER)
    assert (record.state, record.plan, record.plan_digest, record.assessments, record.attempts) == (None,) * 4 + (1,)
    assert (record.maps or ())[0].areas == ()
    assert not record.is_complete
    assert PlanEntry.of().prior_shift is None


def test_changes_keep_the_order_and_new_keys_come_last(tmp_path: Path) -> None:
    writer = RecordWriter(RunFolder(tmp_path), RunRecord.of(format=1, name="x", state="running"))
    assert not writer.folder.has_record
    writer.update(steps=7, state="finished")
    writer.update(plan=PlanEntry.of(digest="d"), trial=None)
    plain = json.loads(writer.folder.record.read_text())
    assert list(plain.items()) == [
        ("format", 1), ("name", "x"), ("state", "finished"), ("steps", 7), ("plan", {"digest": "d"}), ("trial", None),
    ]  # fmt: skip
    with pytest.raises(TypeError):
        writer.update(open_display=None)


def test_maps_assessments_and_scenes_are_added_once(tmp_path: Path) -> None:
    writer = RecordWriter(RunFolder(tmp_path), RunRecord.of())
    for seconds in (1.0, 2.0):
        writer.put_map(MapEntry(scene="a", path="maps/a.tif", seconds=seconds))
        writer.put_assessment("assessment/a")
        writer.put_scene("a", SceneEntry(imagery_preview=f"{seconds}.png"))
    writer.put_map(MapEntry(scene="b", path="maps/b.tif"))
    record = RecordWriter.load(writer.folder).record
    assert [(m.path, m.seconds) for m in record.maps or ()] == [("maps/a.tif", 2.0), ("maps/b.tif", 0.0)]
    assert record.assessments == ("assessment/a",)
    assert record.scenes["a"].imagery_preview == "2.0.png"


@pytest.mark.parametrize("text", ["{", "[]", '{"plan": 3}', '{"maps": [{"scene": "a"}]}', '{"scenes": []}'])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(LulcsegError, match="not a run's folder, or its record is damaged"):
        RunRecord.load(folder)
    folder.record.write_text(text)
    assert RunRecord.read(folder) is None
    with pytest.raises(LulcsegError, match=r"record\.json"):
        RunRecord.load(folder)


def test_a_single_run_has_no_trial_and_whole_levels_are_integers() -> None:
    assert TrialEntry.of_settings(TrialSettings()) is None
    entry = TrialEntry.of_settings(TrialSettings(name="t", value="v", level=96.0))
    assert entry is not None
    assert json.dumps(entry.to_plain()) == '{"name": "t", "value": "v", "level": 96}'
    assert (plain_level(0.5), plain_level(None)) == (0.5, None)


def test_the_environment_names_versions_and_the_code(tmp_path: Path) -> None:
    plain = environment().to_plain()
    assert list(plain) == ["lulcseg", "python", "platform", "cpus", "gpus", "packages"]
    assert plain["packages"]["numpy"]
    assert EnvironmentEntry.from_plain(plain).to_plain() == plain
    assert git_state(tmp_path) is None
