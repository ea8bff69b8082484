"""``lulcseg init``: a project whose experiment, trial and scene can be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from lulcseg.cli import main
from lulcseg.launch.jobs import jobs_from
from lulcseg.scene.spec import read_scene
from tests.support.checkout import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    main(["init", str(tmp_path / "my project")])
    monkeypatch.chdir(tmp_path / "my project")
    return tmp_path / "my project"


def test_what_it_writes_can_be_used(project: Path) -> None:
    (job,) = jobs_from("train", ["+experiment=my_experiment"])
    assert (job.settings.name, job.settings.scene) == ("my_experiment", "my_scene")
    assert len(jobs_from("train", ["-m", "+sweeps=my_trial"])) == 15
    scene = read_scene("my_scene", cache=project / "cache")
    assert [entry.name for entry in scene.legend] == ["Vineyards", "Other"]


def test_its_commands_are_those_of_the_readme(project: Path) -> None:
    assert "lulcseg init my_project" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "lulcseg train +experiment=my_experiment" in (project / "README.md").read_text(encoding="utf-8")


def test_a_folder_with_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(SystemExit) as left:
        main(["init", str(tmp_path)])
    assert left.value.code == 2
    assert "it exists and isn't empty; name a new folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
