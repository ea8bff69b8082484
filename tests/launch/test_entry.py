"""From a command line to runs: how often settings are composed, and the scores that a sweeper gets back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json, write_json
from lulcseg.launch import entry
from lulcseg.launch import sweep_runs as sweeping
from lulcseg.launch.jobs import jobs_from
from tests.support.checkout import ROOT

SCENE = ["scene=mini2018_dev", "scenes.assess=[mini2018_dev]"]  # found by name, and never made


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Overrides of each composition; everything is written to an empty folder."""
    found: list[list[str]] = []
    original = ConfigLoaderImpl._load_configuration_impl

    def counted(self: Any, config_name: Any, overrides: list[str], *args: Any, **named: Any) -> Any:
        found.append(list(overrides))
        return original(self, config_name, overrides, *args, **named)

    monkeypatch.setattr(ConfigLoaderImpl, "_load_configuration_impl", counted)
    monkeypatch.chdir(tmp_path)
    return found


def call(monkeypatch: pytest.MonkeyPatch, *words: str, task: Any = lambda _: None) -> Any:
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    return entry.run_hydra("train", task)


def test_a_single_run_is_composed_once_and_returns_its_score(
    composed: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def task(settings: Any) -> float:
        seen.append(settings)
        return 0.75

    assert call(monkeypatch, "+experiment=batch50", "model.filters=8", task=task) == 0.75
    assert len(composed) == 1
    assert (seen[0].name, seen[0].model.filters) == ("batch50", 8)


def test_a_sweep_is_composed_once_a_value_and_each_replicate_gets_its_settings(
    composed: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int, int]] = []

    def run(run_dir: Path, lock: int) -> int:
        settings = (read_json(run_dir / "replicate.json") or {})["settings"]
        asked.append((settings["trial"]["value"], settings["seed"], settings["trainer"]["batch_size"]))
        write_json(run_dir / "record.json", {"state": "finished", "maps": []})
        return 0

    monkeypatch.setattr(sweeping, "run_child", run)
    call(monkeypatch, "-m", "+sweeps=batch_size", "+experiment=batch10,batch50", "seed=0,1", *SCENE)
    assert asked == [("batch10", 0, 10), ("batch10", 1, 10), ("batch50", 0, 50), ("batch50", 1, 50)]
    assert len(composed) == 3, "the sweep's own, and one for each value"
    assert Path("runs/batch_size/multirun.yaml").is_file()
    assert Path("runs/batch_size/batch50/seed1/record.json").is_file()


def test_several_runs_are_wrong_before_the_first(monkeypatch: pytest.MonkeyPatch, composed: list[list[str]]) -> None:
    monkeypatch.setattr(sweeping, "run_child", lambda *_: pytest.fail("it began"))
    with pytest.raises(SystemExit) as left:
        call(monkeypatch, "-m", "seed=0,1", "trainer.epochs=1,0", *SCENE)
    assert left.value.code == 2


@pytest.mark.parametrize("words", [["+sweeps=patch_size"], ["seed=1,2"]], ids=["trial", "runs"])
def test_scenes_of_several_runs_are_looked_for_before_the_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweeping, "run_child", lambda *_: pytest.fail("a run was started"))
    (tmp_path / "lost.yaml").write_text("imagery: {files: [none.tif]}\n")
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, "-m", *words, "scene=lost.yaml", "scenes.assess=[lost.yaml]")
    assert ended.value.code == 2
    assert f"imagery.files: there is no file '{tmp_path}/none.tif'" in capsys.readouterr().err
    assert not list(tmp_path.glob("**/record.json"))
    assert not list(tmp_path.glob("**/trial.json"))


def test_settings_can_be_printed_without_a_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    call(monkeypatch, "--cfg", "job", "augment=paper", task=lambda _: pytest.fail("it ran"))
    assert "clouds: 0.1" in capsys.readouterr().out


SWEEPER = """
from dataclasses import dataclass
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper

class Stub(Sweeper):
    def __init__(self, params=None, **_): self.params = params
    def setup(self, *, hydra_context, task_function, config):
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config)
    def sweep(self, arguments):
        scores = []
        for number, rate in enumerate(("0.01", "0.02")):
            job = [*arguments, f"optim.learning_rate={rate}"]
            scores += [r.return_value for r in self.launcher.launch([job], initial_job_idx=number)]
        print("scores", scores, "searched", sorted(self.params))

ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node={
    "_target_": "hydra_plugins.stub.Stub", "params": {}, "direction": None, "n_trials": 1, "n_jobs": 1})
"""
SEARCH = """
import sys
from lulcseg.files import read_json, write_json
from lulcseg.launch import entry, sweep_runs as sweeping

def run(run_dir, lock):
    request = read_json(run_dir / "replicate.json")
    print("run", run_dir.name)
    rate = request["settings"]["optim"]["learning_rate"]
    if rate != {without}:
        write_json(run_dir / "replicate.json", request | {{"score": 1 - rate}})
    return 0

sweeping.run_child = run
sys.argv = ["train.py", "-m", "+hparams_search=optuna", "run_dir=search", "scene=any"]
entry.run_hydra("train", lambda _: None)
"""


def search(folder: Path, without: float | None = None) -> subprocess.CompletedProcess[str]:
    (folder / "hydra_plugins").mkdir()
    (folder / "hydra_plugins" / "stub.py").write_text(SWEEPER)
    code = SEARCH.format(without=without)
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder, env=env
    )


def test_a_sweeper_that_searches_gets_the_runs_scores(tmp_path: Path) -> None:
    done = search(tmp_path)
    assert done.stdout.splitlines() == [
        "run 0", "run 1", "scores [0.99, 0.98] searched ['optim.learning_rate', 'optim.weight_decay']"
    ], done.stderr  # fmt: skip
    assert json.loads((tmp_path / "search" / "1" / "replicate.json").read_text())["score"] == 0.98


def test_a_search_without_a_score_says_why(tmp_path: Path) -> None:
    done = search(tmp_path, without=0.02)
    assert done.returncode == 2
    assert "has no score to search by" in done.stderr


def test_a_search_names_the_extra_that_it_needs() -> None:
    pytest.importorskip("hydra")
    if any(Path(folder, "hydra_plugins", "hydra_optuna_sweeper").is_dir() for folder in sys.path):
        pytest.skip("Optuna's sweeper is installed")
    with pytest.raises(
        LulcsegError, match=r"hydra/sweeper/optuna isn't installed; run pip install 'lulcseg\[optuna\]', which adds"
    ):
        jobs_from("train", ["-m", "+hparams_search=optuna", "scene=any"])
