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
from lulcseg.launch.jobs import jobs_from, jobs_of
from lulcseg.study.effects import read_questions
from tests.support.checkout import ROOT

SCRIPT = ROOT / "docs" / "study" / "mini.sh"
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
    env = os.environ | {"PYTHON": str(stub), "CALLS": str(folder / "calls"), "DATA": "data", "CACHE": "/tmp/kept"}
    done = subprocess.run(["sh", str(SCRIPT)], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


@pytest.fixture(scope="module")
def asked_for(calls: list[list[str]]) -> dict[str, list[Any]]:
    """The settings of every run that the script asks for, by trial."""
    found: dict[str, list[Any]] = {}
    for script, *arguments in calls:
        if script in {"train.py", "predict.py"}:
            name = script.removesuffix(".py")
            jobs_from(name, arguments)
            assert arguments[0] == "-m"
            overrides = arguments[1:]
            for job in jobs_of(name, overrides):
                found.setdefault(job.settings.trial.name, []).append(job.settings)
    return found


def test_every_command_composes_and_every_question_has_its_runs(asked_for: dict[str, list[Any]]) -> None:
    for trial, runs in asked_for.items():
        places = [(run.trial.value, run.seed) for run in runs]
        assert len(set(places)) == len(places), f"{trial}: two runs in one folder"
        seeds = {100, 101} if trial == "batch_rates" else {0, 1, 2, 3, 4}  # those are for settings to be chosen on
        assert {seed for _, seed in places} == seeds, trial
    paper = {name: {run.trial.value for run in asked_for[name]} for name in ("batch_size", "patch_size", "passes")}
    assert {name: len(values) for name, values in paper.items()} == {"batch_size": 7, "patch_size": 8, "passes": 2}
    arms = {f"{trial}/{run.trial.value}" for trial, runs in asked_for.items() for run in runs}
    questions = read_questions(SCRIPT.with_name("questions.yaml"))
    asked = {"/".join(arm.split("/")[:2]) for q in questions.questions for arm in [*q.first, *q.second]}
    assert asked <= arms


def test_what_is_predicted_again_was_trained_before(asked_for: dict[str, list[Any]]) -> None:
    trained: set[str] = set()
    for trial, runs in asked_for.items():
        for run in runs:
            if run.trial.program == "train":
                trained.add(str(Path(run.run_dir) / "checkpoints" / "best.ckpt"))
            else:
                assert run.checkpoint in trained, f"{trial}: {run.checkpoint}"


def test_the_other_commands_are_read(calls: list[list[str]]) -> None:
    studied = [arguments[2:] for arguments in calls if arguments[:2] == ["-m", "lulcseg.cli"]]
    actions = [command_parser().parse_args(arguments).run.__name__ for arguments in studied]
    assert actions == ["_ground", *["_class"] * 6, "_results", "_tables", "_samples"]
