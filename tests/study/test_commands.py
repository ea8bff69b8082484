"""The study's script: every command that it gives is one that the entry scripts take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lulcseg.cli import command_parser
from lulcseg.launch.jobs import jobs_from
from lulcseg.study.questions import read_questions
from tests.support.checkout import ROOT

SCRIPT = ROOT / "docs" / "study" / "mini.sh"
SELF = os.environ | {"PYTHON": sys.executable}
STUB = """#!{python}
import json, os, sys
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
"""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What the script asks of Python, with the real imagery."""
    folder = tmp_path_factory.mktemp("calls")
    stub = folder / "python"
    stub.write_text(STUB.format(python=sys.executable))
    stub.chmod(0o755)
    (folder / "runs" / "some").mkdir(parents=True)
    (folder / "runs" / "some" / "trial.json").write_text("{}")
    (folder / "runs" / "patch_size" / "patch512_stratified" / "seed0").mkdir(parents=True)
    env = os.environ | {"PYTHON": str(stub), "CALLS": str(folder / "calls"), "DATA": "data"}
    env["CACHE"] = str(folder / "kept")
    for seed in (31, 32):
        (folder / "kept" / "synthetic" / f"v3_size3072_seed{seed}").mkdir(parents=True)
    env["SEEDS"] = "0,1"
    done = subprocess.run(["sh", str(SCRIPT)], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


@pytest.fixture(scope="module")
def runs(calls: list[list[str]]) -> list[Any]:
    """The settings of every run that the script asks for, in order."""
    found: list[Any] = []
    for script, *arguments in calls:
        if script in {"train.py", "predict.py"}:
            name = script.removesuffix(".py")
            assert arguments[0] == "-m"
            found += [job.settings for job in jobs_from(name, arguments)]
    return found


@pytest.fixture(scope="module")
def asked_for(runs: list[Any]) -> dict[str, list[Any]]:
    """The same by trial."""
    found: dict[str, list[Any]] = {}
    for run in runs:
        found.setdefault(run.trial.name, []).append(run)
    return found


@pytest.mark.slow
def test_every_command_composes_and_every_question_has_its_runs(asked_for: dict[str, list[Any]]) -> None:
    for trial, runs in asked_for.items():
        places = [(run.trial.value, run.seed) for run in runs]
        assert len(set(places)) == len(places), f"{trial}: two runs in one folder"
        trainings = 5 if trial == "augmentation" else 1  # of each landscape: ensembles take five
        assert {seed for _, seed in places} == {seed + 5 * n for seed in (0, 1) for n in range(trainings)}, trial
    paper = {name: {run.trial.value for run in asked_for[name]} for name in ("batch_size", "patch_size", "passes")}
    assert {name: len(values) for name, values in paper.items()} == {"batch_size": 7, "patch_size": 8, "passes": 2}
    arms = {f"{trial}/{run.trial.value}" for trial, runs in asked_for.items() for run in runs}
    questions = read_questions(SCRIPT.with_name("questions.yaml"))
    named = [arm for q in questions.questions for arm in [*q.first, *q.second, *q.without, *q.ceiling]]
    asked = {"/".join(arm.split("/")[:2]) for arm in named}
    assert asked <= arms


@pytest.mark.slow
def test_what_is_predicted_again_was_trained_before(runs: list[Any]) -> None:
    trained: set[str] = set()
    for run in runs:
        if run.trial.program == "train":
            trained.add(str(Path(run.run_dir) / "checkpoints" / "best.ckpt"))
        else:
            members = run.checkpoint if isinstance(run.checkpoint, list) else [run.checkpoint]
            assert set(members) <= trained, f"{run.trial.name}: {members}"


def test_the_other_commands_are_read(calls: list[list[str]]) -> None:
    studied = [arguments[2:] for arguments in calls if arguments[:2] == ["-m", "lulcseg.cli"]]
    actions = [command_parser().parse_args(arguments).run.__name__ for arguments in studied]
    assert actions == [*["_ground"] * 2, *["_class"] * 16, *["_run"] * 2, "_results", "_tables", "_claims"]


@pytest.mark.parametrize(
    ("changed", "parts", "told"),
    [
        ({}, ["scenes", "sampeling"], "no part 'sampeling'"),
        ({"PYTHON": "none/python"}, ["scenes"], "there is no none/python"),
        ({"SEEDS": "abc"}, ["scenes"], "SEEDS has 'abc'"),
        ({"SEEDS": "0 1"}, ["scenes"], "SEEDS is '0 1'"),
        ({"CACHE": "a folder"}, ["scenes"], "CACHE has a space"),
        ({"CACHE": "none"}, ["resolution"], "make them first"),
    ],
)
def test_the_script_refuses_before_it_begins(
    changed: dict[str, str], parts: list[str], told: str, tmp_path: Path
) -> None:
    command = ["sh", str(SCRIPT), *parts]
    done = subprocess.run(command, cwd=tmp_path, env=SELF | changed, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_replicate_has_its_own_landscape_and_a_second_round_the_same_ones(tmp_path: Path) -> None:
    for seeds in ("0,1,2,3,4", "5,6,7,8,9"):
        subprocess.run(["sh", str(SCRIPT), "scenes"], cwd=tmp_path, env=SELF | {"SEEDS": seeds}, check=True)
    scenes = [tmp_path / "runs" / "scenes" / str(seed) / "mini2018.yaml" for seed in range(10)]
    texts = [path.read_text() for path in scenes]
    assert len(set(texts[:5])) == 5
    assert texts[:5] == texts[5:]


def test_a_part_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", str(SCRIPT), "sampeling"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHON": "false"},
    )
    assert done.returncode == 2
    assert "no part 'sampeling'; there are: scenes augmentation" in done.stderr
