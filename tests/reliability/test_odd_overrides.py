"""Overrides that make no sense: each is one sentence, and none takes long."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import SCHEMAS
from lulcseg.launch.entry import run_hydra
from lulcseg.launch.jobs import jobs_from
from lulcseg.settings.schema import known_keys
from tests.support.checkout import ROOT

REFUSED = [
    ["logger=false"], ["logger=1"], ["augment=[null]"], ["augment={}"], ["~sampling=1e308"], ["+trainer=false"],
    ["+augment=inf"], ["~model=false"], ["assess=[[1]]"], ["assess=null"], ["model=-1"], ["seed=4294967296"],
    ["seed=1e400"], ["+hydra.x=1"], ["hydra.x=1"], ["+hydra.job.x=1"], ["hydra.sweep.dri=x"],
    ["hydra=1"], ["hydra.runtime=null"], ["hydra.overrides=null"],
    ["hydra.mode=MULTIRUN"], ["hydra.runtime.choices=1"], ["scene=${scene}"], ["scene=${nope}"], ["scene=\n"], ["="],
    ["trainer=3"], ["callbacks=[1]"], ["-m", "seed=range(1,5,0)"], ["-m", "seed=range(0,1e9)"],
    ["-m", "seed=range(0,200)", "sampling.seed=range(0,200)"],
]  # fmt: skip

VALUES = [
    "false", "1", "null", "[null]", "[]", "{}", "{a: 1}", "1e308", "nan", "inf", "x", "'~'", "[[1]]", "'${seed}'",
    "'${nope:1}'", "1e400", "'\u0000'", "[1,x]", "{1: 2}", "''", "-1", "0",
]  # fmt: skip

CASES = int(os.environ.get("LULCSEG_TORTURE", "1")) * 40


@pytest.mark.parametrize("argv", REFUSED, ids=" ".join)
def test_an_odd_override_is_refused_in_a_sentence(argv: list[str]) -> None:
    with pytest.raises(LulcsegError) as refused:
        jobs_from("train", argv)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seed=x", "seed=x is not a whole number"), ("seed=null", "seed can't be null"),
        ("trainer.epochs=[1]", r"trainer\.epochs=\[1\] is not a whole number"),
        ("optim.learning_rate=fast", r"optim\.learning_rate=fast is not a number"),
        ("scaling.range=abc", r"scaling\.range=abc is not a list; write scaling\.range=\["),
        ("sampling.origin=[a,b]", r"sampling\.origin\[0\]=a is not a number"),
        ("name={a: b}", r"name=\{a: b\} is not text"),
        ("reading.decoded=maybe", r"reading\.decoded=maybe is not true or false"),
        ("+augment.strengths.gamma.widest=x", r"augment\.strengths\.gamma=\{widest: x\} is not a number"),
    ],
)  # fmt: skip
def test_a_value_of_a_wrong_type_is_told_in_plain_words(override: str, said: str) -> None:
    with pytest.raises(LulcsegError, match=said):
        jobs_from("train", [override])


def test_settings_of_hydra_that_are_free_are_taken() -> None:
    jobs_from("train", ["hydra.run.dir=.", "+hydra.launcher.x=1", "hydra.verbose=false", "+hydra.job.env_set.X=1"])


def test_a_folder_for_hydras_files_is_refused_for_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train.py", "-m", "+sweeps=patch_size", "hydra.sweep.dir=elsewhere"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit, match="2"):
        run_hydra("train", lambda _: None)


@pytest.mark.parametrize("key", ["scene", "scenes.train", "scenes.assess", "scenes.unlabelled"])
def test_a_scene_that_is_not_there_is_told_before_the_heavy_imports(key: str, tmp_path: Path) -> None:
    value = "nowhere.yaml" if key == "scene" else "[nowhere.yaml]"
    code = (
        "import runpy, sys\nsys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally: assert 'torch' not in sys.modules\n"
    )
    words = [sys.executable, "-c", code, str(ROOT / "train.py"), "scene=synthetic2018", f"{key}={value}"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "there is no scene 'nowhere.yaml'" in done.stderr


@pytest.mark.parametrize("program", ["train", "predict"])
def test_any_value_of_any_setting_is_taken_or_refused(program: str) -> None:
    rng, keys = random.Random(7), list(known_keys(SCHEMAS[program]))
    for _ in range(CASES // 2):
        prefix = rng.choice(["", "", "", "+", "++", "~"])
        with suppress(LulcsegError):
            jobs_from(program, [f"{prefix}{rng.choice(keys)}={rng.choice(VALUES)}"])
