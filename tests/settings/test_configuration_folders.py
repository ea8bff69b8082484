"""Configuration of one's own: found by name in the current folder, before what is shipped, and hiding no setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.launch.command_line import groups
from lulcseg.launch.compose import compose
from lulcseg.launch.jobs import jobs_from
from lulcseg.scene.spec import find_scene
from lulcseg.settings.configuration_folders import CONF, files_of, in_place_of_shipped
from lulcseg.settings.presets import load_preset

EXPERIMENT = "# @package _global_\ndefaults: [demo_small]\nname: mine\nmodel: {filters: 12}\n"
SWEEP = """# @package _global_
defaults: [base/train]
hydra: {sweeper: {params: {+experiment: mine, seed: "0,1"}}}
trial: {name: own}
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_of_ones_own_leaves_the_shipped(project: Path) -> None:
    assert set(files_of("augment")) == {path.stem for path in (CONF / "augment").glob("*.yaml")}


@pytest.mark.parametrize("folder", ["experiment", "conf/experiment"])
def test_an_experiment_builds_on_a_shipped_one(project: Path, folder: str) -> None:
    write(project / folder / "mine.yaml", EXPERIMENT)
    settings = compose("train", ["+experiment=mine"])
    assert (settings.name, settings.model.filters, settings.model.depth) == ("mine", 12, 3)
    assert "mine" in groups()["experiment"]


def test_a_sweep_and_a_scene_are_found_by_name(project: Path) -> None:
    write(project / "experiment" / "mine.yaml", EXPERIMENT)
    write(project / "sweeps" / "own.yaml", SWEEP)
    farm = write(project / "scenes" / "farm.yaml", "synthetic: {}\n")
    assert [job.settings.seed for job in jobs_from("train", ["-m", "+sweeps=own", "scene=farm"])] == [0, 1]
    assert find_scene("farm") == farm
    assert find_scene("synthetic2018").is_relative_to(CONF)


def test_a_group_of_ones_own_is_a_preset_too(project: Path) -> None:
    write(project / "conf" / "augment" / "own.yaml", "name: own\np: {gamma: 0.5}\n")
    assert compose("train", ["augment=own"]).augment.p.gamma == 0.5
    assert load_preset("augment", "own") == {"p": {"gamma": 0.5}}


def test_ones_own_comes_first_and_is_told(project: Path) -> None:
    own = write(project / "conf" / "augment" / "light.yaml", "name: light\np: {hue: 0.25}\n")
    assert compose("train", ["augment=light"]).augment.p.hue == 0.25
    assert in_place_of_shipped("augment", "light") == own
    assert in_place_of_shipped("augment", "paper") is None


def test_a_strangers_configuration_is_not_taken(project: Path) -> None:
    write(project / "conf" / "train.yaml", "nonsense: 1\n")
    write(project / "conf" / "train_defaults.yaml", "nonsense: 1\n")
    assert compose("train", []).name == "run"


def test_folders_hide_no_setting(project: Path) -> None:
    for name in ("cache", "scene", "name"):
        write(project / name / "any.yaml", "{}\n")
    (job,) = jobs_from("train", ["cache=/tmp/x", "name=here"])
    assert (job.settings.cache, job.settings.name) == ("/tmp/x", "here")


def test_an_unknown_experiment_is_told_with_ones_own(project: Path) -> None:
    write(project / "experiment" / "mine.yaml", EXPERIMENT)
    with pytest.raises(LulcsegError, match="did you mean 'mine'"):
        jobs_from("train", ["+experiment=mime"])


@pytest.mark.parametrize(
    ("text", "said"), [("{broken: [", "can't be read|isn't YAML|not YAML"), ("foo: 3\n", "# @package _global_")]
)
def test_what_is_wrong_with_ones_own_file_is_said_of_it(project: Path, text: str, said: str) -> None:
    path = write(project / "experiment" / "mine.yaml", text)
    with pytest.raises(LulcsegError, match=said) as refused:
        jobs_from("train", ["+experiment=mine"])
    assert str(path) in str(refused.value)
